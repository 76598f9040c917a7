"""Large values of the kernel, which a cluster is sent once, however many tasks read them."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.dask.remote_value import RemoteItem, RemoteValue
from resnb.dask.serialization import Flattened, Whole
from resnb.elsewhere import Elsewhere, LetGo

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution

LARGE = 1_000_000
"""Values of the kernel with so many bytes (by Dask's reckoning) or more are sent only once."""
_CONTAINERS = (list, tuple, set, frozenset, dict)
_SMALL = (type(None), bool, int, float, complex, RemoteValue, RemoteItem, Flattened)


class _Sent(NamedTuple):
    """A value that was sent.

    Attributes:
        value: keeps the object, so that its identity belongs to no other.
        there: where it is.
        source: the row whose value, or a part of it, it is; None for none.
    """

    value: Any
    there: RemoteValue
    source: int | None


class Scattered:
    """The large values that one cluster was sent for a run.

    Args:
        cluster: the scheduler's id.
    """

    def __init__(self, execution: "Execution", client: Any, cluster: str) -> None:
        self._execution = execution
        self._client = client
        self._cluster = cluster
        self._sent: dict[int, _Sent] = {}

    def once(self, value: Any, row: int, resources: Collection[int]) -> Any:
        """`value`, or a reference to it on the cluster if it is large.

        Args:
            value: an argument.
            row: whose it is.
            resources: the identities of what is not to be sent like that.
        """
        if isinstance(value, _SMALL) or (isinstance(value, str | bytes) and len(value) < LARGE):
            return value
        known = self._sent.get(id(value))
        if known is not None:
            return known.there
        from dask.sizeof import sizeof

        if id(value) in resources or sizeof(value) < LARGE or _refers(value):
            return value
        is_container = isinstance(value, _CONTAINERS)
        try:
            future = self._client.scatter(Whole(value) if is_container else value, hash=False)
        except Exception:  # noqa: BLE001 - it does not pickle: who sends it says so
            return value
        there = RemoteValue(str, self._client, self._cluster, future, 0 if is_container else None)
        self._sent[id(value)] = _Sent(value, there, self._source_of(value, row))
        return there

    def let_go(self) -> None:
        """Let go, here and there, of what the run has let go of."""
        values = self._execution.values
        for key, (_, _, source) in tuple(self._sent.items()):
            if source is not None and _is_gone(values[source]):
                del self._sent[key]

    def _source_of(self, value: Any, row: int) -> int | None:
        execution = self._execution
        upstream = execution.plan.upstream[execution.mapped.origin(row)]
        return next((one for one in upstream if _holds(execution.values[one], value)), None)


def _holds(whole: Any, value: Any) -> bool:
    parts = whole if isinstance(whole, list | tuple) else ()
    return whole is value or any(one is value for one in parts)


def _is_gone(value: Any) -> bool:
    """Whether a row's value, or each of those of a mapped row, was let go."""
    if isinstance(value, list) and value:
        return all(isinstance(one, LetGo | BaseException) for one in value)
    return isinstance(value, LetGo)


def _refers(value: Any) -> bool:
    """Whether there is a value on a cluster somewhere in `value`, which may have many items."""
    from distributed import Future

    if not isinstance(value, _CONTAINERS):
        return isinstance(value, Elsewhere | Future)
    parts: Sequence[Any] = [*value, *value.values()] if isinstance(value, dict) else [*value]
    kinds = set(map(type, parts))  # a loop over numbers would take longer than to send them
    inside = tuple(one for one in kinds if issubclass(one, (*_CONTAINERS, Elsewhere, Future)))
    return any(_refers(one) for one in parts if isinstance(one, inside)) if inside else False
