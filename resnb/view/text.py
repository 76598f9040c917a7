"""Snapshot -> text: the alternative to the picture, for terminals, saved notebooks and diffs.

Invariants: no times, durations, ids or addresses, so the same outcome gives the same text; one line
for each task, whose beginning does not depend on other lines, so that diffs stay small.

    dask-example · success
    parameters: n_workers=None, out_path='summary.csv'
    ┌ client = DaskCluster · closed
    │ ✓ setup ← n_workers
    │ ✓ load_data
    │ ✓ summarize ← load_data, client
    └ ✓ cleanup
    ✓ write_csv ← summarize, out_path
"""

from collections import defaultdict
from collections.abc import Sequence

from resnb.states import FIRST_UNSUCCESSFUL
from resnb.view import wording
from resnb.view.folding import folded
from resnb.view.outline import Outline, contents
from resnb.view.palette import TASK
from resnb.view.snapshot import Snapshot

NODE_LIMIT = 60
LINK_LIMIT = 10_000
FAILURE_LIMIT = 10
WIDTH = 100


def flow_text(snapshot: Snapshot) -> str:
    """A few lines on the flow: its tasks by scope in graph order, their states, what failed."""
    small = folded(snapshot, NODE_LIMIT, LINK_LIMIT)
    lines = [wording.SEPARATOR.join((small.outline.name, wording.of_flow(small)))]
    lines += parameters_line(small.outline)
    lines += _Tree(small).lines()
    rest = wording.left_out(small)
    lines += [f"… {rest}"] if rest else []
    lines += _failures(small)
    return "\n".join(lines)


def parameters_line(outline: Outline) -> list[str]:
    """All parameters and their defaults, or nothing."""
    given = [
        f"{node.label} ({node.note})" if node.note == "required" else f"{node.label}={node.note}"
        for node in outline.nodes
        if node.kind == "parameter"
    ]
    return [fit_line("parameters: ", given)] if given else []


def fit_line(start: str, items: Sequence[str]) -> str:
    """`start` with as many of `items` as fit in a line, and the number of the others."""
    text = start
    for number, item in enumerate(items):
        more = item if number == 0 else f", {item}"
        if number and len(text) + len(more) > WIDTH:
            return f"{text}, +{len(items) - number:,}"
        text += more
    return text


def inputs_of(outline: Outline) -> dict[int, list[str]]:
    """The names of what each node takes or waits for; a resource has the name of its scope.

    The inputs of a scope's init are listed with its set-up, since an init has no line of its own.
    """
    found: defaultdict[int, list[str]] = defaultdict(list)
    for link in outline.links:
        source, target = outline.nodes[link.source], outline.nodes[link.target]
        if source.kind == "init" and target.kind == "setup":
            found[link.target] += found.get(link.source, ())
        elif link.kind == "cleanup" or source.kind == "init":
            continue
        elif source.kind != "setup":
            found[link.target].append(source.label)
        elif link.label and source.cluster is not None:
            found[link.target].append(outline.clusters[source.cluster].label)
    return found


class _Tree:
    """A line for each task, with a frame around each scope."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._contents = contents(snapshot.outline)
        self._inputs = inputs_of(snapshot.outline)

    def lines(self, cluster: int | None = None) -> list[str]:
        found: list[str] = []
        for place, is_cluster in self._contents[cluster]:
            if is_cluster:
                found += in_frame(self._title(place), self.lines(place))
            elif self._has_line(place):
                found.append(self._line(place))
        return found

    def _has_line(self, place: int) -> bool:
        node, code = self._snapshot.outline.nodes[place], self._snapshot.codes[place]
        if node.kind == "init":
            return code >= FIRST_UNSUCCESSFUL
        return node.kind != "parameter" or code >= FIRST_UNSUCCESSFUL

    def _line(self, place: int) -> str:
        snapshot = self._snapshot
        node, code = snapshot.outline.nodes[place], snapshot.codes[place]
        about = wording.of_node(snapshot, place) or (("mapped",) if node.mapped else ())
        words = wording.SEPARATOR.join((node.short, *about))
        text = f"{TASK[code].mark} {words}"
        takes = self._inputs.get(place)
        return fit_line(f"{text} ← ", takes) if takes else text

    def _title(self, place: int) -> str:
        return wording.cluster_title(self._snapshot, place)


def in_frame(title: str, lines: Sequence[str]) -> list[str]:
    """`lines` with a frame to their left and `title` above."""
    *body, last = lines or [""]
    return [f"┌ {title}", *(f"│ {line}" for line in body), f"└ {last}"]


def _failures(snapshot: Snapshot) -> list[str]:
    failures = snapshot.failures
    if not failures:
        return []
    lines = [
        f"✗ {one.label}: {one.reason}" if one.reason else f"✗ {one.label}"
        for one in failures[:FAILURE_LIMIT]
    ]
    more = len(failures) - FAILURE_LIMIT
    return ["", *lines, *([f"… {more:,} more failed"] if more > 0 else [])]
