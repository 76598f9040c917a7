"""A manager's methods as its lease calls them, and what they have made so far."""

import os
from contextlib import suppress
from typing import Any, Protocol

from resnb.errors import CleanupError, NothingMadeError, ResnbError
from resnb.ids import LeaseId
from resnb.ledger.kernel.request import Caller
from resnb.ledger.recipes.captured import values_of
from resnb.ledger.recipes.paths import folder_now, out_of_sight

READY_TIMEOUT = 60.0
"""How long a resource may take to become ready after its set-up returned, in seconds; a manager's
``ready_timeout`` says otherwise."""


class CallHost(Protocol):
    """What the calls need of the kernel.

    Attributes:
        interrupts: counts Ctrl-C.
    """

    interrupts: int

    def now(self) -> float:
        """Seconds of a clock that only goes forward."""

    def pause(self, seconds: float) -> None:
        """Let `seconds` pass."""


class ManagedResource:
    """One resource, made and cleaned up by its manager.

    Args:
        manager: the object with setup and cleanup.
        tag: the lease's id, by which the manager may find what is half made.
        host: the kernel.

    Attributes:
        value: what set-up returned, until it is cleaned up.
        handle: the handle that set-up has recorded, in a list; an empty list before that.
        is_made: whether set-up has returned.
        is_nothing: whether set-up has raised before it could make anything.
    """

    def __init__(self, manager: Any, tag: LeaseId, host: CallHost) -> None:
        self.value: Any = None
        self.handle: list[Any] = []
        self.is_made = False
        self.is_nothing = False
        self._folders: tuple[str, ...] = ()
        self._manager = manager
        self._tag = tag
        self._host = host

    @property
    def is_half_made(self) -> bool:
        """Whether set-up did not return, and may have made what it has not recorded."""
        return not self.is_made and not self.handle and not self.is_nothing

    def set_up(self, call: Caller) -> None:
        """Make it."""
        setup: Any = getattr(self._manager, "setup", None)
        before = folder_now()
        has_begun = False

        def begun() -> Any:
            nonlocal has_begun
            has_begun = True
            return setup()

        try:
            self.value = None if setup is None else call(begun)
        except BaseException as error:
            self.is_nothing = not has_begun  # it was stopped before
            with suppress(Exception):  # the user's class may be an odd one
                from resnb.ledger.kernel.made_nothing import made_nothing

                self.is_nothing = self.is_nothing or made_nothing(self._manager, error)
            if isinstance(error, NothingMadeError):
                error.is_told = True
            raise
        self._folders = (folder_now(), before)
        self.is_made = True

    def wait_until_ready(self, name: str, call: Caller) -> None:
        """Wait until the manager reports it as ready.

        Raises:
            ResnbError: that takes too long; `name` is what the error calls it.
        """
        ready = getattr(self._manager, "ready", None)
        if ready is None:
            return
        limit = getattr(self._manager, "ready_timeout", READY_TIMEOUT)
        deadline = self._host.now() + limit
        pause = 0.05
        while not call(ready, self.value):
            if self._host.now() >= deadline:
                message = f"resource {name!r} was not ready within {limit:g} s"
                raise ResnbError(message)
            call(self._host.pause, pause)
            pause = min(2 * pause, 1.0)

    def clean_up_all(self, call: Caller) -> None:
        """Clean up what has been made, as far as it can be found.

        Raises:
            BaseException: what the manager's cleanup raised.
        """
        for value in self._found(call):
            self.clean_up(value, call)

    def clean_up(self, value: Any, call: Caller) -> None:
        """Clean up `value`; again if that failed while an interrupt may have cut it short."""
        first: Exception | None = None
        hidden = out_of_sight((value, *values_of(self._manager).values()), self._folders)
        while True:
            seen = self._host.interrupts
            try:
                call(self._manager.cleanup, value)
            except Exception as error:
                if self._host.interrupts == seen:
                    if first is None:
                        raise
                    raise error from first
                first = first or error
            else:
                break
        if left := [path for path in hidden if os.path.lexists(path)]:
            message = (
                f"{left[0]} is still there: its path is relative, and the kernel has changed its "
                "folder since"
            )
            raise CleanupError(message)

    def _found(self, call: Caller) -> list[Any]:
        if self.is_made:
            return [self.value]
        if self.handle:
            attach = getattr(self._manager, "attach", None)
            return [call(attach, self.handle[0]) if attach else self.handle[0]]
        find = None if self.is_nothing else getattr(self._manager, "find", None)
        thing = None if find is None else call(find, self._tag)
        return [] if thing is None else [thing]
