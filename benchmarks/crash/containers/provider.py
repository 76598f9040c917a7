"""The provider: makes, finds and removes things on this machine for kernels in containers.

A thing is a folder and a detached process, like those of the kind "folder", but it outlives the
container whose kernel asked for it. This script runs by its path with a trial's folder; it listens
on the socket `SOCKET` there and reads lines such as ``make LEASE``. Standard library only.
"""

import os
import shutil
import signal
import socketserver
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

SOCKET: Final = "provider"
TAG: Final = "PROVIDER_TAG"
"""The variable with the tag of the trial's things, which no other command line may have."""
SLEEPER: Final = (sys.executable, "-IS", "-c", "import signal; signal.pause()")


class Provider(socketserver.ThreadingUnixStreamServer):
    """Serves one trial.

    Args:
        folder: the trial's folder.
        tag: what the command lines of its things carry.
    """

    daemon_threads = True

    def __init__(self, folder: Path, tag: str) -> None:
        self._folder = folder
        self._tag = tag
        super().__init__(str(folder / SOCKET), _Request)

    def answer(self, verb: str, lease: str) -> str:
        """Carry out one request."""
        thing, process = self._folder / "things" / lease, f"{self._tag}-{lease}"
        if verb == "make":
            thing.mkdir(parents=True, exist_ok=True)
            subprocess.Popen([*SLEEPER, process], start_new_session=True)  # a thing, not a child
            return "made"
        pids = _pids_of(process)
        if verb == "find":
            return "there" if pids or thing.exists() else "nothing"
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(thing, ignore_errors=True)
        return "removed"


class _Request(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Provider)
        verb, lease = self.rfile.readline().decode().split()
        self.wfile.write(self.server.answer(verb, lease).encode())


def start(folder: Path, tag: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start the provider of a trial; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, "-IS", __file__, str(folder)],
        env={**environment, TAG: tag},
        start_new_session=True,
    )


def _pids_of(last: str) -> list[int]:
    """The processes whose last argument is `last`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes().endswith(f"{last}\0".encode()):
                found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that things that ended are reaped
    Provider(Path(sys.argv[1]), os.environ[TAG]).serve_forever()
