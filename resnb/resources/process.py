"""`Subprocess`: a process in a session of its own, with all that it starts."""

import os
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from resnb import ResourceManager
from resnb.errors import CleanupError, NothingMadeError, OptionError, ResnbError
from resnb.ledger.owner import start_time
from resnb.ledger.recipes.found_process import FoundProcess, Place, here, is_elsewhere, out_of_sight
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments
from resnb.resources.common import last_words, leave_alone, shortened

TAG = "RESNB_LEASE"
"""The variable by which the process, and all that it starts, is known."""
GRACE = 5.0
"""How long they have to end after SIGTERM, in seconds."""


class RunningProcess:
    """A process that `Subprocess` has started.

    Attributes:
        pid: its process id.
        log: the file that has its output.
    """

    def __init__(self, process: "subprocess.Popen[bytes] | FoundProcess", log: Path) -> None:
        self.pid = process.pid
        self.log = log
        self.process = process

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.process.poll()

    def __repr__(self) -> str:
        """A stable text, without its pid."""
        state = "running" if self.returncode is None else f"ended with {self.returncode}"
        return f"<{type(self).__name__}: {state}>"


class SubprocessManager:
    """Starts a process in its own session; ends it, and all that it has started.

    Args:
        args: the command, as a list, or as one text that is split like a shell's line.
        ready_port: it is ready when something listens on this port of 127.0.0.1.
        ready_line: it is ready when its output has this text, or matches it as a pattern.
        env: more variables for it.
        cwd: the folder in which it runs; by default that of now.

    >>> from resnb.resources import Subprocess
    >>> with Subprocess("sh -c 'echo ready; sleep 60'", ready_line="ready") as server:
    ...     print(server.returncode, server.log.read_text().strip())
    None ready
    >>> server.returncode is None, server.log.exists()
    (False, False)
    """

    kind = "process"
    find_for = "1s"  # it runs here, so it cannot turn up later
    lease: Any

    def __init__(
        self,
        args: str | Sequence[str | os.PathLike[str]],
        ready_port: int | None = None,
        ready_line: str | None = None,
        env: Mapping[str, Any] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        self.args = arguments.words("Subprocess", "args", args)
        if not self.args:
            message = "Subprocess needs a command: a list such as ['redis-server', '--port', '0']"
            raise OptionError(message)
        self.ready_port = arguments.whole("Subprocess", "ready_port", ready_port)
        self.ready_line = ready_line
        if ready_line is not None:
            self.ready_line = arguments.text("Subprocess", "ready_line", ready_line)
        self.variables = arguments.variables("Subprocess", env)
        self.cwd = None if cwd is None else arguments.path("Subprocess", "cwd", cwd)
        self._place = here()

    @property
    def _command(self) -> str:
        return shortened(shlex.join(self.args))

    def setup(self) -> RunningProcess:
        """Start it, with its output in a file of its own.

        Raises:
            NothingMadeError: there is no such program, or it cannot be started.
        """
        log = _log(tempfile.gettempdir(), self.lease.id)
        output = os.open(log, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - the lease owns it
                self.args,
                cwd=self.cwd,
                env={**os.environ, **self.variables, TAG: self.lease.id},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            log.unlink()
            where = error.filename if error.filename not in (None, self.args[0]) else ""
            reason = f"{error.strerror}{where and f': {where}'}"
            message = f"Subprocess: {self._command!r} cannot be started: {reason}"
            raise NothingMadeError(message) from None
        except BaseException:
            log.unlink()
            raise
        finally:
            os.close(output)
        found = RunningProcess(process, log)
        self.lease.record(self.handle(found))
        return found

    def ready(self, process: RunningProcess) -> bool:
        """Whether it listens, or has said its line.

        Raises:
            ResnbError: it has ended.
        """
        if self.ready_port is None and self.ready_line is None:
            return True
        code = process.returncode  # asked first, so that the log of one that has ended is whole
        text = process.log.read_text(errors="replace")
        if self.ready_line is not None and _has(text, self.ready_line):
            return True
        if code is not None:
            message = (
                f"Subprocess: {self._command!r} ended with exit code {code} before it was ready: "
                f"{last_words(text)}"
            )
            raise ResnbError(message)
        if self.ready_port is None:
            return False
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.ready_port), 1.0):
            return True
        return False

    def handle(self, process: RunningProcess) -> dict[str, Any]:
        """Its pid and start time, from where these are seen, and the folder of its output."""
        return {
            "pid": process.pid,
            "started": start_time(process.pid) or -1,
            "place": list(self._place),
            "folder": str(process.log.parent),
        }

    def attach(self, handle: dict[str, Any]) -> RunningProcess:
        """See `handle`."""
        self._place = Place(*handle["place"])
        process = FoundProcess(handle["pid"], handle["started"], self.args, self._place)
        return RunningProcess(process, _log(handle["folder"], self.lease.id))

    def find(self, lease_id: str) -> RunningProcess | None:
        """What a set-up that did not return has started, or its empty output."""
        log = _log(tempfile.gettempdir(), lease_id)
        found = tagged(TAG, lease_id)
        if not found and not log.exists():
            return None
        pid = found[0].pid if found else 0
        return RunningProcess(FoundProcess(pid, start_time(pid) or -1), log)

    def cleanup(self, process: RunningProcess) -> None:
        """End it and what it has started: by SIGTERM, after 5 s by SIGKILL; remove its output.

        Only what has the lease's id among its variables, or writes into its log, and the groups of
        these are ended: a pid alone says nothing.

        Raises:
            CleanupError: it runs in another container, or on another machine; it is not of this
                lease; it cannot be ended.
        """
        if is_elsewhere(self._place):
            raise out_of_sight(f"process {process.pid}", "it is of another container or machine")
        log = _log(process.log.parent, self.lease.id)
        for send in ("terminate", "kill"):
            left = _with_group([*tagged(TAG, self.lease.id), *_writer(process, log)])
            for one in left:
                with suppress(psutil.Error):
                    getattr(one, send)()
            left = _wait(process, left)
        if left:
            pids = ", ".join(str(one.pid) for one in left)
            message = f"Subprocess: process {pids} cannot be ended, not even by SIGKILL"
            raise CleanupError(message)
        if process.returncode is None:
            leave_alone(f"process {process.pid}")
        log.unlink(missing_ok=True)


