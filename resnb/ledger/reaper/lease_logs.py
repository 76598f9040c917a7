"""The logs of leases: what was done with each, and what its clean-ups printed."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO


class LeaseLogs:
    """One file for each lease. What cannot be written must not prevent a clean-up.

    Args:
        home: the ledger's folder.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "logs"

    def opened(self, lease: str) -> IO[bytes] | None:
        """The lease's log, to append to; None if there cannot be one."""
        name = "".join(one for one in lease if one.isalnum() or one in "-_")
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            return os.fdopen(os.open(self._folder / f"{name}.log", flags, 0o600), "ab")
        except OSError:
            return None

    def note(self, lease: str, text: str) -> None:
        """Write down what was done with the lease."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        log = self.opened(lease)
        if log is not None:
            with suppress(OSError), log:
                log.write(f"{stamp} {text}\n".encode())
