"""The base of resource managers that are made from generators and context managers.

The ledger asks an adapter what another process can clean up with (``__resnb_recipe__``), what it
holds (``__resnb_values__``), what makes it (``__resnb_function__``), which names of the notebook
its clean-up refers to (``__resnb_names__``) and what is known about it in advance
(``__resnb_protection__``).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from resnb.errors import LedgerError

LIVES_IN_KERNEL = "its clean-up lives in the kernel, because "


class Adapter:
    """A manager that keeps its arguments until set-up, and then what set-up made.

    Attributes:
        lease: its lease, once it has one.
        failure: what has ended the `with` block whose end cleans up; None if it ended normally.
    """

    _function: Callable[..., Any]
    _wants_lease = False
    lease: Any = None
    failure: BaseException | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._args, self._kwargs = args, kwargs
        self._live: Any = None

    def renewed(self) -> "Adapter":
        """A new adapter with the same arguments, for another try."""
        return type(self)(*self._args, **self._kwargs)

    def _call(self) -> Any:
        """Call the adapted function with the arguments."""
        extra = {"lease": self.lease} if self._wants_lease else {}
        return self._function(*self._args, **self._kwargs, **extra)

    # ---- for the ledger

    @classmethod
    def _fault(cls) -> str:
        """Why no other process can clean up; empty if one can."""
        return f"{LIVES_IN_KERNEL}it is a context manager"

    @classmethod
    def __resnb_protection__(cls) -> tuple[str | None, str | None]:
        """Why a half-made resource, and an open one, cannot be cleaned up by another process.

        Returns:
            A reason for each, which is empty if it can, and None if nothing finds a half-made one
            or if it depends on what set-up makes.
        """
        fault = cls._fault()
        return fault, fault

    @classmethod
    def __resnb_function__(cls) -> Any:
        """The function whose body makes the resource."""
        from inspect import unwrap

        return unwrap(cls._function)

    def __resnb_recipe__(self) -> Any:
        """What another process can clean up with.

        Raises:
            LedgerError: no other process can; the message says why.
        """
        raise LedgerError(self._fault())

    def __resnb_names__(self) -> tuple[Mapping[str, Any], Collection[str]]:
        """The namespace that its recipe takes names from, and those that it may need."""
        return {}, ()

    def __resnb_values__(self) -> Mapping[str, Any]:
        """The values that it holds, by name."""
        generator = getattr(self._live, "gen", None)  # set by contextlib's decorators
        frame = getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)
        return {"its context manager": self._live} if frame is None else dict(frame.f_locals)
