"""Makes what a cluster is given for rows: their calls, and references to values that are there."""

import pickle
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.dask.remote_value import RemoteItem, RemoteValue
from resnb.dask.scattering import Scattered
from resnb.dask.serialization import (
    OWN,
    ArgumentPickler,
    Flattened,
    Path,
    Place,
    RemoteBundle,
    RemoteCall,
    Resource,
    code_of,
)
from resnb.dask.workers import performing as remote
from resnb.errors import NoValueError, RunError
from resnb.ledger import states as lease_states
from resnb.run.engine.mapping import Source
from resnb.run.engine.surroundings import facts_of_row, facts_of_run
from resnb.states import FIRST_FINISHED

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine
    from resnb.run.engine.execution import Execution

FACT = 10_000
"""Values of `resnb.context` with more bytes stay in the kernel."""
MESSAGE = 4_000_000
"""Approximate maximum size of a message in bytes; Dask warns of more than twice as many."""


class Package(NamedTuple):
    """One task of Dask.

    Attributes:
        rows: what it runs, in order.
        size: of its arguments in bytes.
        is_bundle: whether its result is a list of the rows' values, rather than the value of one.
    """

    key: str
    task: Any
    rows: tuple[int, ...]
    size: int
    is_bundle: bool


class _Draft:
    """A package while its calls are made."""

    def __init__(self, key: str, seconds: float, *, is_bundle: bool) -> None:
        self.key = key
        self.is_bundle = is_bundle
        self._seconds = seconds
        self.rows: list[int] = []
        self.calls: list[RemoteCall] = []
        self.size = 0
        self._upstream: dict[str, int] = {}

    def place_of(self, future: Any, path: Path) -> Place:
        """Where the worker finds what is at `path` in `future`."""
        if future.key == self.key:
            return OWN, path
        return self._upstream.setdefault(future.key, len(self._upstream)), path

    def packed(self) -> Package:
        from dask._task_spec import Task, TaskRef

        upstream = [TaskRef(key) for key in self._upstream]
        # pickled: Dask looks at each item of what is not
        if self.is_bundle:
            bundle = RemoteBundle(self.calls, self._seconds)
            task = Task(self.key, remote.perform_all, pickle.dumps(bundle), *upstream)
        else:
            task = Task(self.key, remote.perform, pickle.dumps(self.calls[0]), *upstream)
        return Package(self.key, task, tuple(self.rows), self.size, self.is_bundle)


