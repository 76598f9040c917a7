"""Which tasks of a large flow may be drawn as one: chains, and what is repeated. Pure.

Drawing a group as one node never makes a circle: a chain has no way in or out but at its ends,
repeated tasks have the same neighbours, and tasks of one level do not depend on each other.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TypeAlias

from resnb.view.folding import Group
from resnb.view.names import counted, shown, unique
from resnb.view.outline import Node, Outline

LEAST = 3
"""The fewest tasks, or chains of them, that are worth a group."""

_NUMBER = re.compile(r"(?:[-_. ]?\d+)+$")
_Chain: TypeAlias = tuple[int, ...]


def repeated(outline: Outline, opened: Container[str]) -> list[Group]:
    """Chains that are alike, with the same neighbours; and those that stand alone but are long.

    Args:
        outline: what there is.
        opened: the labels of tasks that stay as they are, with the group that they would be in.
    """
    nodes, near = outline.nodes, _Neighbours(outline)
    alike: defaultdict[object, list[_Chain]] = defaultdict(list)
    for chain in near.chains():
        key = tuple(_base(nodes[place]) for place in chain)
        before, after = near.before[chain[0]], near.after[chain[-1]]
        alike[nodes[chain[0]].cluster, key, frozenset(before), frozenset(after)].append(chain)
    found: list[tuple[_Chain, str]] = []
    for chains in alike.values():
        names = [_base(nodes[place]) for place in chains[0]]
        word = names[0] if len(names) == 1 else f"{names[0]} → {names[-1]}"
        places = tuple(sorted(place for chain in chains for place in chain))
        if len(chains) >= LEAST:
            found.append((places, _times(word, len(chains))))
            continue
        for chain in chains:
            if len(chain) >= LEAST:
                ends = f"{nodes[chain[0]].short} → {nodes[chain[-1]].short}"
                found.append((chain, f"{ends}, {len(chain):,} tasks"))
    return _groups(outline, found, opened)


def same_level(outline: Outline, opened: Container[str], *, by_name: bool) -> list[Group]:
    """Tasks of one scope that are as far from the flow's start, and have the same name.

    Args:
        outline: what there is.
        opened: the labels of tasks that stay as they are, with the group that they would be in.
        by_name: whether their names must be the same but for a number at the end.
    """
    name: Callable[[Node], str] = _base if by_name else (lambda _: "")
    alike: defaultdict[object, list[int]] = defaultdict(list)
    for place, level in enumerate(_levels(outline)):
        node = outline.nodes[place]
        if _is_plain(node):
            alike[level, node.cluster, name(node)].append(place)
    found = []
    for places in alike.values():
        total = sum(max(1, outline.nodes[place].tasks) for place in places)
        if len(places) >= LEAST:
            words = list(dict.fromkeys(_base(outline.nodes[place]) for place in places))
            several = f"{words[0]}, {words[-1]} …, {counted(total, 'task')}"
            found.append((tuple(places), several if words[1:] else _times(words[0], total)))
    return _groups(outline, found, opened)


def _groups(
    outline: Outline, found: Sequence[tuple[_Chain, str]], opened: Container[str]
) -> list[Group]:
    nodes = outline.nodes
    chosen = [one for one in found if not any(nodes[place].label in opened for place in one[0])]
    labels = unique(text for _, text in chosen)
    return [
        Group(
            places,
            Node(
                label,
                shown(text),
                "folded",
                cluster=nodes[places[0]].cluster,
                tasks=sum(max(1, nodes[place].tasks) for place in places),
            ),
        )
        for (places, text), label in zip(chosen, labels, strict=True)
    ]


def _times(word: str, number: int) -> str:
    return f"{word} × {number:,}"  # noqa: RUF001 - a multiplication sign


def _base(node: Node) -> str:
    """The name without the numbers at its end."""
    return _NUMBER.sub("", node.short) or node.short


def _is_plain(node: Node) -> bool:
    return node.kind in ("task", "folded") and not node.mapped


class _Neighbours:
    """What comes before and after each node."""

    def __init__(self, outline: Outline) -> None:
        self._nodes = outline.nodes
        self.before: list[set[int]] = [set() for _ in outline.nodes]
        self.after: list[set[int]] = [set() for _ in outline.nodes]
        for link in outline.links:
            self.before[link.target].add(link.source)
            self.after[link.source].add(link.target)

    def chains(self) -> Iterator[_Chain]:
        """All plain tasks, in chains as long as can be; most consist of one."""
        for place, node in enumerate(self._nodes):
            if not _is_plain(node) or self._previous(place) is not None:
                continue
            chain = [place]
            while (following := self._next(chain[-1])) is not None:
                chain.append(following)
            yield tuple(chain)

    def _next(self, place: int) -> int | None:
        """What alone comes after, and after nothing else, in the same scope."""
        if len(self.after[place]) != 1:
            return None
        (other,) = self.after[place]
        one, two = self._nodes[place], self._nodes[other]
        fits = _is_plain(two) and one.cluster == two.cluster and len(self.before[other]) == 1
        return other if fits else None

    def _previous(self, place: int) -> int | None:
        if len(self.before[place]) != 1:
            return None
        (other,) = self.before[place]
        return other if _is_plain(self._nodes[other]) and self._next(other) == place else None


def _levels(outline: Outline) -> list[int]:
    """How many steps each node is from the start, on the longest way."""
    near = _Neighbours(outline)
    waits = [len(before) for before in near.before]
    levels = [0] * len(waits)
    ready = [place for place, number in enumerate(waits) if not number]
    while ready:
        place = ready.pop()
        for other in near.after[place]:
            levels[other] = max(levels[other], levels[place] + 1)
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return levels
