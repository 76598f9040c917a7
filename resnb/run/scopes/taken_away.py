"""Resources that are taken away during a run: what becomes of their rows and leases.

The resource of a whole scope is closed by the scope's clean-up. An item of a mapped scope cannot
wait for that, as the clean-up waits for the other items; its lease is closed as soon as the rows
that use it have ended.
"""

from functools import partial
from typing import TYPE_CHECKING

from resnb.graph.resources.scope import WHOLE, ScopeUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resnb.ledger.kernel.keeper import Keeper
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.scheduling.scheduler import Scheduler
    from resnb.run.scheduling.scope_rows import ScopeRows


class TakenAway:
    """What was taken away in one run.

    Args:
        leases: the latest lease of each use, which the run changes.

    Attributes:
        items: the items of mapped scopes whose resources were taken away, and why.
        still_used: the leases of these, and the rows that still use them.
    """

    def __init__(
        self,
        scheduler: "Scheduler",
        keeper: "Keeper",
        rows: "ScopeRows",
        leases: "Mapping[ScopeUse, Lease]",
    ) -> None:
        self.items: dict[ScopeUse, str] = {}
        self.still_used: list[tuple[Lease, list[int]]] = []
        self._scheduler = scheduler
        self._keeper = keeper
        self._rows = rows
        self._leases = leases

    def add(self, lease: "Lease", reason: str) -> list[int]:
        """The resource of `lease` is gone, or about to be; returns the rows that use it.

        Rows that are expanded later get no child for it; see `ScopeRows.items_of`.
        """
        uses = [use for use, one in list(self._leases.items()) if one is lease]
        rows = sorted({row for use in uses for row in self._rows.rows(use)})
        items = [use for use in uses if use.item != WHOLE]
        self.items.update(dict.fromkeys(items, reason))
        if items:
            self.still_used.append((lease, rows))
        return rows

    def close_unused(self) -> None:
        """Close the leases that no row uses any more, with those that depend on them."""
        is_over = self._scheduler.is_over
        unused = [one for one in self.still_used if all(map(is_over, one[1]))]
        for one in unused:
            self.still_used.remove(one)
            lease = one[0]
            known = list(self._leases.values())  # others may set up meanwhile
            inside = [other for other in known if lease in other.around]
            lease.thread.submit(partial(self._keeper.close, [lease, *inside]))
