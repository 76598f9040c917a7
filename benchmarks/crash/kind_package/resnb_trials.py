"""Two small kinds for trials: a folder on this machine, and a thing of the trial's provider.

The folder of this file is put on the path, as if the package were installed. Each step of a
manager is marked in the trial's folder, in the form of `benchmarks.crash.cells`.
"""

import os
import re
import shutil
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from resnb.ledger.recipes.kinds import Kind

_LEASE = re.compile(r"[0-9a-f]{32}")
_RAISED = {"MemoryError": MemoryError, "SystemExit": SystemExit}
_PATH = re.compile(r"/[^\0]*")


class Trial:
    """What both kinds have in common.

    Args:
        trial: the trial's folder.
        step: how long each step takes, in seconds.
    """

    lease: Any
    find_for = "5s"

    def __init__(self, trial: str, step: float = 0.0) -> None:
        self.trial = trial
        self.step = step

    def handle(self, thing: str) -> str:
        """The lease's id, which all things are found by."""
        return thing

    def mark(self, what: str) -> None:
        """Write down what happens, and let a step pass."""
        file = os.open(f"{self.trial}/marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(file, f"{time.monotonic()} {os.getpid()} {what}\n".encode())
        os.close(file)
        self.pause()

    def pause(self, steps: int = 1) -> None:
        """Let steps pass; in the kernel, raise what the trial wants it to."""
        order, deadline = Path(self.trial, "raise"), time.monotonic() + steps * self.step
        while time.monotonic() < deadline:
            threading.Event().wait(0.01)
            if order.exists() and Path(sys.argv[0]).name != "cleanup_main.py":
                order.rename(order.with_name("raised"))
                raise _RAISED[order.with_name("raised").read_text(encoding="ascii")]


class Folder(Trial):
    """A folder in the trial's."""

    kind = "trial-folder"

    def setup(self) -> str:
        """Make it."""
        self.mark("set-up")
        self._folder(self.lease.id).mkdir(parents=True)
        self.pause(2)
        self.mark("made")
        return str(self.lease.id)

    def find(self, lease: str) -> str | None:
        """The lease, if its folder is there."""
        return lease if self._folder(lease).exists() else None

    def cleanup(self, lease: str) -> None:
        """Remove it."""
        self.mark("cleanup")
        self.pause()
        shutil.rmtree(self._folder(lease), ignore_errors=True)
        self.mark("cleaned")

    def _folder(self, lease: str) -> Path:
        return Path(self.trial, "things", lease)


class Outside(Trial):
    """A thing of the trial's provider, which lives outside of containers."""

    kind = "trial-outside"

    def setup(self) -> str:
        """Have it made."""
        self.mark("set-up")
        self._ask("make", self.lease.id)
        self.pause(2)
        self.mark("made")
        return str(self.lease.id)

    def find(self, lease: str) -> str | None:
        """The lease, if its thing is there."""
        return lease if self._ask("find", lease) == "there" else None

    def cleanup(self, lease: str) -> None:
        """Have it removed."""
        self.mark("cleanup")
        self.pause(2)
        self._ask("remove", lease)
        self.mark("cleaned")

    def _ask(self, verb: str, lease: str) -> str:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(f"{self.trial}/provider")
            line.sendall(f"{verb} {lease}\n".encode())
            return line.recv(100).decode()


FOLDER = Kind("trial-folder", Folder, {"trial": _PATH, "step": float}, _LEASE)
OUTSIDE = Kind("trial-outside", Outside, {"trial": _PATH, "step": float}, _LEASE)
