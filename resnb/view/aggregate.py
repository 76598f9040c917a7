"""One state, and one reason, for many tasks."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from resnb.states import (
    CANCELLED,
    FAILED,
    FIRST_FINISHED,
    PENDING,
    RETRYING,
    RUNNING,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
    Mapped,
)

if TYPE_CHECKING:
    from resnb.states import State

FAILURES = frozenset({FAILED, TIMED_OUT})
"""States of tasks that failed themselves, rather than because of others."""


def overall(found: Collection[int]) -> int:
    """One state for many tasks in those states: the most urgent one."""
    for code, causes in (
        (FAILED, FAILURES),
        (RUNNING, {RUNNING, RETRYING}),
        (CANCELLED, {CANCELLED}),
        (TRIGGER_FAILED, {TRIGGER_FAILED}),
    ):
        if not causes.isdisjoint(found):
            return code
    finished = [code >= FIRST_FINISHED for code in found]
    if finished and all(finished):
        return SUCCESS
    return RUNNING if any(finished) else PENDING


def reason_of(state: "State") -> str:
    """Why a task failed, in one line; for a mapped task, why its first failed item did.

    Empty if it did not fail itself.
    """
    if isinstance(state, Mapped):
        failed = [(item, one) for item, one in enumerate(state.map_states) if one.code in FAILURES]
        if not failed:
            return ""
        (item, first), *others = failed
        more = f", and {len(others):,} more" if others else ""
        return f"{reason_of(first)} (item {item}{more})"
    if state.code not in FAILURES:
        return ""
    if state.message or not isinstance(state.kept, BaseException):
        return state.message
    name, text = type(state.kept).__name__, str(state.kept)
    return f"{name}: {text}" if text else name