class CallFactory:
    """Makes the calls of one run on one cluster.

    Args:
        cluster: the scheduler's id.
    """

    def __init__(self, engine: "Engine", client: Any, cluster: str) -> None:
        from distributed import Future

        self.topic = f"resnb-{uuid.uuid4().hex}"
        # os.urandom for each key would hand the interpreter to another thread each time
        self._random = Random(self.topic)  # noqa: S311 - for names only
        self.cluster = cluster
        self._execution = engine.execution
        self._client = client
        self._future = Future
        self._codes: dict[Any, bytes] = {}
        self._remote: dict[int, RemoteValue] = {}
        # calls on their way may refer to an earlier try; if Dask forgot that, it would treat
        # everything in the same message as cancelled
        self._outdated: list[RemoteValue] = []
        self.scattered = Scattered(engine.execution, client, cluster)
        self._facts = _sendable(facts_of_run(engine.execution.scopes.run))
        self.values = _Values(engine.execution, self._remote)

    def hold(self, row: int, future: Any) -> None:
        """`row` is on the cluster."""
        self._remote[row].future = future

    def value_of(self, row: int) -> RemoteValue:
        """The value of `row`."""
        return self._remote[row]

    def lost(self, key: str) -> None:
        """Dask has given up the task of that key: of its values, copies are left at most."""
        for value in self._remote.values():
            if value.future is not None and value.future.key == key:
                value.lose(
                    f"the value of task {value.name!r} was lost with a Dask worker; run the flow "
                    "again"
                )

    def packages(
        self,
        rows: Sequence[int],
        numbers: Mapping[int, int],
        is_sound: Callable[[int], bool],
        refuse: Callable[[int, RunError | None], object],
        *,
        seconds: float,
        is_new: bool = False,
    ) -> Iterator[Package]:
        """The tasks of Dask for `rows`, which travel together unless that would be too much.

        Args:
            rows: what is to run, each after those that it needs.
            numbers: the number of each row's try.
            is_sound: whether the arguments that a row has just been given are what it needs.
            refuse: called with a row that cannot be sent, and why; None for what needs such a row.
            seconds: how long they are to take together; infinity if nobody knows.
            is_new: whether the kernel has yet to learn how long such rows take.
        """
        is_bundle, refused = len(rows) > 1, set[int]()
        draft = self._draft(rows[0], seconds, is_bundle=is_bundle)
        upstream = self._execution.plan.upstream
        for row in rows:
            if draft.size > MESSAGE:
                yield draft.packed()
                draft = self._draft(row, seconds, is_bundle=is_bundle)
            call, fault = None, None
            if not refused or row >= len(upstream) or refused.isdisjoint(upstream[row]):
                try:
                    call = self._call(row, numbers[row], draft, is_new=is_new)
                except RunError as error:
                    fault = error
            if call is None or not is_sound(row):
                refused.add(row)
                refuse(row, fault)
                continue
            if row in self._remote:
                self._outdated.append(self._remote[row])
            name, place = self._name_of(row), len(draft.rows) if is_bundle else None
            promise = _Promise(draft.key)
            self._remote[row] = RemoteValue(name, self._client, self.cluster, promise, place)
            draft.rows.append(row)
            draft.calls.append(call)
            draft.size += len(call.values or b"")
        if draft.rows:
            yield draft.packed()

    def _name_of(self, row: int) -> Callable[[], str]:
        execution = self._execution
        return partial(execution.plan.flow.label_of, execution.task_of(row))

    def _draft(self, row: int, seconds: float, *, is_bundle: bool) -> _Draft:
        # a key like those of client.submit: tasks of one group would wait for each other at the
        # scheduler, with a message to and fro for each
        name = _worded(self._execution.task_of(row).name)
        number = uuid.UUID(int=self._random.getrandbits(128), version=4)
        key = f"{name}{'_and_more' * is_bundle}-{number}"
        return _Draft(key, seconds, is_bundle=is_bundle)

    def _call(self, row: int, number: int, draft: _Draft, *, is_new: bool) -> RemoteCall:
        """One try of `row`.

        Raises:
            RunError: it cannot be sent.
        """
        execution = self._execution
        plan, origin = execution.plan, execution.mapped.origin(row)
        task = plan.tasks[origin]
        data, found = self._arguments(row, task.name)
        known = len(found)
        if row == origin:
            found += [
                reference
                for one in plan.upstream[row]
                if execution.table.state[one] < FIRST_FINISHED
                and (reference := self._reference(self._remote.get(one)))
            ]
        code = self._code(origin, task)
        about = facts_of_row(self._execution.scopes.run, row)
        about["task_run_count"] = max(1, about["task_run_count"])  # 0 for one that goes ahead
        facts = self._facts, _pickled(about)
        places = tuple([draft.place_of(*one) for one in found])
        return RemoteCall(
            self.topic, row, number, task.name, code, data, places, known, facts, is_new
        )

    def _arguments(self, row: int, name: str) -> tuple[bytes | None, list[tuple[Any, Path]]]:
        """The arguments of `row`, see `ArgumentPickler.sent`."""
        execution, plan = self._execution, self._execution.plan
        references = plan.references[row] if row == execution.mapped.origin(row) else None
        if references is not None and not references:
            return None, []
        resources = self._resources()
        once = partial(self.scattered.once, row=row, resources=resources)
        if references is None:
            args, kwargs = execution.arguments(row, self.values, lambda one: Flattened(once(one)))
        else:
            args, kwargs = [self.values[one] for one in references], {}
        sender = ArgumentPickler(self._reference, self._client, resources)
        args = [once(one) for one in args]
        return sender.sent(name, args, {key: once(one) for key, one in kwargs.items()})

    def is_remote(self, source: Source) -> bool:
        """Whether the items of `source` are to be counted on the cluster."""
        value = source.value
        if source.is_flat and isinstance(value, list | tuple):
            return any(self._reference(one) is not None for one in value)
        return self._reference(value) is not None

    def counted(self, row: int, source: Source) -> tuple[RemoteValue, Any]:
        """The items of `source` for the mapped task of `row`, and a future of their number.

        For the children of a mapped task, that is a list of how many items each of them gave.
        """
        submit, label = partial(self._client.submit, pure=False), self._name_of(row)
        name = self._execution.task_of(row).name
        value, client = source.value, self._client
        if type(value) is self._future:
            value = RemoteValue(label, client, self.cluster, self._of_user(value))
        parts, upstream = self._parts(value)
        if source.children:
            items = RemoteValue(
                label, client, self.cluster, submit(remote.joined_items, parts, upstream)
            )
            count = submit(remote.joined_counts, parts, upstream)
        elif source.is_flat:
            future = submit(remote.flattened, name, source.key, parts, upstream)
            items = RemoteValue(label, client, self.cluster, future)
            count = submit(remote.counted, name, source.key, (0, ()), [future])
        else:
            items = RemoteValue(label, client, self.cluster, value.future, value.place)
            count = submit(remote.counted, name, source.key, parts, upstream)
        return items, count

    def _parts(self, value: Any) -> tuple[Any, list[Any]]:
        """`value`, or each value in that list, as workers find it; and the futures for that."""
        upstream: dict[str, tuple[int, Any]] = {}

        def part(one: Any) -> Any:
            reference = self._reference(one)
            if reference is None:
                return OWN, one
            future, path = reference
            return upstream.setdefault(future.key, (len(upstream), future))[0], path

        parts = part(value) if isinstance(value, RemoteValue) else [part(one) for one in value]
        return parts, [future for _, future in upstream.values()]

    def _code(self, origin: int, task: Any) -> bytes:
        function = self._execution.plan.functions[origin]
        known = id(function) if hasattr(function, "__code__") else (origin,)
        if known not in self._codes:
            self._codes[known] = code_of(task, function)
        return self._codes[known]

    def _reference(self, value: Any) -> tuple[Any, Path] | None:
        kind = type(value)
        if kind is self._future:
            return self._of_user(value), ()
        whole = value.whole if kind is RemoteItem else value
        if type(whole) is not RemoteValue or whole.cluster != self.cluster or whole.future is None:
            return None
        path = whole.path
        return whole.future, (*path, value.index) if kind is RemoteItem else path

    def _of_user(self, future: Any) -> Any:
        """A future of the user's, of which the task gets the value.

        Raises:
            NoValueError: it has none here. Dask would cancel whatever is sent together with that.
        """
        if future.status == "cancelled":
            message = f"the future {future.key!r} among its arguments was cancelled"
            raise NoValueError(message)
        known = future.client._scheduler_identity  # noqa: SLF001 - asking would take a message
        if future.client is not self._client and known.get("id") != self.cluster:
            message = f"the future {future.key!r} among its arguments is one of another cluster"
            raise NoValueError(message)
        return future

    def _resources(self) -> dict[int, Resource]:
        return {
            id(lease.resource): Resource(
                use.named(use.scope.name), lease.resource, lease.manager, lease.id
            )
            for use, lease in list(self._execution.scopes.leases.items())
            if lease.state == lease_states.OPEN and lease.resource is not None
        }


