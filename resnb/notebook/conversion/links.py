"""Which cell reads, binds anew or changes what another cell has bound."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from resnb.notebook.conversion.facts import CellFacts

Place: TypeAlias = int
"""The place of a cell among the others."""


class Links(NamedTuple):
    """How cells depend on each other.

    Attributes:
        reads: for each cell the names that it reads, and the cell that bound or changed each last.
        late: for each cell the names that it reads and only a later cell binds, with that one.
        alters: for each cell the names of another cell that it binds anew from their old value, or
            whose objects it changes in place, with the cell that bound or changed them last.
        readers: for a cell and a name of it, the other cells that read that.
        binders: for each name the cells that bind it, whatever it was before; imports do not count.
    """

    reads: list[dict[str, Place]]
    late: list[dict[str, Place]]
    alters: list[dict[str, Place]]
    readers: dict[tuple[Place, str], set[Place]]
    binders: dict[str, list[Place]]

    def writers(self, name: str) -> set[Place]:
        """The cells that bind `name` or change what it refers to."""
        return {*self.binders[name], *(at for at, names in enumerate(self.alters) if name in names)}


def links_between(facts: Sequence[CellFacts]) -> Links:
    """How cells that ran in this order depend on each other."""
    found = Links([], [], [], defaultdict(set), defaultdict(list))
    latest: dict[str, Place] = {}
    for place, one in enumerate(facts):
        needs = one.needs | one.changes - one.binds
        reads = {name: latest[name] for name in sorted(needs) if name in latest}
        found.reads.append(reads)
        found.late.append(_late(facts, place, needs - reads.keys() - one.binds))
        altered = {
            name: binder
            for name, binder in reads.items()
            if (name in one.binds or name in one.changes) and name not in facts[binder].imports
        }
        found.alters.append({name: at for name, at in altered.items() if name not in one.imports})
        for name, binder in reads.items():
            found.readers[binder, name].add(place)
        for name in (*one.binds, *found.alters[place]):
            latest[name] = place
        for name in one.binds - found.alters[place].keys() - one.imports:
            found.binders[name].append(place)
    return found


def _late(facts: Sequence[CellFacts], place: Place, names: frozenset[str]) -> dict[str, Place]:
    """The first cell below that binds each of `names`."""
    below: dict[str, Place] = {}
    for later in range(place + 1, len(facts)):
        for name in names & facts[later].binds:
            below.setdefault(name, later)
    return below
