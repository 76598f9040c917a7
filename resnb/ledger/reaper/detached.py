"""Detached processes: how reaper and sweeper leave whoever starts them. Standard library only.

The script is run in a session of its own and forks; the process that was started ends, so the
one that stays is nobody's child, and what kills a kernel's children does not find it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

STARTS_WITHIN = 20.0
"""How long the script may take to detach itself, in seconds."""
LARGEST_LOG = 1 << 20
"""How large their common log becomes before it is begun anew, in bytes."""
LOCK_SEEN, UNSEEN = "locked", "unlocked"
"""What a reaper adds to "ready" and its pid: whether it sees the lock of its kernel."""


def start_detached(
    script: Path,
    home: Path,
    arguments: Sequence[str] = (),
    passed: Sequence[int] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run a script of this folder that calls `detach`; gives its exit code.

    Args:
        script: its file name.
        home: the ledger's folder, its first argument; its output goes to ``reaper.log`` there.
        arguments: further arguments.
        passed: descriptors that it inherits.
        variables: what its environment has beside, or in place of, this process's.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it did not detach itself in time.
    """
    log = _log(home)
    try:
        return subprocess.run(  # noqa: S603 - a script of this folder
            [
                sys.executable,
                "-I",
                "-S",
                str(Path(__file__).parent / script),
                str(home),
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=passed,
            env={**os.environ, **variables},
            start_new_session=True,
            timeout=STARTS_WITHIN,
            check=False,
        ).returncode
    finally:
        os.close(log)


def _log(home: Path) -> int:
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
    try:
        log = os.open(home / "reaper.log", flags, 0o600)
        if os.fstat(log).st_size > LARGEST_LOG:
            os.ftruncate(log, 0)
    except OSError:  # such as a full disk, which must not prevent the start
        return os.open(os.devnull, os.O_WRONLY)
    return log


def detach(home: str) -> None:
    """Go on as a detached process that ignores INT, TERM and HUP, in the ledger's folder."""
    if os.fork():
        os._exit(0)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # not SIG_IGN, which the processes that are started from here would inherit
        signal.signal(getattr(signal, name), lambda _number, _frame: None)
    # else all that a clean-up runs would seem to succeed, where a kernel ignores this
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whatever the thread that started it blocked
    os.chdir(home)
    os.umask(0o077)