class _Promise:
    """Stands for a future until the calls are given to the cluster."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key


class _Values:
    """The value of each row as calls need it: a reference if it is on the cluster."""

    def __init__(self, execution: "Execution", remote: dict[int, RemoteValue]) -> None:
        self._execution = execution
        self._remote = remote

    def __getitem__(self, row: int) -> Any:
        execution = self._execution
        if execution.table.state[row] < FIRST_FINISHED and row in self._remote:
            return self._remote[row]
        return execution.values[row]


def _pickled(about: dict[str, Any]) -> bytes:
    """The facts about one row; these are pickled for each call, and hardly ever are special."""
    try:
        return pickle.dumps(about)
    except Exception:  # noqa: BLE001 - the result of a loop's round
        import cloudpickle

        sent: bytes = cloudpickle.dumps(about)
        return sent


def _sendable(facts: dict[str, Any]) -> bytes:
    """Those of `facts` that can be sent with each call, pickled."""
    import cloudpickle

    found = {}
    for name, value in facts.items():
        with suppress(Exception):  # the user's values
            if len(cloudpickle.dumps(value)) < FACT:
                found[name] = value
    sent: bytes = cloudpickle.dumps(found)
    return sent


def _worded(name: str) -> str:
    """A task's name as part of a key."""
    return re.sub(r"\W", "_", name)[:40]
