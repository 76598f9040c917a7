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
