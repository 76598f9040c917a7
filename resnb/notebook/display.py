"""What cells show: the picture of a flow beside a text that is the same on every run.

Where people look on, the flow's widget stands beside them, which front ends prefer. A headless run
has no use for it, and would only save its state: with a notebook's picture and text alone, all
readers see the picture. There is one widget for each name of a flow, however often a cell shows it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnb.events import EVENTS, Event, RunBegan
from resnb.graph.flow import Flow
from resnb.notebook.closing import wait_for_reaper
from resnb.notebook.front_end import cell_id, is_attended
from resnb.run.memory import memory_of

if TYPE_CHECKING:
    from resnb.notebook.widget.model import FlowWidget

_WIDGETS: "dict[str, FlowWidget]" = {}


def bundle(flow: Flow, **_: Any) -> dict[str, Any]:
    """All the forms in which a cell shows `flow`."""
    return {**flow._repr_mimebundle_(), **_live(flow)}


def show_flow(flow: Flow) -> None:
    """Show `flow` below the cell, as it is when the reaper has had its try."""
    wait_for_reaper(memory_of(flow).leases())
    _display()(bundle(flow), raw=True)


@contextmanager
def shown_while_running(flow: Flow, *, quiet: bool = False) -> Iterator[None]:
    """Show `flow` at the end of the block, unless that raises; where people look on, all along.

    A front end that names its cells, or has opened a view in this kernel, shows the widget from the
    block's beginning, and the whole output in its place at the end. Others get one output, at the
    end.
    """
    live = {} if quiet or not _is_watched() else _live(flow)
    if not live:
        yield
        if not quiet:
            show_flow(flow)
        return
    import uuid

    place = uuid.uuid4().hex
    began: list[Event] = []

    def show(event: Event) -> None:
        if isinstance(event, RunBegan) and event.flow == flow.name and not began:
            began.append(event)  # a run that is refused shows nothing
            _display()(live, raw=True, display_id=place)

    widget = _WIDGETS[flow.name]
    widget.expect(views=True)
    stop = EVENTS.listen(show)
    try:
        yield
    finally:
        stop()
        widget.expect(views=False)
    wait_for_reaper(memory_of(flow).leases())
    _display()(bundle(flow), raw=True, display_id=place, update=bool(began))


def _display() -> Any:
    from IPython import display

    return display.display


# ---- the widget


def _live(flow: Flow) -> Mapping[str, Any]:
    """The form that changes; empty where nobody looks on, or the front end was not built."""
    shell = _shell()
    if getattr(shell, "kernel", None) is None or not is_attended(shell) or not _is_possible():
        return {}
    from resnb.notebook.widget.model import FlowWidget

    widget = _WIDGETS.get(flow.name)
    if widget is None or widget.comm is None:  # all widgets can be closed at once
        widget = _WIDGETS[flow.name] = FlowWidget(flow)
    widget.follow(flow)
    return widget.bundle()


def _is_watched() -> bool:
    shell = _shell()
    if not is_attended(shell):
        return False
    if cell_id(shell) is not None:
        return True
    if not _WIDGETS:
        return False
    from resnb.notebook.widget.model import FlowWidget

    return FlowWidget.is_seen


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()


@cache
def _is_possible() -> bool:
    built = Path(__file__).parents[1] / "view" / "static" / "widget.js"
    return built.is_file() and find_spec("anywidget") is not None


__all__ = ["bundle", "show_flow", "shown_while_running"]
