"""The logs of leases: what was done with each, and what its clean-ups printed.

They are bounded in size, and stay as long as the history of their leases.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from resnb.ledger.store.store import KEPT_HISTORY

LARGEST = 1 << 20
"""How large a log becomes before its oldest part is dropped, in bytes."""
_KEPT = 1 << 18


class LeaseLogs:
    """One file for each lease. What cannot be written must not prevent a clean-up.

    Args:
        home: the ledger's folder.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "logs"

    def opened(self, lease: str) -> IO[bytes] | None:
        """The lease's log, to append to; None if there cannot be one."""
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            return os.fdopen(os.open(self._path(lease), flags, 0o600), "ab")
        except OSError:
            return None

    def note(self, lease: str, text: str) -> None:
        """Write down what was done with the lease."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        log = self.opened(lease)
        if log is not None:
            with suppress(OSError), log:
                log.write(f"{stamp} {text}\n".encode(errors="backslashreplace"))

    def bound(self, lease: str) -> None:
        """Drop all but the end of a log that has become too large.

        A clean-up that is writing into it goes on at its new end.
        """
        with suppress(OSError), self._path(lease).open("r+b", buffering=0) as log:
            read = log.seek(0, os.SEEK_END)
            if read > LARGEST:
                kept = 0
                read -= _KEPT
                end = b"[...]\n"
                while end:  # what is written meanwhile belongs to the end, too
                    kept += os.pwrite(log.fileno(), end, kept)
                    end = os.pread(log.fileno(), _KEPT, read)
                    read += len(end)
                log.truncate(kept)

    def remove_old(self, now: float) -> None:
        """Remove the logs of leases whose history is gone; `now` is in seconds since the epoch."""
        with suppress(OSError):
            for path in self._folder.iterdir():
                if now - path.stat().st_mtime > KEPT_HISTORY:
                    path.unlink()

    def _path(self, lease: str) -> Path:
        name = "".join(one for one in lease if one.isalnum() or one in "-_")
        return self._folder / f"{name}.log"
