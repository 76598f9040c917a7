"""The plan of a flow: what runs after what, where resources are set up and cleaned up.

Nothing is run to find out. Tasks of one stage do not wait for each other. Set-ups and clean-ups are
the frame around what runs inside them, so inner resources are cleaned up before outer ones.

    Plan of dask-example: 3 tasks, 1 resource
    parameters: n_workers=None, out_path='summary.csv'
    1  ┌ set up client = DaskCluster ← n_workers
    2  │ load_data
    3  │ summarize
    4  └ clean up client
    4  write_csv
    client: if the kernel dies during set-up this may leak: ...
"""

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from resnb.graph.base.kinds import NO_WORK, SCOPE_KINDS
from resnb.view import wording
from resnb.view.names import counted
from resnb.view.option_words import option_notes
from resnb.view.outline import Outline, contents
from resnb.view.protection import protection_texts
from resnb.view.sketch import sketch
from resnb.view.text import fit_line, in_frame, inputs_of, parameters_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope, ScopeOptions
    from resnb.ledger.recipes.recipe import Protection
    from resnb.view.snapshot import Progress

_LIFETIMES = ("block", "flow", "kernel")
_ENDS = {"flow": "the run's end", "kernel": "the kernel's end"}
_WHEN = {
    "always": "",
    "success": " if nothing failed, else at the kernel's end",
    "failure": " if something failed, else at the kernel's end",
}
_LINE_LIMIT = 120


class _Line(NamedTuple):
    stage: int
    text: str


def plan_text(
    flow: "Flow",
    progress: "Progress | None" = None,
    protections: "Mapping[Scope, Protection] | None" = None,
) -> str:
    """What a run of `flow` would do, in order, including each set-up and clean-up.

    Args:
        flow: the flow.
        progress: knows which resources are open already.
        protections: the protection of those.
    """
    lines = _Plan(flow, progress, protections or {}).lines()
    left_out = len(lines) - _LINE_LIMIT
    if left_out > 1:
        head = _LINE_LIMIT * 3 // 4
        lines[head : head + left_out] = [f"… {counted(left_out, 'more line')} not shown"]
    return "\n".join(lines)


class _Plan:
    def __init__(
        self,
        flow: "Flow",
        progress: "Progress | None",
        protections: "Mapping[Scope, Protection]",
    ) -> None:
        self._outline, _, self._scopes = sketch(flow)
        self._progress = progress
        self._protections = protections
        self._contents = contents(self._outline)
        self._inputs = inputs_of(self._outline)
        self._stages = stages(self._outline)
        self._lifetimes = _lifetimes(self._outline, [one.options for one in self._scopes])

    def lines(self) -> list[str]:
        outline = self._outline
        work = sum(node.kind not in NO_WORK for node in outline.nodes)
        head = counted(work, "task")
        if outline.clusters:
            head = f"{head}, {counted(len(outline.clusters), 'resource')}"
        steps = self._inside(None)
        wide = len(str(max((line.stage for line in steps), default=1)))
        return [
            f"Plan of {outline.name}: {head}",
            *parameters_line(outline),
            *(f"{line.stage:>{wide}}  {line.text}" for line in steps),
            *(self._later(lifetime) for lifetime in _ENDS if lifetime in self._lifetimes),
            *self._marks(),
        ]

    def _marks(self) -> list[str]:
        labels = [one.label for one in self._outline.clusters]
        found = protection_texts(self._scopes, labels, self._protections)
        return [f"{fit_line('', names)}: {mark}" for mark, names in found]

    def _inside(self, cluster: int | None) -> list[_Line]:
        """The steps directly inside a cluster, by stage; each scope is a block."""
        blocks: list[tuple[int, int, list[_Line]]] = []
        tasks: list[tuple[int, int]] = []
        for place, is_cluster in self._contents[cluster]:
            if is_cluster:
                block = self._block(place)
                blocks.append((block[0].stage, 1, block))
            elif self._outline.nodes[place].kind not in NO_WORK:
                tasks.append((self._stages[place], place))
        for stage, group in groupby(sorted(tasks), key=lambda pair: pair[0]):
            names = [self._named(place) for _, place in group]
            blocks.append((stage, 0, [_Line(stage, fit_line("", names))]))
        blocks.sort(key=lambda block: block[:2])
        return [line for _, _, block in blocks for line in block]

    def _named(self, place: int) -> str:
        node = self._outline.nodes[place]
        return f"{node.label} (mapped)" if node.mapped else node.label

    def _block(self, cluster: int) -> list[_Line]:
        own = {
            self._outline.nodes[place].kind: self._stages[place]
            for place, is_cluster in self._contents[cluster]
            if not is_cluster and self._outline.nodes[place].kind in SCOPE_KINDS
        }
        inside = self._inside(cluster)
        texts = in_frame(
            self._set_up(cluster), [*(line.text for line in inside), self._clean_up(cluster)]
        )
        numbers = [own["setup"], *(line.stage for line in inside), own["cleanup"]]
        return [_Line(*pair) for pair in zip(numbers, texts, strict=True)]

    def _set_up(self, cluster: int) -> str:
        one, scope = self._outline.clusters[cluster], self._scopes[cluster]
        name = one.label if one.label == one.manager else f"{one.label} = {one.manager}"
        if scope.is_mapped:
            name = f"{name} (mapped)"
        lease = self._progress.lease_state(scope) if self._progress is not None else ""
        verb = f"use {name}, which is open" if lease in ("open", "kept") else f"set up {name}"
        limits = option_notes(scope.options._replace(on="always", lifetime="block"))
        text = wording.SEPARATOR.join((verb, *limits))
        setup = next(
            place
            for place, is_cluster in self._contents[cluster]
            if not is_cluster and self._outline.nodes[place].kind == "setup"
        )
        takes = self._inputs.get(setup)
        return fit_line(f"{text} ← ", takes) if takes else text

    def _clean_up(self, cluster: int) -> str:
        name, lifetime = self._outline.clusters[cluster].label, self._lifetimes[cluster]
        if lifetime != "block":
            return f"{name} stays open until {_ENDS[lifetime]}"
        return f"clean up {name}{_WHEN[self._scopes[cluster].options.on]}"

    def _later(self, lifetime: str) -> str:
        names = [
            f"{self._outline.clusters[place].label}{_WHEN[self._scopes[place].options.on]}"
            for place, one in enumerate(self._lifetimes)
            if one == lifetime
        ]
        return fit_line(f"at {_ENDS[lifetime]}: clean up ", names[::-1])


def stages(outline: Outline) -> list[int]:
    """The length of the longest path to each node; making a manager is no step."""
    arriving: defaultdict[int, list[int]] = defaultdict(list)
    for link in outline.links:
        arriving[link.target].append(link.source)
    found: list[int] = []
    for place, node in enumerate(outline.nodes):
        before = max((found[source] for source in arriving[place]), default=0)
        found.append(before + (node.kind not in ("init", "parameter")))
    return found


def _lifetimes(outline: Outline, options: "list[ScopeOptions]") -> list[str]:
    """The lifetime of each scope: at least that of the scopes inside it."""
    found = [_LIFETIMES.index(one.lifetime) for one in options]
    for place in reversed(range(len(found))):
        parent = outline.clusters[place].parent
        if parent is not None:
            found[parent] = max(found[parent], found[place])
    return [_LIFETIMES[rank] for rank in found]
