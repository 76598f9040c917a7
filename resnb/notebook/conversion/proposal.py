"""Which plain cells become steps, which stay ordinary cells, and why; pure.

It begins with every cell that can be a step, and takes out what cannot be one beside those that
stay ordinary, until nothing changes any more.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnb.notebook.conversion.facts import DEFINITIONS, CellFacts, labels
from resnb.notebook.conversion.grouping import (
    Groups,
    circles,
    edges_between,
    escaping,
    grouped,
    in_order,
)
from resnb.notebook.conversion.links import Links, Place, links_between

_RESERVED = frozenset({"flow", "mapped", "task_args", "upstream_tasks"})


@dataclass(frozen=True)
class Proposed:
    """What becomes of one cell, or of several that become one step.

    Attributes:
        cells: the cells.
        is_step: whether they become a step.
        why: why it stays an ordinary cell, or why several become one step.
        reads: the names that it reads from other steps, with the labels of their cells.
        outputs: the names that a step gives.
        inside: the names that it binds and that stay inside, since another step gives them.
        sees_later: whether what it shows is changed below it, by the step that gives it; it may
            then fail beside the flow.
    """

    cells: tuple[CellFacts, ...]
    is_step: bool
    why: str = ""
    reads: tuple[tuple[str, str], ...] = ()
    outputs: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    sees_later: bool = False

    @property
    def text(self) -> str:
        """The code of the cells."""
        return "\n\n".join(one.cell.text.strip("\n") for one in self.cells)

    def magic_line(self, flow: str) -> str:
        """The line that makes it a step of `flow`."""
        inside = f" --inside {','.join(self.inside)}" if self.inside else ""
        return f"%%flow {flow} --step --run{inside}"


def proposed(facts: Sequence[CellFacts]) -> list[Proposed]:
    """What becomes of cells that ran in this order, in the order in which they are to run."""
    links = links_between(facts)
    fixed = {place: one.fixed for place, one in enumerate(facts) if one.fixed}
    while True:
        steps = _steps(facts, links, fixed)
        groups = grouped(facts, links, steps)
        refused = _refused(facts, links, steps) or _torn(facts, steps, groups)
        if not refused:
            return _result(facts, links, steps, groups, fixed)
        fixed |= refused


def _steps(facts: Sequence[CellFacts], links: Links, fixed: Collection[Place]) -> set[Place]:
    """The cells that are steps unless something is in the way."""
    able = [place for place in range(len(facts)) if place not in fixed]
    found = {one for one in able if not facts[one].soft and not _only_shows(facts, links, one)}
    grown = True
    while grown:  # definitions that use a step's name, or whose names a step changes
        needed = {
            one
            for one in able
            if facts[one].soft and not found.isdisjoint(_makers(facts, links, one).values())
        }
        needed |= {at for step in found for at in links.alters[step].values() if at in able}
        grown = not needed <= found
        found |= needed
    return found


def _makers(facts: Sequence[CellFacts], links: Links, place: Place) -> dict[str, Place]:
    """The names that a cell reads, with their cells; not what is imported, which all see."""
    reads = links.reads[place].items()
    return {name: binder for name, binder in reads if name not in facts[binder].imports}


def _only_shows(facts: Sequence[CellFacts], links: Links, place: Place) -> bool:
    one = facts[place]
    if links.alters[place] or any(links.readers.get((place, name)) for name in one.binds):
        return False
    if not one.binds:
        return True
    is_early = any(max(links.writers(name), default=-1) > place for name in links.reads[place])
    return one.shows and not is_early  # beside the flow it would bind what is made of later values


def _refused(
    facts: Sequence[CellFacts], links: Links, steps: Collection[Place]
) -> dict[Place, str]:
    """The steps that cannot be any, and why."""
    found: dict[Place, str] = {}
    for place, one in enumerate(facts):
        if place in steps:
            if why := _own_fault(facts, links, steps, place):
                found[place] = why
            continue
        for name, later in links.late[place].items():
            if later in steps:
                found[later] = f"cell {one.label} reads its {name!r} as a variable of the notebook"
        for name, binder in links.alters[place].items():
            if binder in steps:
                found[binder] = f"cell {one.label}, which stays ordinary, changes its {name!r}"
    return found


def _own_fault(
    facts: Sequence[CellFacts], links: Links, steps: Collection[Place], place: Place
) -> str:
    faults = (
        *(f"no step can give {name!r}: rename it" for name in _RESERVED & facts[place].binds),
        *(
            f"it reads {name!r}, which only cell {facts[later].label} binds, below it"
            for name, later in links.late[place].items()
            if later in steps or facts[later].soft != DEFINITIONS  # else functions find it later
        ),
        *(
            f"it changes {name!r} of cell {facts[binder].label}, which stays ordinary"
            for name, binder in links.alters[place].items()
            if binder not in steps
        ),
        *_names_inside(facts, links, place),
        *_rivals(facts, links, steps, place),
    )
    return next(iter(faults), "")


def _names_inside(facts: Sequence[CellFacts], links: Links, place: Place) -> Iterator[str]:
    """What is wrong if other cells read what would stay inside a step."""
    one = facts[place]
    for name in sorted(one.binds - one.imports - {*one.outputs}):
        if readers := links.readers.get((place, name)):
            kind = "what begins with _" if name[0] == "_" else "the variable of a loop or block"
            reader = facts[min(readers)].label
            yield f"cell {reader} reads its {name!r}, and {kind} stays inside: rename it"


def _rivals(
    facts: Sequence[CellFacts], links: Links, steps: Collection[Place], place: Place
) -> Iterator[str]:
    """What is wrong if an ordinary cell binds the same name for others."""
    for name in facts[place].outputs:
        for other in links.binders.get(name, ()) if links.readers.get((place, name)) else ():
            if other not in steps and links.readers.get((other, name)):
                yield f"cell {facts[other].label}, which stays ordinary, binds {name!r}, too"


def _torn(facts: Sequence[CellFacts], steps: Collection[Place], groups: Groups) -> dict[Place, str]:
    """The steps that would have to run both before and after a cell that stays ordinary."""
    found: dict[Place, str] = {}
    for members in groups.members().values():
        ordinary = [one for one in members if one not in steps]
        if ordinary and len(members) > 1:
            cell = facts[ordinary[0]].label
            why = f"cell {cell}, which stays ordinary, reads and makes what it is made of"
            found |= {one: why for one in members if one in steps}
    return found


def _result(
    facts: Sequence[CellFacts],
    links: Links,
    steps: Collection[Place],
    groups: Groups,
    fixed: Mapping[Place, str],
) -> list[Proposed]:
    members = groups.members()
    edges = edges_between(links, groups)
    assert not circles(edges), "cells that need each other are one step"
    found: list[Proposed] = []
    for first in in_order(edges):
        cells = tuple(facts[one] for one in members[first])
        if first not in steps:
            why = fixed.get(first) or facts[first].soft
            later = "" if why else _changed_below(facts, links, groups, members, first)
            why = why or later or _idle(facts[first])
            found.append(Proposed(cells, is_step=False, why=why, sees_later=bool(later)))
            continue
        outputs = tuple(dict.fromkeys(name for one in cells for name in one.outputs))
        inside = tuple(one for one in outputs if not _gives(links, steps, groups, first, one))
        reads = {
            name: labels(facts[one] for one in members[groups.of(binder)])
            for place in members[first]
            for name, binder in _makers(facts, links, place).items()
            if binder in steps and groups.of(binder) != first
        }
        kept = tuple(one for one in outputs if one not in inside)
        why = _why_together(links, members[first])
        found.append(
            Proposed(
                cells,
                is_step=True,
                why=why,
                reads=tuple(sorted(reads.items())),
                outputs=kept,
                inside=inside,
            )
        )
    return found


def _gives(links: Links, steps: Collection[Place], groups: Groups, first: Place, name: str) -> bool:
    """Whether of all steps that bind `name` this one gives it to the flow."""
    rivals = sorted({groups.of(one) for one in links.binders[name] if one in steps})
    read = [one for one in rivals if escaping(links, groups, one, name)]
    return first == (read or rivals)[-1]


def _changed_below(
    facts: Sequence[CellFacts],
    links: Links,
    groups: Groups,
    members: Mapping[Place, Sequence[Place]],
    place: Place,
) -> str:
    """What a cell that only shows something reads and cells below it change; empty for nothing."""
    for name, binder in links.reads[place].items():
        for later in members[groups.of(binder)]:
            if later > place and (name in facts[later].binds or name in links.alters[later]):
                return (
                    f"it shows {name} as it is before cell {facts[later].label} changes it; beside "
                    "the flow it sees it as it is afterwards"
                )
    return ""


def _idle(one: CellFacts) -> str:
    if one.binds:
        return "it shows something, and no other cell reads what it binds"
    return "it only shows something" if one.shows else "it binds nothing"


def _why_together(links: Links, places: Sequence[Place]) -> str:
    if len(places) == 1:
        return ""
    names = sorted({name for one in places for name in links.alters[one]})
    shown = ", ".join(names)
    return f"they change {shown}" if shown else "they bind names anew that others have read"
