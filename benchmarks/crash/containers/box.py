"""A folder with its own container engine, and a subfolder that all of its containers share."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.crash.engine import NoEngineError, script
from benchmarks.crash.truth import command_lines
from benchmarks.crash.waiting import TrialError, wait_for

CONTAINER = "in-container"
"""The script that runs a command in a container whose root is this machine's file system."""

PATIENCE = 10.0


class Box:
    """Runs commands in containers; each has its own pids and machine id, and sees one folder.

    Attributes:
        shared: that folder, with the same path inside. The path is short enough for sockets.

    Raises:
        NoEngineError: containers cannot be had here.
    """

    def __init__(self) -> None:
        self._script = script(CONTAINER)
        self._folder = Path(tempfile.mkdtemp(prefix="rb-"))
        self.shared = self._folder / "shared"
        self.shared.mkdir()

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        options: Sequence[str] = (),
    ) -> None:
        """Start a container in the background.

        Args:
            name: its name.
            command: its first process.
            environment: its variables.
            options: extra options for ``podman run``.

        Raises:
            TrialError: it does not start.
        """
        variables = [f"--env={key}={value}" for key, value in environment.items()]
        done = self._run(name, "-d", *options, *variables, "--", *command)
        if done.returncode != 0:
            message = f"the container {name} does not start: {done.stderr}"
            raise TrialError(message)

    def podman(self, *words: str) -> str:
        """Run a podman command; gives what it prints."""
        return self._run("podman", *words).stdout

    def logs(self, name: str) -> str:
        """What a container has printed."""
        done = self._run("podman", "logs", name)
        return done.stdout + done.stderr

    def remove(self) -> None:
        """End all containers and remove the folder."""
        self._run("podman", "rm", "--force", "--all", "--time", "0")
        with suppress(TrialError):  # podman tidies up after a container in a process of its own
            wait_for(lambda: not self._is_used(), "podman's processes to end", PATIENCE)
        if str(self._folder) not in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            shutil.rmtree(self._folder, ignore_errors=True)  # never below a live mount of /

    def _is_used(self) -> bool:
        return any(str(self._folder) in part for _, line in command_lines() for part in line)

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._script, self._folder, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def check() -> None:
    """Check that containers work here, installing the engine if need be.

    Raises:
        NoEngineError: they do not; the message says why.
    """
    if os.geteuid() != 0:
        message = "containers need root here"
        raise NoEngineError(message)
    box = Box()
    try:
        box.start("check", ["true"], {})
    except TrialError as error:
        raise NoEngineError(str(error)) from None
    finally:
        box.remove()
