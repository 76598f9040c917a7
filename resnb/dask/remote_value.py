"""Values that stay on a cluster, and are fetched when somebody asks for them."""

from collections.abc import Sequence
from typing import Any

from resnb.errors import NoValueError
from resnb.states import Elsewhere

PATIENCE = 60.0
"""Maximum time for fetching a value, in seconds."""


class RemoteValue(Elsewhere):
    """A value on a cluster.

    Attributes:
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
        """`values`; those on a cluster are fetched, all of one cluster at once."""
        remote: dict[int, tuple[Any, list[RemoteValue]]] = {}
        for one in values:
            if isinstance(one, RemoteValue) and one.future is not None:
                remote.setdefault(id(one.client), (one.client, []))[1].append(one)
        found: dict[int, Any] = {}
        for client, group in remote.values():
            for one, value in zip(group, _gathered(client, group), strict=True):
                found[id(one)] = value
        return [found[id(one)] if id(one) in found else _here(one) for one in values]

    def settle(self, value: Any) -> None:
        """It has been fetched."""
        self._here = value
        self.future = None

    def lose(self, reason: str) -> None:
        """It cannot be fetched any more."""
        self._gone = reason
        self.future = None


def _here(one: Any) -> Any:
    if not isinstance(one, RemoteValue):
        return one.fetched() if isinstance(one, Elsewhere) else one
    if one.future is not None:
        return one.fetched()
    if one._gone:  # noqa: SLF001 - its own class's
        raise NoValueError(one._gone)  # noqa: SLF001 - likewise
    return one._here  # noqa: SLF001 - likewise


def _gathered(client: Any, group: Sequence[RemoteValue]) -> list[Any]:
    import asyncio

    async def fetch(futures: list[Any]) -> list[Any] | BaseException:
        try:
            return list(await asyncio.wait_for(client.gather(futures), PATIENCE))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told apart from what breaks the wait
            return error

    futures = [one.future for one in group]
    found: list[Any] | BaseException
    try:
        found = client.sync(fetch, futures) if client.status == "running" else ConnectionError()
    except RuntimeError as error:  # its loop has ended
        found = error
    if isinstance(found, list):
        return found
    if all(one.future is None for one in group):  # brought here, or lost, meanwhile
        return [_here(one) for one in group]
    message = (
        f"the value of task {group[0].name!r} went with its Dask cluster: run it again, and ask "
        "for .value while the cluster is there"
    )
    raise NoValueError(message) from found


class RemoteItem(Elsewhere):
    """One item of a value on a cluster."""

    __slots__ = ("index", "whole")

    def __init__(self, whole: RemoteValue, index: int) -> None:
        self.whole = whole
        self.index = index

    def fetched(self) -> Any:
        """The item."""
        return self.whole.fetched()[self.index]


class RemoteItems(Sequence[RemoteItem]):
    """What a task is mapped over, if that is on a cluster: only its length is known here."""

    def __init__(self, whole: RemoteValue, count: int) -> None:
        self._whole = whole
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return RemoteItem(self._whole, range(self._count)[index])
