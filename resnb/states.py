"""The states of tasks, and the table of legal transitions between them.

A run stores each state as a small integer, its *code*, in the state table. Users see `State`
objects, which are made from the codes on demand. Names and hierarchy are those of Prefect 1.x: a
skipped, mapped or cached task counts as successful; a cancelled one is neither successful nor
failed.

Example:
    >>> from resnb import states
    >>> with Flow("one") as flow:
    ...     one = task(len)("a")
    >>> state = flow.run()
    >>> isinstance(state, states.Success), state.is_finished(), one.state.result
    (True, True, 1)
"""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, ClassVar, Final, NoReturn

from resnb.elsewhere import Elsewhere, LetGo
from resnb.errors import FlowFailed
from resnb.instructions import is_method_call
from resnb.unsupported import STATES, refuse_name

PENDING: Final = 0
RUNNING: Final = 1
RETRYING: Final = 2
SUCCESS: Final = 3
CACHED: Final = 4
MAPPED: Final = 5
SKIPPED: Final = 6
FAILED: Final = 7
TRIGGER_FAILED: Final = 8
TIMED_OUT: Final = 9
CANCELLED: Final = 10

FIRST_FINISHED: Final = SUCCESS
"""Codes from here on are final."""
FIRST_UNSUCCESSFUL: Final = FAILED
"""Codes from here on are final and not successful."""


def census(codes: bytes | bytearray) -> dict[int, int]:
    """The number of tasks by code, counted without a Python loop over the tasks."""
    found = {}
    left = len(codes)
    for code in range(CANCELLED + 1):
        if not left:
            break
        if number := codes.count(code):
            found[code] = number
            left -= number
    return found


def has_let_go(state: "State | None") -> bool:
    """Whether the value of a task in that state was let go, or that of a child."""
    children = getattr(state, "map_states", ())
    return isinstance(getattr(state, "kept", None), LetGo) or any(map(has_let_go, children))


class State:
    """The state of a task, or of a whole flow.

    Attributes:
        kept: the result as the run has it; one that is elsewhere is not fetched.
        message: one line of text.
    """

    code: ClassVar[int] = PENDING

    __slots__ = ("kept", "message")

    def __init__(self, message: str = "", result: Any = None) -> None:
        self.message = message
        self.kept = result

    @property
    def result(self) -> Any:
        """A successful task's value, a failed task's exception, or the states of a flow's tasks.

        ``state.result()``, as in Prefect 2 and 3, gives the same, but raises the exception unless
        called with ``raise_on_failure=False``.
        """
        value = self._fetched()
        return value if callable(value) or not is_method_call(1) else self._asked

    @result.setter
    def result(self, value: Any) -> None:
        self.kept = value

    def _fetched(self) -> Any:
        kept = self.kept
        return kept.fetched() if isinstance(kept, Elsewhere) else kept

    def _asked(self, raise_on_failure: bool = True, **_: Any) -> Any:
        value = self._fetched()
        if raise_on_failure and isinstance(value, BaseException):
            raise value
        return value

    @property
    def name(self) -> str:
        """The state's name, such as ``"Success"``."""
        return type(self).__name__

    def is_completed(self) -> bool:
        """The same as `is_successful`, by its name in Prefect 2 and 3."""
        return self.is_successful()

    def is_final(self) -> bool:
        """The same as `is_finished`, likewise."""
        return self.is_finished()

    def is_pending(self) -> bool:
        """Whether the task has yet to run, for the first time or again."""
        return self.code in (PENDING, RETRYING)

    def is_running(self) -> bool:
        """Whether the task's code is running."""
        return self.code == RUNNING

    def is_retrying(self) -> bool:
        """Whether the task failed and is waiting for its next try."""
        return self.code == RETRYING

    def is_finished(self) -> bool:
        """Whether the state is final."""
        return self.code >= FIRST_FINISHED

    def is_successful(self) -> bool:
        """Whether the state is final and counts as a success, as skipped and mapped ones do."""
        return FIRST_FINISHED <= self.code < FIRST_UNSUCCESSFUL

    def is_failed(self) -> bool:
        """Whether the task failed, timed out, or its trigger did not hold."""
        return self.code in (FAILED, TRIGGER_FAILED, TIMED_OUT)

    def is_skipped(self) -> bool:
        """Whether the task was skipped."""
        return self.code == SKIPPED

    def is_mapped(self) -> bool:
        """Whether the task was mapped over items; see ``map_states``."""
        return self.code == MAPPED

    def is_cached(self) -> bool:
        """Whether the value was given to the run instead of computed by it."""
        return self.code == CACHED

    def is_cancelled(self) -> bool:
        """Whether the task was cancelled before it finished."""
        return self.code == CANCELLED

    def raise_for_failure(self) -> None:
        """Raise `FlowFailed` unless successful, caused by the first failed task's exception.

        Raises:
            FlowFailed: the state is not a success.
        """
        if self.is_successful():
            return
        states = self.kept.values() if isinstance(self.kept, Mapping) else (self,)
        causes = [
            (one.code == TRIGGER_FAILED, found)
            for state in states
            for one in getattr(state, "map_states", ()) or (state,)
            if isinstance(found := one.kept, BaseException)
        ]
        cause = min(causes, key=itemgetter(0), default=(False, None))[1]
        raise FlowFailed(self.message or self.name, self) from cause

    def __eq__(self, other: object) -> bool:
        """Whether `other` is of the same kind and has the same message and result."""
        if self is other:
            return True
        if type(self) is not type(other) or not isinstance(other, State):
            return NotImplemented
        try:
            mine, theirs = self._fetched(), other._fetched()
            return self.message == other.message and (mine is theirs or bool(mine == theirs))
        except Exception:  # noqa: BLE001 - arrays do not compare as a whole; a value may be gone
            return False

    def __hash__(self) -> int:
        """By kind and message, since a result may have no hash."""
        return hash((type(self), self.message))

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<{self.name}: {self.message!r}>" if self.message else f"<{self.name}>"


