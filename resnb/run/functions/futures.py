"""`TaskFuture`: what ``task.submit(...)`` gives, and how futures among arguments become values."""

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from resnb.run.engine.result import state_of
from resnb.run.functions.provenance import ATOMS, COLLECTIONS, PARTS, Origins
from resnb.states import State

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task
    from resnb.run.functions.run import FunctionRun

_DEPTH = 8
"""How deep collections are looked through."""


class TaskFuture:
    """A task that was submitted in a ``@flow`` function.

    As an argument of another task it is waited for, and stands for its value. What the task
    prints appears when it is waited for, or at the end, so that a notebook reads the same on
    every run.

    Attributes:
        task: the task in the run's graph.
    """

    __slots__ = ("_run", "row", "task")

    def __init__(self, run: "FunctionRun", row: int, task: "Task") -> None:
        self.task = task
        self.row = row
        self._run = run

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.name

    @property
    def state(self) -> State:
        """The task's state as it is now."""
        return state_of(self._run.engine, self.row)

    def done(self) -> bool:
        """Whether the task has ended."""
        return self.state.is_finished()

    def wait(self, timeout: float | None = None) -> State:
        """Wait for the task to end; gives its state.

        Args:
            timeout: seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: it has not ended by then.
        """
        self._run.await_future(self, timeout)
        return self.state

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The task's value, once it has ended.

        Args:
            timeout: seconds to wait at most; None for no limit.
            raise_on_failure: whether to raise what the task raised, rather than give it.

        Raises:
            TimeoutError: it has not ended by then.
            Exception: whatever the task raised.
        """
        self._run.await_future(self, timeout)
        return self._run.outcome(self.row, raises=raise_on_failure)

    def __await__(self) -> Generator[Any, None, Any]:
        from resnb.run.functions.async_run import value_of_future

        return value_of_future(self._run, self).__await__()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<TaskFuture: {self.task.name}>"


class Futures(list[TaskFuture]):
    """What ``task.map(...)`` gives in a ``@flow`` function: a future for each item."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """The values, in order; arguments and errors as for `TaskFuture.result`, for each."""
        return [one.result(timeout, raise_on_failure) for one in self]

    def wait(self, timeout: float | None = None) -> list[State]:
        """The final states, in order; likewise."""
        return [one.wait(timeout) for one in self]


def looked_through(value: Any, origins: Origins) -> tuple[list[int], bool]:
    """The rows whose results are somewhere in `value`, and whether there are futures among them."""
    if type(value) in ATOMS:
        row = origins.row_of(value)
        return ([] if row is None else [row]), False
    found = dict(_rows_in(value, origins, _DEPTH))
    return list(found), any(found.values())


def _rows_in(value: Any, origins: Origins, depth: int) -> Iterator[tuple[int, bool]]:
    kind = type(value)
    if kind is TaskFuture:
        yield value.row, True
        return
    row = origins.row_of(value)
    if row is not None:
        yield row, False
    elif (kind in COLLECTIONS or kind is Futures) and depth:
        short = len(value) <= PARTS
        for part in value.values() if kind is dict else value:
            if short or type(part) not in ATOMS:
                yield from _rows_in(part, origins, depth - 1)


def resolved(value: Any, value_of: Callable[[TaskFuture], Any], depth: int = _DEPTH) -> Any:
    """`value` with what `value_of` gives in place of each future in it."""
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


__all__ = ["Futures", "TaskFuture", "looked_through", "resolved"]
