"""`TaskFuture`, the result of ``task.submit(...)``, and waiting for several."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from resnb.errors import NoAttributeError
from resnb.graph.base.stand_in import StandIn, Standing, variable_of
from resnb.states import State

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task


class FutureOwner(Protocol):
    """The run that a future belongs to."""

    def state_of(self, row: int) -> State:
        """The state of `row` as it is now."""

    def await_future(self, future: "TaskFuture", timeout: float | None) -> None:
        """Wait for `future`; `TimeoutError` if it takes longer than `timeout`."""

    def completed(
        self, futures: "Sequence[TaskFuture]", timeout: float | None
    ) -> "Iterator[TaskFuture]":
        """See `as_completed`."""

    async def value_of_future(self, future: "TaskFuture") -> Any:
        """The value of `future`, once it has ended."""

    def outcome(self, row: int, *, raises: bool = True) -> Any:
        """The value of `row`, which has ended, or what its task raised."""


_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
_COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class _NoValue(StandIn):
    """A future is not its value, and says so where it is used as one."""

    __slots__ = ()

    def __bool__(self) -> bool:  # noqa: PLE0304 - it never returns
        self._refuse("is neither true nor false", otherwise="ask .done(), or `is None`")

    def __iter__(self) -> Iterator[Any]:
        self._refuse("cannot be iterated over", otherwise="pass it to .map(...)")

    def __getitem__(self, key: object) -> NoReturn:
        self._refuse("has no items", f"{{}}[{key!r}]")

    def __format__(self, spec: str) -> str:
        if spec:
            self._refuse("cannot be put into a text", f"f'{{{{{{}}:{spec}}}}}'")
        return repr(self)

    def __abs__(self) -> NoReturn:
        self._refuse("is no number yet", "abs({})")

    def __call__(self, *_: object, **__: object) -> NoReturn:
        self._refuse("cannot be called", "{}(...)")


def _refusal(left: str, right: str = "") -> Callable[..., NoReturn]:
    def refused(self: _NoValue, *_: object) -> NoReturn:
        sign = (left or right).strip(" .")
        self._refuse(f"`{sign}` cannot take it", f"{left}{{}}{right}")

    return refused


for _name, _sign in _SIGNS.items():
    setattr(_NoValue, f"__{_name}__", _refusal("", f" {_sign} ..."))
    setattr(_NoValue, f"__r{_name}__", _refusal(f"... {_sign} "))
for _name, _sign in _COMPARISONS.items():
    setattr(_NoValue, f"__{_name}__", _refusal("", f" {_sign} ..."))
for _name, _sign in {"neg": "-", "pos": "+", "invert": "~"}.items():
    setattr(_NoValue, f"__{_name}__", _refusal(_sign))


class TaskFuture(_NoValue):
    """A task that was submitted in a ``@flow`` function.

    Another task that gets it as an argument waits for it and gets its value. What the task prints
    appears when the function waits for it, or at the end, so that a notebook reads the same on
    every run.

    Attributes:
        task: the task in the run's graph.
        row: its number.
        owner: the run.
    """

    __slots__ = ("__weakref__", "owner", "row", "task")

    def __init__(self, owner: FutureOwner, row: int, task: "Task") -> None:
        self.task = task
        self.row = row
        self.owner = owner

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @property
    def _label(self) -> str:
        """The name, as views show it."""
        flow = self.task.flow
        return self.name if flow is None else flow.label_of(self.task)

    @property
    def state(self) -> State:
        """The task's state as it is now."""
        return self.owner.state_of(self.row)

    def done(self) -> bool:
        """Whether the task has ended."""
        return self.state.is_finished()

    def wait(self, timeout: float | None = None) -> State:
        """Wait for the task to end; returns its state.

        Args:
            timeout: seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: it has not ended by then.
        """
        self.owner.await_future(self, timeout)
        return self.state

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The task's value, once it has ended.

        Args:
            timeout: seconds to wait at most; None for no limit.
            raise_on_failure: whether to raise what the task raised, rather than return it.

        Raises:
            TimeoutError: it has not ended by then.
            Exception: whatever the task raised.
        """
        self.owner.await_future(self, timeout)
        return self.owner.outcome(self.row, raises=raise_on_failure)

    def __await__(self) -> Generator[Any, None, Any]:
        return self.owner.value_of_future(self).__await__()

    def _standing(self, name: str | None = None) -> Standing:
        name = name or variable_of(self)
        subject = f"{name or 'this'} is the future of task {self._label!r}"
        return Standing(subject, f"{name or ''}.result()")

    def __getattr__(self, name: str) -> NoReturn:
        if name in TaskFuture.__slots__:  # one that is being copied
            raise AttributeError(name)
        self._refuse_attribute(name)

    def __repr__(self) -> str:
        """A stable text, without times, addresses, or the state of the moment."""
        return f"<future of task {self._label!r}: its value is .result()>"


class Futures(list[TaskFuture]):
    """The result of ``task.map(...)`` in a ``@flow`` function: a future for each item."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """The values, in order; arguments and errors as for `TaskFuture.result`, for each."""
        return [one.result(timeout, raise_on_failure) for one in self]

    def wait(self, timeout: float | None = None) -> list[State]:
        """The final states, in order; argument and errors as for `TaskFuture.wait`, for each."""
        return [one.wait(timeout) for one in self]

    def __getattr__(self, name: str) -> NoReturn:
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name.startswith("_"):
            raise AttributeError(message)
        called = variable_of(self)
        raise NoAttributeError(
            f"{called or 'this'} is a list of {len(self)} futures, not a value, and has no "
            f"{name!r}: use {called or ''}.result(), which is the list of their values"
        )


class DoneAndNotDone(NamedTuple):
    """What `wait` gives.

    Attributes:
        done: the futures that have ended.
        not_done: the others.
    """

    done: set[TaskFuture]
    not_done: set[TaskFuture]


def as_completed(
    futures: Iterable[TaskFuture], timeout: float | None = None
) -> Iterator[TaskFuture]:
    """The futures, in the order in which they end.

    Args:
        futures: of one run, as `submit` and `map` give them.
        timeout: seconds to wait at most for all of them; None for no limit.

    Raises:
        TimeoutError: not all have ended by then.

    Example:
        >>> @flow
        ... def lengths(words):
        ...     return sorted(one.result() for one in as_completed(task(len).map(words)))
        >>> lengths(["abc", "a"])
        [1, 3]
    """
    waited_for = list(dict.fromkeys(futures))
    if waited_for:
        yield from waited_for[0].owner.completed(waited_for, timeout)


def wait(futures: Iterable[TaskFuture], timeout: float | None = None) -> DoneAndNotDone:
    """Wait until all `futures` have ended, or for `timeout` seconds.

    Example:
        >>> @flow
        ... def lengths(words):
        ...     futures = task(len).map(words)
        ...     wait(futures)
        ...     return [one.state.is_successful() for one in futures]
        >>> lengths(["abc", "a"])
        [True, True]
    """
    waited_for = list(futures)
    done: set[TaskFuture] = set()
    with suppress(TimeoutError):
        done.update(as_completed(waited_for, timeout))
    done.update(one for one in waited_for if one.done())
    return DoneAndNotDone(done, {one for one in waited_for if one not in done})
