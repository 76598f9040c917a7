"""What a trial has left behind, counted without asking resnb: processes, folders, containers."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from .waiting import pause


class Truth:
    """The things of one trial.

    Args:
        folder: the trial's folder.
        tag: what the command lines and labels of its things carry.
        engine: a client of the container engine, or None if the trial has no container.
    """

    def __init__(self, folder: Path, tag: str, engine: Any = None) -> None:
        self.folder = folder
        self.tag = tag
        self._engine = engine

    def left(self) -> list[str]:
        """One line for each thing that is there."""
        things = self.folder / "things"
        return [
            *(f"process {pid}" for pid in self._pids()),
            *(f"folder {path.name}" for path in (things.iterdir() if things.exists() else ())),
            *(f"container {one.short_id}" for one in self._containers()),
        ]

    def reapers(self) -> list[int]:
        """The processes of resnb that watch over this trial: reapers, not their clean-ups."""
        home = str(self.folder / "home")
        return [
            pid
            for pid, line in command_lines()
            if home in line and any(part.endswith("reaper.py") for part in line)
        ]

    def remove(self) -> None:
        """End all that the trial has left, the processes of resnb among it."""
        for _ in range(2):  # a provider may bring forth one thing more
            for pid in (*self._offspring(), *self._pids()):
                kill(pid)
            with suppress(Exception):  # somebody else is removing it
                for container in self._containers():
                    container.remove(force=True)
            pause(0.05)

    def _pids(self) -> list[int]:
        return [pid for pid, line in command_lines() if any(self.tag in part for part in line)]

    def _offspring(self) -> list[int]:
        """Everything that inherited the trial's environment, itself not the harness."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("RESNB_HOME") == str(self.folder / "home"):
                    found.append(process.pid)
        return [pid for pid in found if pid != os.getpid()]

    def _containers(self) -> list[Any]:
        if self._engine is None:
            return []
        found = self._engine.containers.list(
            all=True, filters={"label": f"trial={self.tag}"}, sparse=True
        )  # looked at one by one, those that are being removed would be errors
        return list(found)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process, unless it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def command_lines() -> list[tuple[int, list[str]]]:
    """The pids and command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes().decode(errors="replace").split("\0")
            found.append((int(path.parent.name), line))
    return found
