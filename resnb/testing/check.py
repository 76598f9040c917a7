"""`check_resource`: the whole promise, tried on one manager with real processes that are killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path
from threading import Event
from typing import Any

import psutil

from resnb.durations import seconds
from resnb.errors import ResnbError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.store.store import Store
from resnb.testing.child import Moment
from resnb.testing.engine import Engine, StoppableEngine
from resnb.testing.order import Order, order_of, written
from resnb.testing.orderly import LINGERING

_PROGRAM = "import sys; from resnb.testing.child import main; main(int(sys.argv[1]), sys.argv[2])"
_NEVER = Event()


class BrokenPromisesError(ResnbError, AssertionError):
    """A manager does not keep the promise.

    Attributes:
        lines: one for each promise that is broken.
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(lines))


def check_resource(
    manager: Any,
    engine: Engine,
    *,
    use: Callable[[Any], object] | None = None,
    doomed: Any = None,
    steps: int | None = None,
    patience: float = 60.0,
    alone: bool = False,
) -> None:
    """Hold a manager to the whole promise, and leave nothing behind.

    It is set up, used by two tasks and cleaned up, twice; its set-up fails at each step; a kernel
    that holds it is killed in set-up, in use and in clean-up, while the engine is there and (if it
    can be stopped) while it is not; what is found by tag and read back from JSON is checked; and
    what has a ``self_destruct`` has to end when all of resnb is killed. All that happens in
    processes and a ledger of their own. Up to seven are open at the same time, unless `alone`.

    Args:
        manager: a resource with its arguments, such as ``DockerContainer("redis:7")``, one that
            needs none, or a manager itself, which is copied.
        engine: tells what is there; see `Engine` and `StoppableEngine`.
        use: what each of two tasks does with the resource, and a kernel before it is killed in use.
        doomed: the same with a short ``self_destruct``; by default `manager`, if it has one.
        steps: at how many of its steps a set-up fails at most; by default at each.
        patience: how long a clean-up from outside may take, in seconds.
        alone: whether there can be only one at a time, as for what has a name or a port of its own.

    Raises:
        BrokenPromisesError: it does not keep all of it; each line names a promise.
        OptionError: the manager does not pickle.
    """
    order = order_of(manager, use, steps)
    check = _Check(engine, patience)
    check.kill_in_all_moments(order, alone=alone)
    if check.has_held:  # what cannot be set up need not be lost
        if isinstance(engine, StoppableEngine):
            check.lose_engine(engine, order)
        check.leave_alone(order if doomed is None else order_of(doomed))
    if check.broken:
        raise BrokenPromisesError(check.broken)


