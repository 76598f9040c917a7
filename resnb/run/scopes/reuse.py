"""What an earlier run has left open is used again if its scope gets the same arguments.

They are known once what they come from has run, so the scope's init and set-up are rows of the run
like any other. For other arguments the resource is closed, after what was opened inside it.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from resnb.errors import ResnbError
from resnb.graph.base.signals import Signal
from resnb.ledger import states
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.lease import Lease
from resnb.states import Cached

Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]
"""What a resource's definition is called with."""

IS_OPEN = "the scope is open"

_OPENED_WITH: WeakKeyDictionary[Lease, Arguments] = WeakKeyDictionary()


class StillOpen(Signal):
    """Ends a scope's init or set-up with what is there already."""

    state_class = Cached


def note_arguments(lease: Lease, arguments: Arguments | None) -> None:
    """Remember what `lease` was opened with; None if nobody knows."""
    if arguments is not None:
        _OPENED_WITH[lease] = arguments


def take_manager(lease: Lease | None, arguments: Arguments) -> None:
    """End a scope's init with the manager of `lease`, if that is open for these arguments.

    Raises:
        StillOpen: it is.
    """
    if lease is not None and lease.state == states.OPEN and _is_alike(lease, arguments):
        raise StillOpen(IS_OPEN, lease.manager)


def _is_alike(lease: Lease, arguments: Arguments) -> bool:
    known = _OPENED_WITH.get(lease)
    if known is None:
        return False
    (args, kwargs), (others, other_kwargs) = known, arguments
    if len(args) != len(others) or kwargs.keys() != other_kwargs.keys():
        return False
    pairs = [*zip(args, others, strict=True), *((kwargs[key], other_kwargs[key]) for key in kwargs)]
    return all(_are_equal(one, other) for one, other in pairs)


def close_with_inner(keeper: Keeper, lease: Lease, known: Iterable[Lease]) -> None:
    """Close `lease` on its own thread, which is the caller's, after those of `known` inside it."""
    inside = [one for one in known if lease in one.around and one.state == states.OPEN]
    keeper.close(inside, max((one.limits.cleanup_timeout for one in inside), default=0.0))
    put_away(lease)


def put_away(lease: Lease) -> None:
    """Close `lease`; if that fails, it keeps the reason, and stays listed."""
    with suppress(BaseException):
        lease.close()


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two arguments are equal; arrays, frames and the like are compared by content."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - the user's values
        from resnb.run.caching.value_keys import value_key

        with suppress(ResnbError):
            return value_key(one) == value_key(other)
        return False
