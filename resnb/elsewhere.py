"""Stand-ins, in a state, for a value that is not in the kernel: on a cluster, or let go."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from resnb.errors import NoValueError


class Elsewhere:
    """A value that is kept elsewhere, such as on a cluster, and fetched on demand."""

    __slots__ = ()

    def fetched(self) -> Any:
        """The value itself."""
        raise NotImplementedError

    def let_go(self, gone: "LetGo") -> None:
        """Drop the value; `gone` says why."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the value itself."""
        return _itself, (self.fetched(),)

    def __repr__(self) -> str:
        """A text that does not fetch the value."""
        return "<on the cluster; .value brings it here>"

    @staticmethod
    def together(values: Sequence[Any]) -> list[Any]:
        """`values` after fetching those that are kept elsewhere, in as few steps as possible."""
        return [one.fetched() if isinstance(one, Elsewhere) else one for one in values]


class LetGo(Elsewhere):
    """In place of a value that was let go, as its flow has ``keep_values="terminal"``.

    Args:
        name: returns what views call the task.
        flow: the flow's name.
    """

    __slots__ = ("_name", "flow")

    def __init__(self, name: Callable[[], str], flow: str) -> None:
        self._name = name
        self.flow = flow

    @property
    def task(self) -> str:
        """What views call the task."""
        return self._name()

    @property
    def reason(self) -> str:
        """Why it is gone, and what to do."""
        return (
            f"the value of task {self.task!r} was let go when its last reader had ended, as flow "
            f"{self.flow!r} has keep_values='terminal': name the task in set_reference_tasks(...), "
            "or set flow.keep_values = 'all', and run again"
        )

    def fetched(self) -> NoReturn:
        """There is none any more: `NoValueError` says why, and what to do."""
        raise NoValueError(self.reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fact that the value is gone."""
        return _let_go, (self.task, self.flow)

    def __repr__(self) -> str:
        """A text in place of the value."""
        return "<let go: what reads it has ended>"


def _let_go(task: str, flow: str) -> LetGo:
    return LetGo(partial(str, task), flow)


def _itself(value: Any) -> Any:
    return value
