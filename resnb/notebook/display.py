"""The output of cells: the picture of a flow, with a text that is the same on every run.

Where somebody may be watching, the flow's widget is added, which front ends prefer. A headless run
has no use for it, and would only save its state; without it, every reader of the notebook sees the
picture. There is one widget for each name of a flow, however many cells show it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from IPython import display as ipython_display
from IPython.core.getipython import get_ipython

from resnb.events import EVENTS, Event, RunBegan
from resnb.graph.flow import Flow
from resnb.notebook.front_end import cell_id, is_attended
from resnb.notebook.hooks import told
from resnb.notebook.session import session_of
from resnb.run.closing import wait_for_reaper
from resnb.run.memory import memory_of
from resnb.view.names import shown
from resnb.view.picture import alt_text

if TYPE_CHECKING:
    from resnb.notebook.widget.model import FlowWidget

display: Any = ipython_display.display  # it is not typed
_WIDGETS: "dict[str, FlowWidget]" = {}


def bundle(flow: Flow, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is shown of `flow`: text, picture and, where it is of use, the widget; and metadata."""
    _mark_stale(flow)
    still = flow._repr_mimebundle_()
    live: Mapping[str, Any] = {}
    with told(f"the live view of flow {flow.name!r}"):
        live = _live(flow)
    return {**still, **live}, alt_text(still["text/plain"])


def show_flow(flow: Flow) -> None:
    """Show `flow` below the cell, once the reaper has finished its clean-ups or a time limit."""
    wait_for_reaper(memory_of(flow).leases())
    place = uuid4().hex
    _mark_stale(flow)
    still = flow._repr_mimebundle_()
    live = _live(flow, place)
    known = {"display_id": place} if live else {}  # a headless output has no id
    display({**still, **live}, raw=True, metadata=alt_text(still["text/plain"]), **known)


@contextmanager
def shown_while_running(flow: Flow, *, quiet: bool = False) -> Iterator[None]:
    """Show `flow` at the end of the block unless that raises, and live during the block.

    A front end that sends the ids of cells, or has opened a view in this kernel, shows the widget
    from the beginning of the run, and the whole output in its place at the end. Others get one
    output, at the end.
    """
    if quiet:
        yield
        return
    place = uuid4().hex
    live = _live(flow, place) if _is_watched() else {}
    if not live:
        yield
        show_flow(flow)
        return
    began: list[Event] = []

    def show(event: Event) -> None:
        if isinstance(event, RunBegan) and event.flow == flow.name and not began:
            began.append(event)  # a run that is refused shows nothing
            text = f"{shown(flow.name)} was running when this was saved"
            # of a notebook that is saved now, and of a kernel that dies, this is all that is left
            display({"text/plain": text, **live}, raw=True, display_id=place)

    stop = EVENTS.listen(show)
    try:
        yield
    except BaseException:
        if began:  # it was interrupted
            _show_all(flow, place, update=True)
        raise
    finally:
        stop()
    wait_for_reaper(memory_of(flow).leases())
    _show_all(flow, place, update=bool(began))


def _show_all(flow: Flow, place: str, *, update: bool) -> None:
    """Show what a notebook keeps of `flow` in the output with the id `place`."""
    data, metadata = bundle(flow)
    display(data, metadata=metadata, raw=True, display_id=place, update=update)


def _mark_stale(flow: Flow) -> None:
    session = session_of(get_ipython())
    if session is not None:
        with told(f"looking for what is stale in flow {flow.name!r}"):
            session.mark_stale(flow)


# ---- the widget


def _live(flow: Flow, place: str = "") -> Mapping[str, Any]:
    """The widget's part of the bundle; empty if nobody is watching or it was not built.

    Args:
        flow: the flow.
        place: the id of the output, if it has one.
    """
    shell = get_ipython()
    if getattr(shell, "kernel", None) is None or not is_attended(shell) or not _is_built():
        return {}
    from resnb.notebook.widget.model import FlowWidget

    widget = _WIDGETS.get(flow.name)
    if widget is None or widget.comm is None:  # it was closed, as all can be at once
        widget = _WIDGETS[flow.name] = FlowWidget(flow)
    widget.follow(flow)
    widget.shown(place)
    return widget.bundle()


def has_view(flow: Flow) -> bool:
    """Whether there is a live view of `flow`."""
    return flow.name in _WIDGETS


def take_command(model: str, command: Any) -> None:
    """Take what a view says to the widget with the id `model`, if there is one."""
    for widget in tuple(_WIDGETS.values()):
        if widget.model_id == model:
            widget.take(command)


def _is_watched() -> bool:
    shell = get_ipython()
    if not is_attended(shell):
        return False
    if cell_id(shell) is not None:
        return True
    if not _WIDGETS:
        return False
    from resnb.notebook.widget.model import FlowWidget

    return FlowWidget.is_seen


@cache
def _is_built() -> bool:
    built = Path(__file__).parents[1] / "view" / "static" / "widget.js"
    return built.is_file() and find_spec("anywidget") is not None
