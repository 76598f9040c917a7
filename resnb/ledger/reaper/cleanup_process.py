"""A clean-up in progress, as the reaper sees it: its process, its order, its result.

Nothing here waits for the process. Its pipes and its end wake the reaper's selector: an order that
does not fit into the pipe is written in pieces, and the result is read when it has arrived. Other
processes may keep the other end of a pipe open for ever.
"""

import base64
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from resnb.errors import LedgerError
from resnb.ledger.liveness import new_file
from resnb.ledger.owner import Lock, Owner, child_of, same_place, this_process
from resnb.ledger.reaper.decisions import first_look
from resnb.ledger.record import LeaseRecord

EXTRA = 5.0
"""What a clean-up gets beside its time limit, to start and to end, in seconds."""
_LARGE_PIPE = 1 << 20
_SOON = 0.05
"""Without a pidfd: how soon to look for the end of a process that closed its pipe, in seconds."""
_NOW_AND_THEN = 0.5
"""Without a pidfd: how often to look for its end before that, in seconds."""
_HIDDEN = "PYTHON"
"""How the names of variables begin that the clean-up's interpreter must not see when it starts.

Modules on a path of theirs would shadow what our script imports; another home has another library.
"""
REHEARSED_WITHIN = 30.0
"""How long a rehearsal may take, most of which is for what the recipes import, in seconds."""
_SCRIPT = Path(__file__).with_name("cleanup_main.py")
_REPLACED = (
    f"resnb was upgraded or removed in {Path(__file__).parents[2]} while this reaper was running: "
    "install it there again, or run resnb sweep from where it is"
)