class Pending(State):
    """Has not begun yet."""

    __slots__ = ()


class Running(State):
    """Its code is running."""

    code = RUNNING
    __slots__ = ()


class Retrying(Pending):
    """Failed, and is waiting for its next try."""

    code = RETRYING
    __slots__ = ()


class Finished(State):
    """Base of all final states."""

    __slots__ = ()


class Success(Finished):
    """Returned a value, which is ``result``."""

    code = SUCCESS
    __slots__ = ()


FOUND: Final = "its value was kept"
"""The message of a state whose value was found on disk."""


class Cached(Success):
    """Its value was given to the run (``task_states``) or kept from an earlier run."""

    code = CACHED
    __slots__ = ()


class Mapped(Success):
    """Ran once for each item; ``map_states`` has a state for each, ``result`` the values."""

    code = MAPPED
    __slots__ = ("map_states",)

    def __init__(
        self, message: str = "", result: Any = None, map_states: Iterable[State] = ()
    ) -> None:
        super().__init__(message, result)
        self.map_states = list(map_states)


class Skipped(Success):
    """Did not need to run."""

    code = SKIPPED
    __slots__ = ()


class Failed(Finished):
    """Raised an exception, which is ``result``."""

    code = FAILED
    __slots__ = ()


class TriggerFailed(Failed):
    """Did not run, because its trigger did not hold."""

    code = TRIGGER_FAILED
    __slots__ = ()


class TimedOut(Failed):
    """Ran for longer than its ``timeout``."""

    code = TIMED_OUT
    __slots__ = ()


class Cancelled(Finished):
    """Was cancelled before it finished."""

    code = CANCELLED
    __slots__ = ()


CLASSES: Final[tuple[type[State], ...]] = (
    Pending,
    Running,
    Retrying,
    Success,
    Cached,
    Mapped,
    Skipped,
    Failed,
    TriggerFailed,
    TimedOut,
    Cancelled,
)
"""State class by code."""

NAMES: Final = tuple(cls.__name__ for cls in CLASSES)
"""State name by code."""

_MOVES: Final = {
    PENDING: (RUNNING, SUCCESS, CACHED, MAPPED, SKIPPED, FAILED, TRIGGER_FAILED, CANCELLED),
    RUNNING: (
        RETRYING, SUCCESS, CACHED, MAPPED, SKIPPED, FAILED, TRIGGER_FAILED, TIMED_OUT, CANCELLED,
    ),
    RETRYING: (RUNNING, SKIPPED, FAILED, CANCELLED),
}  # fmt: skip

LEGAL: Final = tuple(
    bytes(to in _MOVES.get(source, ()) for to in range(len(CLASSES)))
    for source in range(len(CLASSES))
)
"""``LEGAL[source][target]`` is 1 where a task may move from one code to the other."""


def __getattr__(name: str) -> NoReturn:
    refuse_name("resnb.states", name, STATES)


__all__ = [
    "Cached",
    "Cancelled",
    "Failed",
    "Finished",
    "Mapped",
    "Pending",
    "Retrying",
    "Running",
    "Skipped",
    "State",
    "Success",
    "TimedOut",
    "TriggerFailed",
]
