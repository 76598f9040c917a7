"""What is given to a cluster for a row: its call, and the values that are there already."""

import re
import uuid
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from resnb.dask import worker as remote
from resnb.dask.remote_value import Held, Item
from resnb.dask.serialization import Flattened, Resource, Sender, code_of
from resnb.ledger import states as lease_states
from resnb.run.engine.mapping import Source
from resnb.states import FIRST_FINISHED

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine

LARGE = 1_000_000
"""From so many bytes on (as Dask reckons them), a value of the kernel is sent once for all."""
_SMALL = (type(None), bool, int, float, complex, Held, Item, Flattened)


class Calls:
    """Makes the calls of one run on one cluster.

    Args:
        engine: the run.
        client: the cluster's client.

    Attributes:
        topic: of the run's events.
        cluster: the scheduler's id.
    """

    def __init__(self, engine: "Engine", client: Any) -> None:
        self.topic = f"resnb-{uuid.uuid4().hex}"
        # asking the system for each key would hand the interpreter to another thread each time
        self._random = Random(self.topic)  # noqa: S311 - for names only
        self.cluster = str(client.scheduler_info()["id"])
        self._engine = engine
        self._client = client
        self._codes: dict[Any, bytes] = {}
        self._held: dict[int, Held] = {}
        # calls on their way may refer to a try before: did Dask forget that, it would take all
        # that is in the same message for cancelled
        self._outdated: list[Held] = []
        self._scattered: dict[int, tuple[Any, Held]] = {}
        self.values = _Values(engine, self._held)

    def promise(self, row: int, key: Any) -> None:
        """Let later calls refer to what `row` will give; nothing is known of it yet."""
        if row in self._held:
            self._outdated.append(self._held[row])
        self._held[row] = Held(self.name_of(row), self._client, self.cluster, _Promise(key))

    def name_of(self, row: int) -> str:
        """The name of the task of `row`."""
        return self._engine.plan.tasks[self._engine.scheduler.origin(row)].name

    def hold(self, row: int, future: Any) -> None:
        """`row` is on the cluster."""
        self._held[row].future = future

    def held(self, row: int) -> Held:
        """The value of `row`."""
        return self._held[row]

    def call(self, row: int, number: int) -> tuple[Any, Any]:
        """The key and the Dask task of one try.

        Raises:
            RunError: it cannot be sent.
        """
        from dask._task_spec import Task, TaskRef

        engine = self._engine
        plan, origin = engine.plan, engine.scheduler.origin(row)
        task = plan.tasks[origin]
        references = plan.references[row] if row == origin else None
        if references is None:
            args, kwargs = engine.arguments(row, self.values, self._flattened)
        else:
            args, kwargs = [self.values[one] for one in references], {}
        sender = Sender(self._reference, self._client, self._resources())
        args = [self._once(one) for one in args]
        kwargs = {key: self._once(one) for key, one in kwargs.items()}
        data, futures = sender.sent(task.name, args, kwargs)
        count = len(futures)
        if row == origin:
            futures += [
                held.future
                for one in plan.upstream[row]
                if engine.table.state[one] < FIRST_FINISHED and (held := self._held.get(one))
            ]
        code = self._code(origin, task)
        call = remote.Call(self.topic, row, number, task.name, code, data, count)
        # a key like those of client.submit: tasks of one group would wait for their turn at the
        # scheduler, a message to and fro for each
        key = f"{_worded(task.name)}-{uuid.UUID(int=self._random.getrandbits(128), version=4)}"
        return key, Task(key, remote.perform, call, *[TaskRef(one.key) for one in futures])

    def is_remote(self, source: Source) -> bool:
        """Whether the items of `source` are to be counted on the cluster."""
        value = source.value
        if source.is_flat and isinstance(value, list | tuple):
            return any(self._reference(one) is not None for one in value)
        return self._reference(value) is not None

    def counted(self, name: str, source: Source) -> tuple[Held, Any]:
        """The items of `source`, and a future of how many there are.

        For the children of a mapped task that is a list: how many items each of them gave.
        """
        submit = partial(self._client.submit, pure=False)
        value = source.value
        future = value.future if isinstance(value, Held) else None
        parts = future or [one.future if self._reference(one) else one for one in value]
        if source.children:
            future = submit(remote.joined_items, parts)
            count = submit(remote.joined_counts, parts)
        else:
            if source.is_flat:
                future = submit(remote.flattened, name, source.key, parts)
            count = submit(remote.counted, name, source.key, future)
        return Held(name, self._client, self.cluster, future), count

    def _code(self, origin: int, task: Any) -> bytes:
        function = self._engine.plan.functions[origin]
        known = id(function) if hasattr(function, "__code__") else (origin,)
        if known not in self._codes:
            self._codes[known] = code_of(task, function)
        return self._codes[known]

    def _reference(self, value: Any) -> tuple[Any, int | None] | None:
        kind = type(value)
        held = value.held if kind is Item else value
        if type(held) is not Held or held.cluster != self.cluster or held.future is None:
            return None
        return held.future, value.index if kind is Item else None

    def _flattened(self, value: Any) -> Flattened:
        return Flattened(self._once(value))

    def _once(self, value: Any) -> Any:
        """`value`, or where it was sent to if it is large."""
        if isinstance(value, _SMALL) or (isinstance(value, str | bytes) and len(value) < LARGE):
            return value
        known = self._scattered.get(id(value))
        if known is not None:
            return known[1]
        from dask.sizeof import sizeof

        if id(value) in self._resources() or sizeof(value) < LARGE:
            return value
        try:
            future = self._client.scatter(value, hash=False)
        except Exception:  # noqa: BLE001 - it does not pickle: who sends it says so
            return value
        held = Held("", self._client, self.cluster, future)
        self._scattered[id(value)] = value, held
        return held

    def _resources(self) -> dict[int, Resource]:
        return {
            id(lease.resource): Resource(
                use.named(use.scope.name), lease.resource, lease.manager, lease.id
            )
            for use, lease in list(self._engine.scopes.leases.items())
            if lease.state == lease_states.OPEN and lease.resource is not None
        }


class _Promise:
    """Stands for a future until the calls that have been made are given to the cluster."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key


class _Values:
    """The value of each row as calls need it: where that is, if it is on the cluster."""

    def __init__(self, engine: "Engine", held: dict[int, Held]) -> None:
        self._engine = engine
        self._held = held

    def __getitem__(self, row: int) -> Any:
        engine = self._engine
        if engine.table.state[row] < FIRST_FINISHED and row in self._held:
            return self._held[row]
        return engine.values[row]


def _worded(name: str) -> str:
    """A task's name as part of a key."""
    return re.sub(r"\W", "_", name)[:40]


__all__ = ["Calls"]
