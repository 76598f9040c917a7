"""Cells that can only be one step together, and the order in which steps and cells run.

A flow's name has one value. So the cells that change it, and those that read it before its last
change, become one step; likewise where something bound twice is read each time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

from resnb.notebook.conversion.facts import CellFacts
from resnb.notebook.conversion.links import Links, Place


class Groups:
    """A partition of cells, at first each by itself.

    Args:
        count: how many cells there are.
    """

    def __init__(self, count: int) -> None:
        self._first = list(range(count))

    def of(self, place: Place) -> Place:
        """The first cell of a cell's group."""
        while self._first[place] != place:
            place = self._first[place]
        return place

    def join(self, places: Iterable[Place]) -> bool:
        """Make one group of the groups of `places`; gives whether anything has changed."""
        firsts = {self.of(one) for one in places}
        for one in firsts:
            self._first[one] = min(firsts)
        return len(firsts) > 1

    def members(self) -> dict[Place, list[Place]]:
        """All cells of each group."""
        found: dict[Place, list[Place]] = defaultdict(list)
        for place in range(len(self._first)):
            found[self.of(place)].append(place)
        return found


def grouped(facts: Sequence[CellFacts], links: Links, steps: Collection[Place]) -> Groups:
    """The groups of the `steps`; every other cell is by itself, unless there is no order then."""
    groups = Groups(len(facts))
    for place in steps:
        for name, binder in links.alters[place].items():
            before = links.readers[binder, name].intersection(steps)
            groups.join({place, binder, *(one for one in before if one <= place)})
    changed = True
    while changed:
        changed = False
        for name, binders in links.binders.items():
            read = [one for one in binders if one in steps and _escapes(links, groups, one, name)]
            if len({groups.of(one) for one in read}) > 1:
                readers = {at for one in read[:-1] for at in _readers(links, groups, one, name)}
                changed |= groups.join({*read, *readers.intersection(steps)})
        for (binder, name), readers in links.readers.items():
            if binder in steps and _changes_later(links, groups, binder, name):
                changed |= groups.join({binder, *readers.intersection(steps)})
        for circle in circles(edges_between(links, groups)):
            changed |= groups.join(circle)
    return groups


def _changes_later(links: Links, groups: Groups, place: Place, name: str) -> bool:
    """Whether `name` is another value at the end of the step of which `place` is a part."""
    own = groups.of(place)
    return any(later > place and groups.of(later) == own for later in links.writers(name))


def escaping(links: Links, groups: Groups, place: Place, name: str) -> bool:
    """Whether a cell of another group reads `name` as the group of `place` leaves it."""
    return _escapes(links, groups, place, name)


def _escapes(links: Links, groups: Groups, place: Place, name: str) -> bool:
    own = groups.of(place)
    return any(groups.of(one) != own for one in _readers(links, groups, place, name))


def _readers(links: Links, groups: Groups, place: Place, name: str) -> Iterator[Place]:
    """The cells that read `name` as a cell of the group of `place` leaves it."""
    own = groups.of(place)
    for (binder, read), found in links.readers.items():
        if read == name and groups.of(binder) == own:
            yield from found


def edges_between(links: Links, groups: Groups) -> dict[Place, set[Place]]:
    """For each group those that read something of it."""
    found: dict[Place, set[Place]] = {groups.of(one): set() for one in range(len(links.reads))}
    for place, reads in enumerate(links.reads):
        for binder in reads.values():
            source, target = groups.of(binder), groups.of(place)
            if source != target:
                found[source].add(target)
    return found


def circles(edges: Mapping[Place, Collection[Place]]) -> list[set[Place]]:
    """The groups that depend on each other in a circle, each circle whole."""
    after = {one: _reached(edges, one) for one in edges}
    found: list[set[Place]] = []
    for one in edges:
        circle = {other for other in after[one] if one in after[other]}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


def _reached(edges: Mapping[Place, Collection[Place]], start: Place) -> set[Place]:
    found: set[Place] = set()
    waiting = [start]
    while waiting:
        for one in edges[waiting.pop()]:
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def in_order(edges: Mapping[Place, Collection[Place]]) -> list[Place]:
    """The groups, each after what it reads, else in the order of cells; there are no circles."""
    waits = dict.fromkeys(edges, 0)
    for targets in edges.values():
        for one in targets:
            waits[one] += 1
    ready = [one for one, count in waits.items() if not count]
    heapify(ready)
    order: list[Place] = []
    while ready:
        order.append(heappop(ready))
        for one in edges[order[-1]]:
            waits[one] -= 1
            if not waits[one]:
                heappush(ready, one)
    return order
