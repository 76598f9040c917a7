"""What a notebook shows for the timeline of a run: a picture beside a text.

The text is the same on every run and machine: no times, and no workers, since it is chance which of
them took a task. It names the resources and, in graph order, the tasks that took part.

    timeline of etl · success
    resources: client (closed)
    ✓ load
    ✓ summarize
"""

from collections.abc import Collection
from typing import Any, Final

from resnb.graph.base.kinds import NO_WORK
from resnb.states import FIRST_UNSUCCESSFUL
from resnb.view import wording
from resnb.view.engines import render
from resnb.view.names import counted
from resnb.view.palette import TASK
from resnb.view.picture import bundle
from resnb.view.snapshot import NOT_YET, Snapshot
from resnb.view.text import fit_line
from resnb.view.timeline.chart import Timeline
from resnb.view.timeline.dot import timeline_dot

LINES: Final = 60


def timeline_text(snapshot: Snapshot, took_part: Collection[str]) -> str:
    """The tasks and resources that took part in a run, with their states.

    Args:
        snapshot: the flow.
        took_part: the labels of the tasks that took part.
    """
    outline = snapshot.outline
    lines = [f"timeline of {outline.name}{wording.SEPARATOR}{wording.of_flow(snapshot)}"]
    resources = [
        f"{cluster.label} ({', '.join(wording.of_leases(snapshot, place))})"
        for place, cluster in enumerate(outline.clusters)
        if snapshot.leases[place] != NOT_YET
    ]
    lines += [fit_line("resources: ", resources)] if resources else []
    tasks = [
        _line(snapshot, place)
        for place, node in enumerate(outline.nodes)
        if node.label in took_part
        and (node.kind not in NO_WORK or snapshot.codes[place] >= FIRST_UNSUCCESSFUL)
    ]
    lines += tasks[:LINES]
    more = len(tasks) - LINES
    return "\n".join([*lines, *([f"… {counted(more, 'more task')}"] if more > 0 else [])])


def _line(snapshot: Snapshot, place: int) -> str:
    label, mark = snapshot.outline.nodes[place].label, TASK[snapshot.codes[place]].mark
    return f"{mark} {wording.SEPARATOR.join((label, *wording.of_node(snapshot, place)))}"


def timeline_bundle(timeline: Timeline, text: str) -> dict[str, Any]:
    """``image/png`` and ``text/plain``; if no engine can draw, the text says so."""
    return bundle(text, lambda: render(timeline_dot(timeline), "png"))
