"""What a lease tells the ledger: the steps of one entry, and the entry of those who keep no ledger.

Light on purpose: nothing of the store is imported until a lease is prepared.
"""

from typing import Any, NamedTuple, Protocol

from resnb.ledger.recipes.recipe import Protection


class Limits(NamedTuple):
    """How long things may take, and how long a lease may last; in seconds.

    Attributes:
        cleanup_timeout: for one try of the clean-up.
        ttl: age limit, or None.
        idle_timeout: limit of idleness, or None.
        keep: how long the resource survives its kernel, or None.
    """

    cleanup_timeout: float = 60.0
    ttl: float | None = None
    idle_timeout: float | None = None
    keep: float | None = None


class LeaseEntry(Protocol):
    """The steps of a lease, each durable when its method returns.

    Attributes:
        handle: the pickled handle, as long as there is one to clean up by.
        notice: what else its user should know, such as names that look like secrets.
    """

    handle: bytes | None
    notice: str

    @property
    def protection(self) -> Protection:
        """The two marks, as far as they are known."""

    def record(self, handle: Any) -> None:
        """Keep the handle of what is half made."""

    def opened(self, manager: Any, resource: Any) -> None:
        """Set-up has returned: keep the handle, and the recipe with what set-up put on it."""

    def used(self, when: float) -> None:
        """The resource was in use at `when`, in seconds since the epoch."""

    def keeps(self, seconds: float | None) -> None:
        """The resource survives its kernel for so long."""

    def kept(self) -> bool:
        """Leave the resource to a later kernel; false if it cannot be left."""

    def claim(self) -> bool:
        """Be the one who cleans up; false if it is closed already, else `LeaseLost`."""

    def closed(self, *, half_made: bool = False) -> None:
        """The clean-up has completed, as far as can be seen now."""

    def failed(self, reason: str) -> bool:
        """The clean-up failed here for good; gives whether the reaper goes on with it."""


class NoEntry:
    """The entry of a lease that no ledger knows: everything is fine, and nothing is written."""

    protection = Protection()
    handle: bytes | None = None
    notice = ""

    def record(self, handle: Any) -> None:
        """See `LeaseEntry`."""

    def opened(self, manager: Any, resource: Any) -> None:
        """See `LeaseEntry`."""

    def used(self, when: float) -> None:
        """See `LeaseEntry`."""

    def keeps(self, seconds: float | None) -> None:
        """See `LeaseEntry`."""

    def kept(self) -> bool:
        """See `LeaseEntry`."""
        return False

    def claim(self) -> bool:
        """See `LeaseEntry`."""
        return True

    def closed(self, *, half_made: bool = False) -> None:
        """See `LeaseEntry`."""

    def failed(self, reason: str) -> bool:
        """See `LeaseEntry`."""
        del reason
        return False


__all__ = ["LeaseEntry", "Limits", "NoEntry"]
