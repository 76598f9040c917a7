"""Which runs are on in this kernel: one at a time, and those of ``@flow`` functions inside it."""

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from resnb.errors import RunError, as_word
from resnb.run.engine.slots import CURRENT
from resnb.run.engine.surroundings import RunFacts

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.engine.execution import Execution
    from resnb.run.scopes.run_scopes import RunScopes


class ActiveRun(RunFacts, Protocol):
    """A run that is on; see `resnb.run.lifecycle.Run`."""

    flow: "Flow"
    execution: "Execution"
    scopes: "RunScopes"

    def cancel(self) -> None:
        """Cancel the run."""

    def uses(self, lease: "Lease") -> bool:
        """Whether a scope of the run holds `lease`."""


_ACTIVE: list[ActiveRun] = []
_ACTIVE_LOCK = threading.Lock()


def _forked() -> None:
    """This is a forked child: what runs is its parent's."""
    global _ACTIVE_LOCK  # noqa: PLW0603 - one that another thread held at the fork stays locked
    _ACTIVE_LOCK = threading.Lock()
    for run in _ACTIVE:
        run.execution.forked = True
    _ACTIVE.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def active_run() -> ActiveRun | None:
    """The outermost run that is on in this kernel."""
    return next(iter(active_runs()), None)


def active_runs() -> tuple[ActiveRun, ...]:
    """All runs that are on, each inside the one before."""
    return tuple(_ACTIVE)


def active_inside(run: ActiveRun) -> tuple[ActiveRun, ...]:
    """`run` and those that go on inside it."""
    known = active_runs()
    return known[known.index(run) :] if run in known else (run,)


def enter(run: ActiveRun, *, is_outermost: bool) -> None:
    """`run` is on from now on.

    Raises:
        RunError: it is the outermost one, and another run is on.
    """
    with _ACTIVE_LOCK:
        if _ACTIVE and is_outermost:
            name, slot = _ACTIVE[0].flow.name, CURRENT.get()
            advice = f": wait until it has ended, or cancel it with %flow cancel {as_word(name)}"
            if slot is not None and slot.output in [one.execution.output for one in _ACTIVE]:
                here = "and this line is part of its run: run"
                advice = f", {here} {run.flow.name!r} before it, or call its functions here"
            message = f"flow {name!r} is running{advice}"
            raise RunError(message)
        _ACTIVE.append(run)


def leave(run: ActiveRun) -> None:
    """The next run may begin."""
    with _ACTIVE_LOCK, suppress(ValueError):
        _ACTIVE.remove(run)
