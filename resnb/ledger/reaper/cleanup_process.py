"""A clean-up in progress, as the reaper sees it: its process, its order, its result.

Nothing here waits for the process: what does not fit into a pipe is written bit by bit, and what
it says is read when it is there. Other processes may hold the other end of a pipe for ever.
"""

import base64
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from resnb.ledger.owner import Owner, start_time
from resnb.ledger.record import Record

EXTRA = 5.0
"""What a clean-up gets beside its time limit, to start and to end, in seconds."""
_LARGE_PIPE = 1 << 20
_HIDDEN = ("PYTHONPATH",)  # what lies there must not shadow what our own script imports


class Cleaning:
    """The process that cleans up one lease; it does nothing before it has its order.

    Args:
        record: the lease.
        log: where its output goes.

    Raises:
        OSError: the interpreter cannot be started.
    """

    def __init__(self, record: Record, log: IO[bytes] | int) -> None:
        self.record = record
        self._said = b""
        self._order = b""
        variables = {**os.environ, **dict(record.environment.variables)}
        self._variables = {name: variables.pop(name) for name in _HIDDEN if name in variables}
        quiet = 0.0 if record.handle is not None else record.find_quiet
        self._time = record.cleanup_timeout + quiet + EXTRA
        self._deadline = time.monotonic() + self._time
        script = str(Path(__file__).with_name("cleanup_main.py"))
        self._report, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [record.environment.python, "-P", script, str(theirs)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                env=variables,
                start_new_session=True,
            )
        except (OSError, ValueError):
            os.close(self._report)
            raise
        finally:
            os.close(theirs)
        assert self._process.stdin is not None
        self._input = self._process.stdin.fileno()
        os.set_blocking(self._report, False)
        os.set_blocking(self._input, False)
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self._input, fcntl.F_SETPIPE_SZ, _LARGE_PIPE)

    def process_of(self, machine: Owner) -> Owner:
        """Its process, which runs where `machine` does."""
        pid = self._process.pid
        return machine._replace(pid=pid, started=start_time(pid) or 0)

    def give_order(self, end: dict[str, Any]) -> None:
        """Let it begin.

        Args:
            end: how to write into the ledger that it has cleaned up.
        """
        record = self.record
        order = {
            "lease": record.id,
            "find_quiet": record.find_quiet,
            "path": record.environment.path,
            "folder": record.environment.folder,
            "variables": self._variables,
            "recipe": base64.b64encode(record.recipe).decode(),
            "handle": None if record.handle is None else base64.b64encode(record.handle).decode(),
            "end": end,
            "deadline": self._time + EXTRA,  # by then its reaper has ended it, if it has one
        }
        self._order = json.dumps(order).encode()
        self._write()

    def result(self) -> tuple[str, str] | None:
        """What came of it, and why; None while it goes on. To be asked every now and then."""
        self._write()
        ended = self._process.poll() is not None
        self._read()
        said = _understood(self._said)
        if said is not None:  # whatever it leaves to do is no business of ours
            self._deadline = min(self._deadline, time.monotonic() + EXTRA)
        if not ended and time.monotonic() < self._deadline:
            return None
        self.end()
        if said is not None:
            return said
        if ended:
            return "failed", f"its interpreter ended with {self._process.returncode}"
        return "failed", f"it did not end within {self.record.cleanup_timeout:g} s"

    def end(self) -> None:
        """End its process and those of its group, if they are there, and let go of them."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close_input()
        os.close(self._report)

    def _write(self) -> None:
        while self._order:
            try:
                self._order = self._order[os.write(self._input, self._order) :]
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._order = b""  # it has ended; `result` tells how
            if not self._order:
                self._close_input()

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while data := os.read(self._report, 1 << 16):
                self._said += data


def _understood(text: bytes) -> tuple[str, str] | None:
    """Result and reason, once it has said them."""
    try:
        said = json.loads(text)
        return str(said["result"]), str(said["reason"])
    except (ValueError, KeyError, TypeError):
        return None


__all__ = ["EXTRA", "Cleaning"]
