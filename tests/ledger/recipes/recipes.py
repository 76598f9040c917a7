"""Managers whose clean-ups run in an interpreter of their own."""

import os
import signal
import subprocess
import sys
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


class Stays:
    """What is still shown after its clean-up, as by a provider that takes its time."""

    def __init__(self, path):
        self.path = path

    def find(self, _):
        return "thing"

    def cleanup(self, _):
        with Path(self.path).open("a") as file:
            file.write("x")


class Many:
    """Files, of which one is found at a time."""

    def __init__(self, path):
        self.path = path

    def find(self, _):
        return next(Path(self.path).iterdir(), None)

    def cleanup(self, path):
        path.unlink()


class Prints:
    """Its clean-up prints 3 MB, and a line at the end."""

    def cleanup(self, _):
        for _ in range(3000):
            print("x" * 1000)  # noqa: T201 - that is the point
        print("the end \udcff")  # noqa: T201


class Forks:
    """Its clean-up forks a child that comes out of its code, and goes on itself, to remove a file.

    Args:
        end: how the child comes out of it: the class and the arguments of what it raises, for
            `distributed` makes pickles of exceptions lose what these do not keep as attributes.
        code: what it is to end with.
    """

    def __init__(self, end, code):
        self.end, self.code = end, code

    def cleanup(self, path):
        child = os.fork()
        if not child:
            if self.end:
                kind, *arguments = self.end
                raise kind(*arguments)
            return
        found = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        Path(f"{path}.code").write_text(str(found))
        if found == self.code:
            Path(path).unlink()


class Closes:
    """Its clean-up removes a file, and closes what it finds, as what makes daemons does."""

    def __init__(self, what):
        self.what = what

    def cleanup(self, path):
        Path(path).unlink()
        if self.what == "streams":
            sys.stdout.close()
            sys.stderr.close()
        else:
            os.closerange(3, 256)


class Asks:
    """Its clean-up depends on what another program says."""

    def cleanup(self, path):
        subprocess.run(["false"], check=False).check_returncode()  # which says no
        Path(path).unlink()
