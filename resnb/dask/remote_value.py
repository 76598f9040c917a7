"""Values that stay on a cluster, and are fetched when somebody asks for them."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from resnb.dask.failures import Failure
from resnb.dask.serialization import Path, found_at
from resnb.elsewhere import Elsewhere, LetGo
from resnb.errors import NoValueError

PATIENCE = 60.0
"""Maximum time for fetching a value, in seconds."""


class RemoteValue(Elsewhere):
    """A value on a cluster.

    Attributes:
        cluster: the scheduler's id.
        future: where it is; None once it is here, or gone.
        place: its number in the bundle whose future that is; None if it travelled alone.
        copy: the value, pickled, if it is small and a worker has reported it.
    """

    __slots__ = ("_gone", "_here", "_name", "client", "cluster", "copy", "future", "place")

    def __init__(
        self,
        name: Callable[[], str],
        client: Any,
        cluster: str,
        future: Any,
        place: int | None = None,
    ) -> None:
        self._name = name
        self.client = client
        self.cluster = cluster
        self.future = future
        self.place = place
        self.copy: bytes | None = None
        self._here: Any = None
        self._gone: str | LetGo = ""

    @property
    def name(self) -> str:
        """What views call its task, looked up when an error needs it."""
        return self._name()

    @property
    def path(self) -> Path:
        """Where it is in the value of its future."""
        return () if self.place is None else (self.place,)

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
            if isinstance(one, RemoteValue) and one.future is not None and not one.copy:
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

    def let_go(self, gone: LetGo) -> None:
        """Keep it no longer, here or there."""
        self.copy = self._here = None
        self._gone = gone
        self.future = None

    def lose(self, reason: str) -> None:
        """It cannot be fetched any more."""
        self._gone = reason
        self.future = None


def _here(one: Any) -> Any:
    if not isinstance(one, RemoteValue):
        return one.fetched() if isinstance(one, Elsewhere) else one
    if one.copy:
        return pickle.loads(one.copy)  # noqa: S301 - a worker's of ours
    if one.future is not None:
        return one.fetched()
    gone = one._gone  # noqa: SLF001 - its own class's
    if isinstance(gone, LetGo):
        return gone.fetched()
    if gone:
        raise NoValueError(gone)
    return one._here  # noqa: SLF001 - likewise


def _gathered(client: Any, group: Sequence[RemoteValue]) -> list[Any]:
    wanted = [(one.future, one.path) for one in group]
    futures = {future.key: future for future, _ in wanted if future is not None}
    found = _fetched(client, list(futures.values()))
    if isinstance(found, list):
        values = dict(zip(futures, found, strict=True))
        parts = [
            _here(one) if future is None else found_at(values[future.key], path)
            for one, (future, path) in zip(group, wanted, strict=True)
        ]
        if not any(type(one) is Failure for one in parts):
            return parts
    elif all(one.future is None for one in group):  # brought here, or lost, meanwhile
        return [_here(one) for one in group]
    message = (
        f"the value of task {group[0].name!r} went with its Dask cluster: run it again, and ask "
        "for .value while the cluster is there"
    )
    raise NoValueError(message) from (found if isinstance(found, BaseException) else None)


def _fetched(client: Any, futures: list[Any]) -> list[Any] | BaseException:
    """The values of `futures`, or why there are none.

    One that is being made is waited for: the rest of its bundle may take long.
    """
    import asyncio

    async def fetch() -> list[Any] | BaseException:
        while True:
            try:
                return list(await asyncio.wait_for(client.gather(futures), PATIENCE))
            except TimeoutError as error:
                is_made = any(one.status in {"pending", "lost"} for one in futures)
                if not (is_made and await asyncio.wait_for(client.nthreads(), PATIENCE)):
                    return error
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told apart from what breaks the wait
                return error

    try:
        return client.sync(fetch) if client.status == "running" else ConnectionError()
    except RuntimeError as error:  # its loop has ended
        return error


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
