"""A stand-in for IPython's shell in a clean-up in another process: it only runs ``!command``.

IPython turns ``!command`` into a call of the shell, which other processes do not have. So the shell
is pickled as `CommandShell`.
"""

import copyreg
import inspect
import os
import subprocess
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from IPython.utils.text import DollarFormatter

from resnb.errors import CleanupError


class CommandShell:
    """Runs commands as ``!command`` and ``x = !command`` do."""

    def system(self, command: str) -> None:
        """Run a command; its output goes to the log.

        As in a cell, a command that fails does not raise; its exit code goes to the log.
        """
        done = _run(command, inspect.currentframe(), None)
        if done.returncode:
            print(f"!{command}: exit code {done.returncode}", flush=True)  # noqa: T201

    def getoutput(self, command: str, *, split: bool = True) -> Any:
        """The lines that a command prints, or its whole output."""
        text = _run(command, inspect.currentframe(), subprocess.PIPE).stdout.rstrip("\n")
        return text.split("\n") if split else text

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        message = f"a clean-up outside the kernel can use ! but no magics ({name})"
        raise CleanupError(message)


def _run(command: str, frame: FrameType | None, output: int | None) -> Any:
    caller = frame and frame.f_back
    if caller is not None:
        names = {**caller.f_globals, **caller.f_locals}
        with suppress(Exception):  # as IPython does: the shell gets what cannot be expanded
            command = DollarFormatter().vformat(command, (), names)
    sys.stdout.flush()
    return subprocess.run(  # noqa: S602 - the user's own command, for the shell
        command,
        shell=True,
        executable=os.environ.get("SHELL") or "/bin/sh",
        stdout=output,
        text=True,
        check=False,
    )


def let_shells_pickle(kind: type) -> None:
    """Let recipes contain a shell of this kind, which will only run commands."""
    copyreg.pickle(kind, _reduced)


def _reduced(_: Any) -> tuple[type, tuple[()]]:
    return CommandShell, ()


__all__ = ["CommandShell", "let_shells_pickle"]
