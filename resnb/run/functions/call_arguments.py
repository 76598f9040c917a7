"""The arguments of a call in a ``@flow`` function: where they come from, and futures among them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from resnb.graph.base.inputs import allow_failure
from resnb.run.functions.futures import Futures, TaskFuture
from resnb.run.functions.provenance import ATOMS, COLLECTIONS, PARTS, Provenance

_DEPTH: Final = 8
"""Maximum depth to which collections are searched."""


def futures_in(value: Any) -> list[TaskFuture]:
    """The futures in `value`, also inside collections."""
    found: list[TaskFuture] = []
    resolved([one.value if type(one) is allow_failure else one for one in value], found.append)
    return found


def search(value: Any, provenance: Provenance) -> tuple[list[int], bool]:
    """The rows whose results are somewhere in `value`, and whether any of them is a future."""
    if type(value) in ATOMS:
        row = provenance.row_of(value)
        return ([] if row is None else [row]), False
    found = dict(_rows_in(value, provenance, _DEPTH))
    return list(found), any(found.values())


def _rows_in(value: Any, provenance: Provenance, depth: int) -> Iterator[tuple[int, bool]]:
    kind = type(value)
    if kind is TaskFuture:
        yield value.row, True
        return
    row = provenance.row_of(value)
    if row is not None:
        yield row, False
    elif (kind in COLLECTIONS or kind is Futures) and depth:
        short = len(value) <= PARTS
        for part in value.values() if kind is dict else value:
            if short or type(part) not in ATOMS:
                yield from _rows_in(part, provenance, depth - 1)


def resolved(value: Any, value_of: Callable[[TaskFuture], Any], depth: int = _DEPTH) -> Any:
    """`value` with each future in it replaced by what `value_of` gives."""
    kind = type(value)
    if kind is TaskFuture:
        return value_of(value)
    if kind is Futures:
        kind = list
    if kind is dict and depth:
        return {key: resolved(part, value_of, depth - 1) for key, part in value.items()}
    if kind in COLLECTIONS and depth:
        return kind(resolved(part, value_of, depth - 1) for part in value)
    return value


class CallArguments(NamedTuple):
    """What a row is called with; futures in it stand for their values."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    has_futures: bool = False

    def actual(self, values: Any) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with the values of futures; `values` has the value of each row."""
        args, kwargs = list(self.args), dict(self.kwargs)
        if not self.has_futures:
            return args, kwargs

        def value_of(future: TaskFuture) -> Any:
            return values[future.row]

        return resolved(args, value_of), resolved(kwargs, value_of)


NO_ARGUMENTS = CallArguments((), {})