def _seen(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one in its place; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


_AT_FIRST = _seen(_SCRIPT)


class CleanupProcess:
    """The process that cleans up one lease; it does nothing before it has its order.

    Args:
        home: the ledger's folder.
        record: the lease.
        log: where its output goes.
        selector: wakes the reaper, which then calls the functions that are registered as data.
        rehearsed: leases with the same environment, `record` among them, if it only looks whether
            it could clean them up, and runs nothing.

    Attributes:
        record: the lease.
        lock: the lock that it is to hold; None if it has none.

    Raises:
        OSError: the interpreter cannot be started.
    """

    def __init__(
        self,
        home: Path,
        record: LeaseRecord,
        log: IO[bytes] | int,
        selector: selectors.BaseSelector,
        *,
        rehearsed: Sequence[LeaseRecord] = (),
    ) -> None:
        self.record = record
        self._rehearsed = rehearsed
        self._received = b""
        self._has_order = False
        self._path, self.lock = (None, None) if rehearsed else _lock_file(home)
        self._order = b""
        self._selector = selector
        self._watched: set[int] = set()
        variables = {**os.environ, **dict(record.environment.variables)}
        hidden = [name for name in variables if name.startswith(_HIDDEN)]
        self._variables = {name: variables.pop(name) for name in hidden}
        self._time = record.cleanup_timeout + first_look(record) + EXTRA
        if rehearsed:
            self._time = REHEARSED_WITHIN
        self._deadline = time.monotonic() + self._time
        self._report, its_end = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a script of this folder
                [
                    record.environment.python,
                    "-P",
                    str(_SCRIPT),
                    str(its_end),
                    str(self._path or ""),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(its_end,),
                env=variables,
                start_new_session=True,
            )
        except (OSError, ValueError):
            os.close(self._report)
            raise
        finally:
            os.close(its_end)
        assert self._process.stdin is not None
        self._input = self._process.stdin.fileno()
        os.set_blocking(self._report, False)
        os.set_blocking(self._input, False)
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self._input, fcntl.F_SETPIPE_SZ, _LARGE_PIPE)
        self._watch(self._report, self._read)
        self._pidfd = _pidfd_of(self._process.pid)
        if self._pidfd is not None:
            self._watch(self._pidfd, lambda: None)  # the reaper collects results when it wakes

    @property
    def awaits_order(self) -> bool:
        """Whether it is ready, which it says once it holds its lock."""
        return not self._has_order and b"\n" in self._received

    def process_of(self, reaper: Owner) -> Owner:
        """Its process, as a child of the reaper's; to be asked once it is ready."""
        is_locked = self._received.partition(b"\n")[0] == b"locked"
        lock = self.lock if is_locked else None
        return child_of(reaper, self._process.pid)._replace(lock=lock)

    def give_order(self, end: dict[str, Any] | None) -> None:
        """Let it begin.

        Args:
            end: how to write into the ledger that it has cleaned up; None if it must not.
        """
        record = self.record
        order = {
            "rehearse": [_loadable(one) for one in self._rehearsed],
            **_loadable(record),
            "elsewhere": not same_place(this_process(), record.owner),
            "look": first_look(record),
            "path": record.environment.path,
            "folder": record.environment.folder,
            "variables": self._variables,
            "end": end,
            "deadline": self._time + EXTRA,  # by then its reaper has ended it, if it has one
        }
        self._order = json.dumps(order).encode()
        self._has_order = True
        self._deadline = time.monotonic() + self._time  # the ledger may have held up the order
        self._watch(self._input, self._write, selectors.EVENT_WRITE)
        self._write()

    def result(self) -> tuple[str, str] | None:
        """The result and the reason; None while it runs. The selector wakes when to ask again."""
        has_ended = self._process.poll() is not None
        self._read()
        result = _parsed(self._received.partition(b"\n")[2])
        if result is not None:  # whatever it still does is not waited for
            self._deadline = min(self._deadline, time.monotonic() + EXTRA)
        if not has_ended and time.monotonic() < self._deadline:
            return None
        self.end()
        if result is not None:
            return result
        if has_ended:
            fault = f"its interpreter ended with {self._process.returncode}"
            return "failed", fault if _seen(_SCRIPT) == _AT_FIRST else f"{fault}, since {_REPLACED}"
        limit = REHEARSED_WITHIN if self._rehearsed else self.record.cleanup_timeout
        return "failed", f"it did not end within {limit:g} s"

    def ask_within(self) -> float:
        """How many seconds the selector may wait for it before its result is asked for again."""
        left = max(0.0, self._deadline - time.monotonic())
        if self._pidfd is not None:
            return left
        return min(left, _NOW_AND_THEN if self._report in self._watched else _SOON)

    def end(self) -> None:
        """Kill its process and those of its group, if they are alive, and close all descriptors."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close_input()
        for one in (self._report, self._pidfd):
            if one is not None:
                self._unwatch(one)
                os.close(one)

    # ---- pipes

    def _write(self) -> None:
        while self._order:
            try:
                self._order = self._order[os.write(self._input, self._order) :]
            except BlockingIOError:
                return
            except BrokenPipeError:
                break  # it has ended; see `result`
        self._close_input()

    def _close_input(self) -> None:
        assert self._process.stdin is not None
        self._order = b""
        self._unwatch(self._input)
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while data := os.read(self._report, 1 << 16):
                self._received += data
            self._unwatch(self._report)  # its end stays readable

    def _watch(
        self, file: int, action: Callable[[], None], event: int = selectors.EVENT_READ
    ) -> None:
        self._selector.register(file, event, action)
        self._watched.add(file)

    def _unwatch(self, file: int) -> None:
        if file in self._watched:
            self._watched.remove(file)
            self._selector.unregister(file)


def _loadable(record: LeaseRecord) -> dict[str, str | None]:
    """What is loaded of a lease."""
    return {
        "lease": record.id,
        "kind": record.kind,
        "name": record.name,
        "recipe": base64.b64encode(record.recipe).decode(),
        "handle": None if record.handle is None else base64.b64encode(record.handle).decode(),
    }


def _lock_file(home: Path) -> tuple[Path | None, Lock | None]:
    """A file for the process to lock; none where it cannot be made, which must stop no clean-up."""
    try:
        return new_file(home)
    except LedgerError:
        return None, None


def _pidfd_of(pid: int) -> int | None:
    """A descriptor that becomes readable when process `pid` ends; None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _parsed(text: bytes) -> tuple[str, str] | None:
    """Result and reason, once both have arrived."""
    try:
        report = json.loads(text)
        return str(report["result"]), str(report["reason"])
    except (ValueError, KeyError, TypeError):
        return None
