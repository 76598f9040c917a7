"""What goes to a worker and comes back, as bytes: code, arguments, and small values.

The bytes do not contain values that are on the cluster already, but numbers by which the worker
finds them: in the values that Dask gives it, or among the results of the same bundle. A live
resource goes as its handle, and each worker attaches its own; a client of the cluster itself
becomes the worker's own client.
"""

import io
import pickle
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.dask.failures import Failure, error_of, failure_of
from resnb.dask.workers.attachments import Attachments
from resnb.errors import NoValueError, RunError
from resnb.graph.base.inputs import flat
from resnb.graph.tasks.task import Task
from resnb.run.scheduling.outcome import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})
_CODES_KEPT = 512
SMALL = 100
"""Values of so many bytes or fewer come back with the report of their task's end."""
_CODES: "dict[bytes, Callable[..., Any]]" = {}
CLIENT, UPSTREAM, ATTACHED, RAISED = "client", "upstream", "attached", "raised"
Path = tuple[int, ...]
"""Where a value is within one that is on the cluster: of a bundle, an item, or an item of that."""
Place = tuple[int, Path]
"""Where the worker finds a value: the number of an upstream value, or `OWN`, and a path in it."""
OWN = -1
"""Stands for the results of the bundle that the call is in."""


class RemoteCall(NamedTuple):
    """One try of a task, as it is sent to a worker.

    Attributes:
        topic: of the events about it.
        number: tells its tries apart.
        code: its function, pickled.
        values: its arguments, pickled; None if these are just the upstream values, in order.
        places: where the upstream values are.
        known: how many of them are arguments; the others only have to end first.
        facts: what its code may know of the run, and of itself, for `resnb.context`, pickled.
        is_new: whether the kernel has yet to learn how long such code takes.
    """

    topic: str
    row: int
    number: int
    name: str
    code: bytes
    values: bytes | None
    places: tuple[Place, ...]
    known: int
    facts: tuple[bytes, ...]
    is_new: bool


class RemoteBundle(NamedTuple):
    """The tries of a bundle.

    Attributes:
        seconds: how long they are to take together; infinity if nobody knows.
    """

    calls: list[RemoteCall]
    seconds: float


class Resource(NamedTuple):
    """A live resource that an argument may be.

    Attributes:
        name: the scope's.
        lease: the lease's id.
    """

    name: str
    live: Any
    manager: Any
    lease: str


class Flattened:
    """An argument that the worker flattens by one level."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __reduce__(self) -> tuple[Any, ...]:
        """On the worker, it becomes the flattened value."""
        return flat, (self._value,)


class Whole:
    """A container that is sent to the cluster: Dask would send each of its items on its own."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __getitem__(self, index: int) -> Any:
        """The container; `index` is 0."""
        return (self._value,)[index]

    def __sizeof__(self) -> int:
        """The size of the container, by which a worker decides what to write to disk."""
        from dask.sizeof import sizeof

        return int(sizeof(self._value))


# ---- on a worker


def found_at(value: Any, path: Path) -> Any:
    """What is at `path` in `value`; a `Failure` if there is one on the way."""
    for index in path:
        if type(value) is Failure:
            return value
        value = value[index]
    return value


def loaded(
    call: RemoteCall, upstream: Sequence[Any], attachments: Attachments
) -> "tuple[Callable[..., Any], list[Any], dict[str, Any]]":
    """What a worker is to call, and with what.

    Raises:
        RunError: it cannot be loaded there.
    """
    try:
        function = _CODES.get(call.code)
        if function is None:
            if len(_CODES) >= _CODES_KEPT:
                _CODES.clear()
            function = _CODES[call.code] = pickle.loads(call.code)  # noqa: S301 - the kernel's
        if call.values is None:
            return function, list(upstream[: call.known]), {}
        args, kwargs = _Loader(call, upstream, attachments).load()
    except RunError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an import may raise
        message = (
            f"task {call.name!r} cannot be loaded on a Dask worker ({text_of(error)}): install "
            "there what it uses"
        )
        raise RunError(message) from None
    return function, args, kwargs


class _Loader(pickle.Unpickler):
    def __init__(self, call: RemoteCall, upstream: Sequence[Any], attachments: Attachments) -> None:
        assert call.values is not None
        super().__init__(io.BytesIO(call.values))
        self._call, self._upstream = call, upstream
        self._attachments = attachments

    def persistent_load(self, found: Any) -> Any:
        kind, *rest = found
        if kind == UPSTREAM:
            return self._upstream[rest[0]]
        if kind == CLIENT:
            from distributed import get_client

            return get_client()
        if kind == RAISED:
            return error_of(Failure(rest[0]))
        return self._attachments.attach(self._call.topic, self._call.name, *rest)


def pickled(name: str, value: Any) -> tuple[bytes, int]:
    """The value of task `name` as bytes if it is small, else none; and how large it is.

    Raises:
        RunError: it cannot leave its worker.
    """
    if type(value) in _PLAIN:
        size = len(value) if isinstance(value, str | bytes) else 0
        return (b"" if size > SMALL else pickle.dumps(value)), size
    import cloudpickle

    buffers: list[Any] = []
    try:
        try:
            data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        except Exception:  # noqa: BLE001 - such as a class of the notebook's
            buffers.clear()
            data = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    except Exception as error:
        message = (
            f"task {name!r} returned a {type(value).__name__}, which cannot leave its Dask worker "
            f"({text_of(error)}): return a value that pickles, or run the task in the kernel"
        )
        raise RunError(message) from error
    is_small = not buffers and len(data) <= SMALL
    return (data if is_small else b""), len(data) + sum(one.raw().nbytes for one in buffers)