def _wait(process: RunningProcess, others: list[psutil.Process]) -> list[psutil.Process]:
    """Wait until they have ended, at most `GRACE` seconds; psutil would take the exit code away.

    Returns:
        Those that have not.
    """
    never, deadline = threading.Event(), time.monotonic() + GRACE
    while True:
        is_late = time.monotonic() >= deadline  # asked first: there is a look after the deadline
        _ = process.returncode  # a zombie ends when it is asked for that
        others = [one for one in others if _is_alive(one)]
        if not others or is_late:
            return others
        never.wait(0.01)


def _writer(process: RunningProcess, log: Path) -> list[psutil.Process]:
    """The process itself, if it writes into its log: it may have cleared its variables."""
    with suppress(psutil.Error, OSError):
        if process.returncode is None:
            one = psutil.Process(process.pid)
            if any(Path(file.path) == log for file in one.open_files()):
                return [one]
    return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def tagged(variable: str, lease_id: str) -> list[psutil.Process]:
    """The processes of this machine that have a lease's id in a variable."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if one.environ().get(variable) == lease_id and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return found


def _with_group(processes: list[psutil.Process]) -> list[psutil.Process]:
    """`processes`, and those in the groups that they lead, whatever their variables."""
    leaders = {one.pid for one in processes}
    found = dict.fromkeys(processes)
    for one in psutil.process_iter():
        with suppress(OSError):
            if os.getpgid(one.pid) in leaders:
                found[one] = None
    return list(found)


def _log(folder: str | Path, lease_id: str) -> Path:
    return Path(folder) / f"resnb-{lease_id}.log"


def _has(text: str, line: str) -> bool:
    if line in text:
        return True
    with suppress(re.error):
        return re.search(line, text) is not None
    return False


Subprocess = ResourceManager(SubprocessManager, name="Subprocess")

KIND = Kind(
    "process",
    SubprocessManager,
    {"args": [str]},
    {"pid": int, "started": int, "place": [str], "folder": str},
    manager=Subprocess,
)
