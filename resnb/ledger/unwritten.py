"""Claims that cannot be written, as a ledger is locked, full or read-only. Standard library only.

Such a claim is a name that the system gives to one process of a machine (in one network
namespace) at a time, and takes back when that ends: an abstract Unix socket, for which no disk is
needed. Where there is no such thing, these claims exclude nobody.
"""

import errno
import hashlib
import socket
import sys


class UnwrittenClaim:
    """The claim of this process on a lease, until it is released.

    Args:
        lease: the lease's id.

    Attributes:
        is_mine: whether this process has it; not if another one does.
    """

    def __init__(self, lease: str) -> None:
        self.is_mine = True
        self._socket: socket.socket | None = None
        if sys.platform != "linux":
            return
        name = hashlib.sha256(lease.encode(errors="replace")).hexdigest()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(f"\0resnb-{name}")
        except OSError as error:
            self.is_mine = error.errno != errno.EADDRINUSE
            self.release()

    def release(self) -> None:
        """Let others have it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
