"""Triggers: whether a task may run, given how its upstream tasks ended.

Example:
    >>> from resnb import triggers
    >>> with Flow("report") as flow:
    ...     number = task(int)("one")
    ...     told = task(str, trigger=triggers.all_finished)("done", upstream_tasks=[number])
    >>> state = flow.run(quiet=True)
    >>> number.state.is_failed(), told.value
    (True, 'done')
"""

from typing import NoReturn

from resnb.graph.base.triggers import (
    all_failed,
    all_finished,
    all_successful,
    always_run,
    any_failed,
    any_successful,
    not_all_skipped,
    some_failed,
    some_successful,
)
from resnb.unsupported import TRIGGERS, refuse_name


def __getattr__(name: str) -> NoReturn:
    refuse_name("resnb.triggers", name, TRIGGERS)


__all__ = [
    "all_failed",
    "all_finished",
    "all_successful",
    "always_run",
    "any_failed",
    "any_successful",
    "not_all_skipped",
    "some_failed",
    "some_successful",
]
