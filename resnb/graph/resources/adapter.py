"""What the adapted forms of a resource have in common: they hold what set-up has made.

To the ledger they say by ``__resnb_recipe__`` what another process can clean up with, by
``__resnb_values__`` what they hold, and by ``__resnb_protection__`` what is known in advance.
"""

from collections.abc import Callable, Mapping
from typing import Any

from resnb.errors import LedgerError

LIVES_IN_KERNEL = "its clean-up lives in the kernel, because "


class Adapter:
    """Base of the adapted forms: remembers the arguments until set-up."""

    _function: Callable[..., Any]
    _wants_lease = False
    lease: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args, self._kwargs = args, kwargs
        self._live: Any = None

    def renewed(self) -> "Adapter":
        """Another one for the same arguments, for another try."""
        return type(self)(*self._args, **self._kwargs)

    def _call(self) -> Any:
        """What the adapted function gives for these arguments."""
        extra = {"lease": self.lease} if self._wants_lease else {}
        return self._function(*self._args, **self._kwargs, **extra)

    # ---- for the ledger

    @classmethod
    def _fault(cls) -> str:
        """Why no other process can clean up; empty if it can."""
        return f"{LIVES_IN_KERNEL}it is a context manager"

    @classmethod
    def __resnb_protection__(cls) -> tuple[str | None, str | None]:
        """Why a half-made, and why an open one cannot be cleaned up elsewhere, as far as known.

        Returns:
            For each an empty text if it can; None if nothing finds it, or if that depends on what
            set-up makes.
        """
        fault = cls._fault()
        return fault, fault

    def __resnb_recipe__(self) -> Any:
        """What another process can clean up with.

        Raises:
            LedgerError: there is no such thing; says why.
        """
        raise LedgerError(self._fault())

    def __resnb_values__(self) -> Mapping[str, Any]:
        """What it holds, by name."""
        generator = getattr(self._live, "gen", None)  # of contextlib's decorators
        frame = getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)
        return {"its context manager": self._live} if frame is None else dict(frame.f_locals)


__all__ = ["LIVES_IN_KERNEL", "Adapter"]
