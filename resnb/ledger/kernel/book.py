"""The book: this process's entries in the ledger, each durable before the step that it announces.

Intent before set-up, handle and recipe after it, claim before clean-up, end after it. Whoever
holds the claim cleans up; a kernel whose claim is refused has been fenced off by the reaper.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resnb.durations import seconds
from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.kernel.entry import LeaseEntry
from resnb.ledger.kernel.environment import SESSION_VARIABLE, environment_for, notebook_name
from resnb.ledger.kernel.pending_ends import PendingEnds
from resnb.ledger.kernel.reaper_client import ReaperClient, ReaperMessage
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.liveness import Presence
from resnb.ledger.owner import Owner
from resnb.ledger.recipes.kinds import arguments_of, kind_of
from resnb.ledger.recipes.pickling import Pickled
from resnb.ledger.recipes.protection import NO_FIND, are_rehearsed
from resnb.ledger.recipes.recipe import can_find, notice_of, recipe_of
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.choice import chosen, liveness_of, open_store
from resnb.ledger.store.home import ledger_home, made_private

FIND_FOR = 900.0
"""For how long nothing must be found before a half-made thing counts as gone, in seconds; a
manager's attribute ``find_for``, a duration, says otherwise."""


class LeaseBook:
    """Writes the leases of this process into the ledger.

    Args:
        on_message: receives the reaper's messages, on the client's thread.
        home: the ledger's folder; the user's by default.
    """

    def __init__(
        self, on_message: Callable[[ReaperMessage], object], home: Path | None = None
    ) -> None:
        self._are_rehearsed = are_rehearsed()
        self._chosen = chosen()
        self.home = made_private(home or ledger_home())
        self.store = open_store(self.home)
        self.liveness = liveness_of(self.store)
        self.presence = Presence(self.home)
        self.reaper = ReaperClient(self.home, self.presence.owner, on_message, self._chosen)
        self.ends = PendingEnds(self.store, self.reaper, lambda: self.owner, self.liveness.is_dead)

    @property
    def owner(self) -> Owner:
        """This process, as the ledger has it; final once there is a reaper."""
        return self.reaper.owner

    def forget(self) -> None:
        """This is a forked child: reaper and lock are its parent's."""
        self.reaper.forget()
        self.presence.release()

    def begin(
        self, lease: LeaseId, request: LeaseRequest, *, alone: bool = False
    ) -> LeaseEntry | None:
        """Write the intent: set-up may be called when this has returned an entry.

        Args:
            lease: its id.
            request: its parameters.
            alone: see `Store.add`; None is returned if nothing was written.

        Raises:
            LedgerError: it cannot be written, or the recipe is too large; nothing was created.
        """
        self._refuse_another_ledger()
        name, manager = request.name, request.manager
        kind, recipe, notice = _recipe_of(name, manager)
        look = request.find_for
        if look is None:
            look = seconds(getattr(manager, "find_for", None), "find_for")
        self.reaper.ensure()
        begun = now()
        lives = bool(getattr(manager, "dies_with_kernel", False))
        finds = can_find(manager) and recipe.data is not None
        record = LeaseRecord(
            lease,
            name,
            states.OPENING,
            self.owner,
            notebook=notebook_name(),
            session=os.environ.get(SESSION_VARIABLE, ""),
            environment=environment_for(manager),
            recipe=recipe.data or b"",
            around=tuple(one.id for one in request.around),
            dies_with_kernel=lives,
            can_find=finds,
            unfindable="" if lives else recipe.fault or ("" if finds else NO_FIND),
            unprotected="" if lives else recipe.fault,
            notice=notice,
            key=request.key,
            find_for=FIND_FOR if look is None else look,
            created=begun,
            used=begun,
            kind=kind,
            **request.limits._asdict(),
        )
        entry = self.entry_of(record)
        return entry if entry.add(alone=alone) else None

    def _refuse_another_ledger(self) -> None:
        """A reaper that is started now would look into the new one, and not after the others."""
        for name, value in chosen().items():
            if value != self._chosen[name]:
                message = (
                    f"{name} was changed after this kernel had used its ledger, so nothing was "
                    "created: set it back, or set it before the first resource of a new kernel"
                )
                raise LedgerError(message)

    def entry_of(self, record: LeaseRecord) -> LeaseEntry:
        """The entry of a lease that this process has, or is about to adopt."""
        return LeaseEntry(
            record,
            self.store,
            self.ends,
            self.reaper,
            self.liveness.is_dead,
            is_rehearsed=self._are_rehearsed,
        )


def _recipe_of(name: str, manager: Any) -> tuple[str, Pickled, str]:
    """The kind that a manager is registered as, if it is, its recipe, and a notice.

    Raises:
        LedgerError: the recipe is too large.
    """
    notice = ""
    try:
        kind = kind_of(manager)
        if kind is not None:
            return kind.name, Pickled(arguments_of(kind, manager)), notice
    except LedgerError as error:
        notice = f"only its own user can clean it up: {error}"
    return "", recipe_of(name, manager), "; ".join(filter(None, [notice, notice_of(manager)]))
