"""Triggers: whether a task may run, given how its upstream tasks ended."""

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
