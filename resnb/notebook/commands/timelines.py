"""``%flow timeline``: when the parts of a flow's latest run ran, as a picture and text.

A notebook's text is the same on every run; a terminal, which shows no picture, gets the times.
"""

from resnb.errors import RunError
from resnb.graph.flow import Flow
from resnb.notebook.front_end import is_terminal
from resnb.notebook.widget.timeline_record import record_of
from resnb.run.closing import wait_for_reaper
from resnb.run.memory import memory_of
from resnb.states import PENDING
from resnb.view.painter import PAINTER
from resnb.view.snapshot import snapshot
from resnb.view.timeline.chart import timeline
from resnb.view.timeline.picture import timeline_bundle, timeline_text
from resnb.view.timeline.terminal import timeline_lines


def show_timeline(flow: Flow) -> None:
    """Show the timeline of the latest run of `flow`.

    Raises:
        RunError: the flow has not run.
    """
    from IPython import display
    from IPython.core.getipython import get_ipython

    memory = memory_of(flow)
    wait_for_reaper(memory.leases())
    record = record_of(flow)
    if record is None:
        since = "" if memory.flow_code() == PENDING else " since tasks of it were replaced"
        name = flow.name
        raise RunError(f"flow {name!r} has not run{since}, so it has no timeline: %flow run {name}")
    if is_terminal(get_ipython()):
        print(timeline_lines(timeline(record)))  # noqa: T201
        return
    text = timeline_text(snapshot(flow, PAINTER.in_words(memory)), frozenset(record.labels))
    display.display(timeline_bundle(timeline(record), text), raw=True)  # type: ignore[no-untyped-call]
