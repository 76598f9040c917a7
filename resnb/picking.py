"""Picks what is at fixed places out of long sequences, at C's speed."""

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

_WORTH: Final = 8
"""Places in a row, on average, from which on slices are faster."""


def picker(places: Sequence[int]) -> Callable[[bytes | bytearray], bytes]:
    """A function that picks the codes at `places` out of all codes.

    Args:
        places: where they are, in the order in which they are wanted.
    """
    runs = _runs(places)
    if len(runs) == 1:
        [only] = runs
        return lambda codes: bytes(codes[only])
    if len(places) >= _WORTH * len(runs):
        return lambda codes: b"".join([codes[one] for one in runs])
    pick = itemgetter(*places)
    return lambda codes: bytes(pick(codes))


def item_picker(places: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """The same for items of a tuple."""
    runs = _runs(places)
    if len(places) >= _WORTH * len(runs):
        return lambda items: tuple(chain.from_iterable([items[one] for one in runs]))
    if len(places) == 1:
        [only] = places
        return lambda items: (items[only],)
    return itemgetter(*places)


def _runs(places: Sequence[int]) -> list[slice]:
    """Slices that give the same, each as long as can be."""
    found: list[slice] = []
    first = last = None
    for place in places:
        if first is not None and place == last:
            last += 1
            continue
        if first is not None:
            found.append(slice(first, last))
        first, last = place, place + 1
    if first is not None:
        found.append(slice(first, last))
    return found
