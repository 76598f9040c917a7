"""Queries of the ledger, which change nothing: lists, names, logs.

Each is one short read, so any thread may ask.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path

from resnb.errors import LedgerError, OptionError, enumerated
from resnb.ledger.admin.listing import ListedLease, damaged, listed, plain
from resnb.ledger.store.choice import liveness_of, open_store
from resnb.ledger.store.home import ledger_home

SHORTEST_ID = 4
"""How many characters of an id are enough to stand for it."""


class LedgerQueries:
    """The queries.

    Args:
        home: the ledger's folder; the user's by default.

    Attributes:
        home: the ledger's folder.
        store: the ledger.
        liveness: tells which owners are alive.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or ledger_home()
        self.store = open_store(self.home)
        self.liveness = liveness_of(self.store)

    def leases(self, *, closed: bool = False) -> list[ListedLease]:
        """The leases that are not closed, oldest first; with `closed`, the closed ones before them.

        Those whose records cannot be read are at the end.

        Raises:
            LedgerError: the ledger cannot be read or trusted.
        """
        records = self.store.alive()
        if closed:
            records = [*reversed(self.store.history()), *records]
        statuses = self.liveness.statuses_of(records)
        found = [listed(record, kernel) for record, kernel in zip(records, statuses, strict=True)]
        return [*found, *self.damaged()]

    def damaged(self) -> list[ListedLease]:
        """The leases that are not closed and whose records cannot be read."""
        return list(map(damaged, self.store.damaged()))

    def find(self, name: str, *, closed: bool = False) -> list[ListedLease]:
        """The lease with the id `name`, else those of that name, else those whose ids begin so.

        Args:
            name: an id, a name, or at least four characters of an id.
            closed: whether to look at closed leases, too.

        Raises:
            OptionError: there is none.
        """
        known = self.leases(closed=closed)
        found = [one for one in known if one.record.id == name]
        found = found or [one for one in known if name in (one.record.name, one.name)]
        if not found and len(name) >= SHORTEST_ID:
            found = [one for one in known if one.record.id.startswith(name)]
        found = found or [one for one in known if one.short_id == name]
        if found:
            return found
        names = sorted({one.name for one in known})
        near = difflib.get_close_matches(name, names, 1)
        hint = f"there is {enumerated(names)}" if names else "nothing is open"
        hint = f"did you mean {near[0]!r}?" if near else hint
        raise OptionError(f"no resource {plain(name)!r}; {hint}")

    def find_one(self, name: str) -> ListedLease:
        """The one lease that `name` stands for.

        Raises:
            OptionError: there is none, or more than one.
        """
        found = self.find(name)
        if len(found) > 1:
            ids = ", ".join(f"{one.short_id} of {one.notebook}" for one in found)
            raise OptionError(f"{plain(name)!r} stands for several leases ({ids}): give the id")
        return found[0]

    def log(self, name: str) -> str:
        """What the clean-ups of a lease wrote; of several called `name`, those of the latest.

        Raises:
            OptionError: there is no such lease, not even a closed one.
            LedgerError: its log cannot be read.
        """
        one = self.find(name, closed=True)[-1]
        path = self.home / "logs" / f"{one.record.id}.log"
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            why = f"; {one.record.reason}" if one.record.reason else ""
            return f"no clean-up was begun from outside its kernel: {one.state}{why}\n"
        except OSError as error:
            raise LedgerError(f"the log {path} cannot be read: {error.strerror}") from None

    def with_dependants(self, leases: Iterable[ListedLease]) -> list[ListedLease]:
        """`leases`, and those that may depend on one of them."""
        chosen = {one.record.id: one for one in leases}
        found = self.leases()
        while more := [
            one
            for one in found
            if one.record.id not in chosen and not chosen.keys().isdisjoint(one.record.around)
        ]:
            chosen |= {one.record.id: one for one in more}
        return list(chosen.values())
