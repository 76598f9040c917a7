"""Waiting with a deadline, and the marks by which a kernel tells how far it is."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil

T = TypeVar("T")
OF_THE_HARNESS = ("kernel", "end", "lives")
_never = threading.Event()


class TrialError(Exception):
    """The trial itself went wrong: it tells nothing, and is done again."""


def pause(seconds: float) -> None:
    """Let `seconds` pass."""
    _never.wait(max(0.0, seconds))


def wait_for(condition: Callable[[], T], what: str, limit: float = 60.0) -> T:
    """Look every few milliseconds until `condition` holds; gives what it gave.

    Raises:
        TrialError: it does not hold within `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while not (found := condition()):
        if time.monotonic() > deadline:
            message = f"waited {limit:g} s for {what}"
            raise TrialError(message)
        pause(0.005)
    return found


class Mark(NamedTuple):
    """One line of the trial's marks: the clock is the system's, the same for all processes."""

    time: float
    pid: int
    what: str


class Marks:
    """What the processes of one trial wrote into its file of marks."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "marks"

    def all(self) -> list[Mark]:
        """All marks so far, in order."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        parts = [line.split(maxsplit=2) for line in lines]
        return [Mark(float(moment), int(pid), what) for moment, pid, what in parts]

    def of(self, what: str) -> list[Mark]:
        """The marks that say `what`."""
        return [mark for mark in self.all() if mark.what == what]

    def wait(self, what: str, limit: float = 60.0) -> Mark:
        """The first mark that says `what`, as soon as it is there.

        Raises:
            TrialError: it is not there within `limit` seconds.
        """
        return wait_for(lambda: self.of(what), f"the mark {what!r}", limit)[0]

    def phase(self, moment: float) -> str:
        """The last mark of a thing or a task before `moment`."""
        before = [mark.what for mark in self.all() if mark.time <= moment]
        return next((what for what in reversed(before) if what not in OF_THE_HARNESS), "start")


def is_alive(pid: int) -> bool:
    """Whether process `pid` is there and no zombie."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False
