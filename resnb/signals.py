"""Exceptions by which a task's code (or its trigger) chooses its own final state."""

from typing import NoReturn

from resnb.graph.left_out import SIGNALS, refuse_name
from resnb.graph.signals import FAIL, RETRY, SKIP, SUCCESS, TRIGGERFAIL, Signal


def __getattr__(name: str) -> NoReturn:
    refuse_name("resnb.signals", name, SIGNALS)


__all__ = ["FAIL", "RETRY", "SKIP", "SUCCESS", "TRIGGERFAIL", "Signal"]
