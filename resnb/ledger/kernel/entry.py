"""A lease's entry in the ledger: the steps that it records. Here, for a lease without a ledger.

Light on purpose: nothing of the store is imported until a lease is prepared.
"""

from typing import Any

from resnb.ledger.recipes.recipe import Protection


class LeaseEntry:
    """Records nothing; `resnb.ledger.kernel.ledger_entry` writes each step into the store.

    Attributes:
        protection: the two marks, as far as they are known.
        handle: the pickled handle, while there is one to clean up by.
        notice: what else the user should know, such as names that look like secrets.
    """

    protection = Protection()
    handle: bytes | None = None
    notice = ""

    def record(self, handle: Any) -> None:
        """Keep the handle of what is half made."""

    def mark_open(self, manager: Any, resource: Any) -> None:
        """Set-up has returned: keep the handle, and the recipe with what set-up put on it."""

    def mark_used(self, when: float) -> None:
        """The resource was in use at `when`, in seconds since the epoch."""

    def set_keep(self, seconds: float | None) -> None:
        """Let the resource survive its kernel for `seconds`."""

    def leave(self) -> bool:
        """Leave the resource to a later kernel; false if that is not possible."""
        return False

    def claim(self) -> bool:
        """Become the one who cleans up; false if that is done already.

        Raises:
            LeaseLost: another process is cleaning up.
        """
        return True

    def mark_closed(self, *, half_made: bool = False) -> None:
        """The clean-up is complete, as far as can be seen now.

        Args:
            half_made: set-up did not return, so something may still turn up; if the manager can
                find it, the reaper goes on looking.
        """

    def mark_failed(self, reason: str) -> bool:
        """The clean-up failed here for good; tells whether the reaper takes over."""
        del reason
        return False

    def discard(self) -> None:
        """Set-up was never called, and never will be."""


__all__ = ["LeaseEntry"]