# ---- in the kernel


def code_of(task: Task, function: "Callable[..., Any]") -> bytes:
    """The code of `task` as bytes.

    Raises:
        RunError: it does not pickle.
    """
    import cloudpickle

    owner = getattr(function, "__self__", None)
    if isinstance(owner, Task):  # without its flow and its hooks, which stay in the kernel
        bare = owner.copy(
            state_handlers=None, on_running=None, on_failure=None,
            on_completion=None, on_cancellation=None, retry_condition_fn=None,
            trigger=None,
        )  # fmt: skip
        function = getattr(bare, getattr(function, "__name__", "run"))
    try:
        data: bytes = cloudpickle.dumps(function)
    except Exception as error:
        message = (
            f"task {task.name!r} cannot be sent to a Dask worker: its code uses something that "
            f"does not pickle ({text_of(error)}); pass that as an argument with a handle, or run "
            "the task in the kernel"
        )
        raise RunError(message) from error
    return data


@cache
def _writer() -> Any:
    import cloudpickle

    class Writer(cloudpickle.Pickler):  # type: ignore[misc]
        """Pickles arguments; `written` gives what stands for one that is not in the bytes."""

        written: "Callable[[Any], Any]"

        def persistent_id(self, found: Any) -> Any:
            if isinstance(found, BaseException):  # what failed upstream; it need not pickle
                return RAISED, failure_of(found).error
            return self.written(found)

    return Writer


class ArgumentPickler:
    """Turns arguments into bytes for the workers of one cluster.

    Args:
        references: for a value that is on the cluster already, its future and the path in that;
            None for every other value.
        resources: live resources by the identity of the object.
    """

    def __init__(
        self,
        references: "Callable[[Any], tuple[Any, Path] | None]",
        client: Any,
        resources: Mapping[int, Resource],
    ) -> None:
        self._references = references
        self._client = client
        self._resources = resources

    def sent(
        self, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> tuple[bytes | None, list[tuple[Any, Path]]]:
        """The arguments of task `name` as bytes (None if all are on the cluster), and references.

        Raises:
            RunError: one does not pickle; the message names it.
        """
        if not kwargs:
            known = [one for value in args if (one := self._references(value)) is not None]
            if len(known) == len(args):
                return None, known
        if all(type(one) in _PLAIN for one in (*args, *kwargs.values())):
            return pickle.dumps((args, kwargs)), []
        found: list[tuple[Any, Path]] = []
        try:
            return self._dumped((args, kwargs), found), found
        except Exception as error:
            raise self._refusal(name, args, kwargs, error) from error

    def _dumped(self, value: Any, found: list[tuple[Any, Path]]) -> bytes:
        data = io.BytesIO()
        writer = _writer()(data)
        writer.written = partial(self._written, found)
        writer.dump(value)
        return data.getvalue()

    def _written(self, found: list[tuple[Any, Path]], value: Any) -> Any:
        if type(value) in _PLAIN:
            return None
        known = self._references(value)
        if known is not None:
            found.append(known)
            return UPSTREAM, len(found) - 1
        if value is self._client:
            return (CLIENT,)
        resource = self._resources.get(id(value))
        if resource is None or not hasattr(resource.manager, "handle"):
            return None
        import cloudpickle

        manager = resource.manager
        handle = manager.handle(resource.live)
        if not hasattr(manager, "attach"):  # the default: the handle itself
            return (ATTACHED, resource.lease, cloudpickle.dumps((None, handle)))
        lease, manager.lease = getattr(manager, "lease", None), None
        try:
            return (ATTACHED, resource.lease, cloudpickle.dumps((manager, handle)))
        finally:
            manager.lease = lease

    def _refusal(
        self, name: str, args: list[Any], kwargs: dict[str, Any], error: Exception
    ) -> RunError:
        every = [*((f"{place}", one) for place, one in enumerate(args, 1)), *kwargs.items()]
        for key, value in every:
            try:
                self._dumped(value, [])
            except Exception as fault:  # noqa: BLE001 - the user's value
                error = fault
            else:
                continue
            if isinstance(error, NoValueError):
                break
            resource = self._resources.get(id(value))
            kind = type(value).__name__
            if resource is not None:
                return RunError(
                    f"task {name!r} cannot be sent to a Dask worker with resource "
                    f"{resource.name!r} (a {kind}), which does not pickle: give its manager "
                    "handle(self, resource) and attach(self, handle), so that each worker gets "
                    "its own, or run the task in the kernel"
                )
            return RunError(
                f"task {name!r} cannot be sent to a Dask worker: its argument {key} (a {kind}) "
                f"does not pickle ({text_of(error)}); make it a resource with handle and attach, "
                "or run the task in the kernel"
            )
        text = error if isinstance(error, NoValueError) else text_of(error)
        return RunError(f"task {name!r} cannot be sent to a Dask worker: {text}")
