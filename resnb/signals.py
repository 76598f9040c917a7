"""Exceptions by which a task's code, or its trigger, chooses the final state.

Example:
    >>> from resnb import signals
    >>> @task
    ... def load(rows):
    ...     if not rows:
    ...         raise signals.SKIP("nothing to load")
    >>> with Flow("etl") as flow:
    ...     loaded = load([])
    >>> flow.run().result[loaded].message
    'nothing to load'
"""

from typing import NoReturn

from resnb.graph.base.signals import FAIL, LOOP, RETRY, SKIP, SUCCESS, TRIGGERFAIL, Signal
from resnb.unsupported import SIGNALS, refuse_name


def __getattr__(name: str) -> NoReturn:
    refuse_name("resnb.signals", name, SIGNALS)


__all__ = ["FAIL", "LOOP", "RETRY", "SKIP", "SUCCESS", "TRIGGERFAIL", "Signal"]
