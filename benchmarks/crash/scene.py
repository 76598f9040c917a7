"""What an end is, and the scene that it acts on: a trial at the moment of its end."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .fronts import Command, environment_of, nbclient
from .truth import Truth


@dataclass
class Scene:
    """A trial at the moment of its end.

    Attributes:
        front: what started the kernel.
        kernel: the kernel's process id.
        folder: the trial's folder.
        truth: the trial's things.
        successor_started: when the successor began to look at the ledger; None before that.
    """

    front: Any
    kernel: int
    folder: Path
    truth: Truth
    successor_started: float | None = None

    def note_successor(self) -> None:
        """Note that the successor begins to look at the ledger now."""
        self.successor_started = time.monotonic()

    def tell(self, pipe: str) -> None:
        """Let a thread of the kernel that waits for `pipe` go."""
        with (self.folder / pipe).open("w"):
            pass


Act = Callable[[Scene], object]


@dataclass(frozen=True)
class End:
    """One way to end.

    Attributes:
        act: brings the end about; None where the notebook does it itself.
        front: "managed", "served", "program", "boxed" (in a container) or "hubbed" (in
            a hub's pod).
        armed: a cell that lets the kernel end itself at the moment that the harness chooses.
        lives: whether the kernel lives on.
        background: whether runs are started in the background, so that cells can follow.
        command: the program that runs the notebook.
        last: that notebook's last cell, after the moment has come; None to wait to be ended.
        timed: whether it is ended by a cell's time limit.
        successor: starts what has to clean up afterwards; None where nothing has to.
        within: the seconds in which the successor has to begin.
        cleanup: how long a clean-up takes, in seconds; None to take the kind's own.
        options: extra options for ``podman run``.
        settings: for the server in a container.
        is_shared: whether the ledger is a shared one.
    """

    act: Act | None = None
    front: str = "managed"
    armed: str = ""
    lives: bool = False
    background: bool = False
    command: Command = nbclient
    last: str | None = None
    timed: bool = False
    successor: Act | None = None
    within: float = 5.0
    cleanup: float | None = None
    options: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    is_shared: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether a whole container ends, including the reaper inside it."""
        return self.front in ("boxed", "hubbed")


def sweep(scene: Scene) -> None:
    """Run ``resnb sweep`` on this machine: clean up what dead kernels have left in a ledger."""
    scene.note_successor()
    subprocess.run(
        [sys.executable, "-m", "resnb", "sweep"],
        check=False,
        capture_output=True,
        timeout=120,
        env=environment_of(scene.folder),
    )
