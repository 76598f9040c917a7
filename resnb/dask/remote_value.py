"""Values that stay on a cluster, and come to the kernel when somebody asks for them."""

from collections.abc import Sequence
from typing import Any

from resnb.errors import NoValueError
from resnb.states import Elsewhere

PATIENCE = 60.0
"""Seconds that fetching a value may take without a sign of the cluster."""


class Held(Elsewhere):
    """A value on a cluster.

    Attributes:
        name: the task's name.
        client: the client that keeps it there.
        cluster: the scheduler's id.
        future: where it is; None once it is here, or gone.
    """

    __slots__ = ("_gone", "_here", "client", "cluster", "future", "name")

    def __init__(self, name: str, client: Any, cluster: str, future: Any) -> None:
        self.name = name
        self.client = client
        self.cluster = cluster
        self.future = future
        self._here: Any = None
        self._gone = ""

    def fetched(self) -> Any:
        """The value.

        Raises:
            NoValueError: it went with its cluster.
        """
        return self.together([self])[0]

    @staticmethod
    def together(values: Sequence[Any]) -> list[Any]:
        """`values` with those on a cluster fetched, all of one cluster at once."""
        wanted: dict[int, tuple[Any, list[Held]]] = {}
        for one in values:
            if isinstance(one, Held) and one.future is not None:
                wanted.setdefault(id(one.client), (one.client, []))[1].append(one)
        found: dict[int, Any] = {}
        for client, held in wanted.values():
            for one, value in zip(held, _gathered(client, held), strict=True):
                found[id(one)] = value
        return [found[id(one)] if id(one) in found else _here(one) for one in values]

    def settle(self, value: Any) -> None:
        """It is in the kernel from now on."""
        self._here = value
        self.future = None

    def lose(self, reason: str) -> None:
        """It cannot be fetched any more."""
        self._gone = reason
        self.future = None


def _here(one: Any) -> Any:
    if not isinstance(one, Held):
        return one.fetched() if isinstance(one, Elsewhere) else one
    if one.future is not None:
        return one.fetched()
    if one._gone:  # noqa: SLF001 - its own class's
        raise NoValueError(one._gone)  # noqa: SLF001 - likewise
    return one._here  # noqa: SLF001 - likewise


def _gathered(client: Any, held: Sequence[Held]) -> list[Any]:
    import asyncio

    async def bring(futures: list[Any]) -> list[Any]:
        return list(await asyncio.wait_for(client.gather(futures), PATIENCE))

    futures = [one.future for one in held]
    try:
        if client.status != "running":
            raise ConnectionError  # noqa: TRY301 - the same ends in one place
        return list(client.sync(bring, futures))
    except (Exception, asyncio.CancelledError) as error:
        if all(one.future is None for one in held):  # brought here, or lost, meanwhile
            return [_here(one) for one in held]
        message = (
            f"the value of task {held[0].name!r} went with its Dask cluster: run it again, and ask "
            "for .value while the cluster is there"
        )
        raise NoValueError(message) from error


class Item(Elsewhere):
    """One item of a value on a cluster."""

    __slots__ = ("held", "index")

    def __init__(self, held: Held, index: int) -> None:
        self.held = held
        self.index = index

    def fetched(self) -> Any:
        """The item."""
        return self.held.fetched()[self.index]


class Items(Sequence[Item]):
    """What a task is mapped over, where that is on a cluster: only its length is known here."""

    def __init__(self, held: Held, count: int) -> None:
        self._held = held
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return Item(self._held, range(self._count)[index])


__all__ = ["Held", "Item", "Items"]