class _Check:
    def __init__(self, engine: Engine, patience: float) -> None:
        self.broken: list[str] = []
        self.has_held = False
        self._engine, self._patience = engine, patience

    def kill_in_all_moments(self, order: Order, *, alone: bool) -> None:
        """What a child checks by itself, and the end by kill -9 of those that hold leases."""
        with _child(order, "whole") as child:
            moments = self._follow(child, [] if alone else None)
            self._kill(child)
        for moment in moments if alone else ():
            with _child(order) as child:
                self._follow(child, [moment])
                self._kill(child)

    def _kill(self, child: "_Child") -> None:
        child.kill()
        for moment, lease in child.held:
            self.has_held = True
            self._expect_closed(child, f"kill -9 {moment}", lease)

    def _follow(self, child: "_Child", chosen: list[Moment] | None = None) -> list[Moment]:
        """Answer a child until it holds all its leases: those in all moments, or the chosen ones.

        Returns:
            All moments.
        """
        moments: list[Moment] = []
        while True:
            try:
                match child.connection.recv():
                    case "count", lease:
                        child.connection.send(self._engine.count(lease))
                    case "broken", line:
                        self.broken.append(line)
                    case "moments", moments:
                        child.connection.send(moments if chosen is None else chosen)
                    case "holds", moment, lease:
                        child.held.append((moment, lease))
                    case _:
                        return moments
            except EOFError:
                self.broken.append(f"it ends its process: {child.last_words()}")
                return []

    def _expect_closed(self, child: "_Child", what: str, lease: str) -> None:
        """What a killed process has left is cleaned up, and the ledger knows it."""
        store = Store(child.home)
        found = store.get(LeaseId(lease))
        deadline = time.monotonic() + self._patience
        while found is not None and found.state != states.CLOSED and time.monotonic() < deadline:
            _NEVER.wait(0.05)
            found = store.get(LeaseId(lease))
        if found is not None and found.state != states.CLOSED:
            why = f": {found.reason}" if found.reason else ""
            self.broken.append(
                f"{what}: its lease is {found.state} after {self._patience:g} s{why}"
            )
        self._expect_nothing(what, lease, min(LINGERING, self._patience))

    def _expect_nothing(self, what: str, lease: str, patience: float) -> None:
        deadline = time.monotonic() + patience
        while left := self._engine.count(lease):
            if time.monotonic() > deadline:
                self.broken.append(f"{what}: the engine still has {left} after {patience:g} s")
                return
            _NEVER.wait(0.05)

    def lose_engine(self, engine: StoppableEngine, order: Order) -> None:
        """The kernel is killed while the engine is away, which then comes back."""
        what = "engine gone and back"
        with _child(order) as child:
            self._follow(child)
            engine.stop()
            try:
                child.kill()
                for _, lease in child.held:
                    self._wait_for_try(child, lease)
            finally:
                engine.start()
            for _, lease in child.held:
                Store(child.home).change(LeaseId(lease), next_try=0.0)  # as the next sweep does
                self._expect_closed(child, what, lease)

    def _wait_for_try(self, child: "_Child", lease: str) -> None:
        """The reaper has tried once to clean up."""
        store = Store(child.home)
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            found = store.get(LeaseId(lease))
            if found is None or found.state in (states.FAILED, states.CLOSED):
                return
            _NEVER.wait(0.05)

    def leave_alone(self, order: Order) -> None:
        """Nothing of resnb is left, so that only the provider can end it."""
        limit = seconds(getattr(order.manager(), "self_destruct", None), "self_destruct")
        if limit is None:
            return
        with _child(order) as child:
            self._follow(child)
            child.kill(reaper=True)
            for _, lease in child.held:
                self._expect_nothing("self-destruct", lease, limit + self._patience)


class _Child:
    """A process that holds leases, with a ledger of its own."""

    def __init__(self, order: Order, home: Path, whole: str) -> None:
        data = written(order)
        self.home = home
        self.held: list[tuple[str, str]] = []
        self._log = home / "child.log"
        self.connection, its = Pipe()
        variables = {name: value for name, value in os.environ.items() if name != "RESNB_LEDGER"}
        path = os.pathsep.join(sys.path)
        with its, self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", _PROGRAM, str(its.fileno()), whole],
                pass_fds=[its.fileno()],
                env={**variables, "RESNB_HOME": str(home), "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.connection.send(sys.path)
        self.connection.send(data)

    def kill(self, *, reaper: bool = False) -> None:
        """Kill it; its reaper first, if that must not clean up."""
        for process in _processes_of(self.home) if reaper else ():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """The last line of its output."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it has printed nothing"

    def close(self) -> None:
        """Leave nothing of it."""
        self.kill()
        self.connection.close()
        for process in _processes_of(self.home):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def _child(order: Order, whole: str = "") -> Iterator[_Child]:
    home = Path(tempfile.mkdtemp(prefix="resnb-check-"))
    try:
        child = _Child(order, home, whole)
        try:
            yield child
        finally:
            child.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _processes_of(home: Path) -> list[psutil.Process]:
    """The reapers of a ledger, which end by themselves when nothing is left to do."""
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if str(home) in (one.info["cmdline"] or ())]
