"""Managers whose clean-ups run in an interpreter of their own."""

import os
import signal
from pathlib import Path


class File:
    """A file, removed by its path."""

    def cleanup(self, path):
        Path(path).unlink()


class LeavesAProcess:
    """Its clean-up leaves a process behind, which holds on to all that it has inherited."""

    def cleanup(self, path):
        if os.fork() == 0:
            os.setsid()
            draft = Path(f"{path}.draft")
            draft.write_text(str(os.getpid()))
            draft.rename(path)
            signal.pause()


class Waits:
    """A pipe with a name, removed once somebody has written into it."""

    def cleanup(self, path):
        Path(path).read_text()
        Path(path).unlink()


class Late:
    """A file that something which set-up has started makes later."""

    def __init__(self, path):
        self.path = path

    def find(self, _):
        return self.path if Path(self.path).exists() else None

    def cleanup(self, path):
        Path(path).unlink()


class Prints:
    """Its clean-up prints 3 MB, and a line at the end."""

    def cleanup(self, _):
        for _ in range(3000):
            print("x" * 1000)  # noqa: T201 - that is the point
        print("the end \udcff")  # noqa: T201
