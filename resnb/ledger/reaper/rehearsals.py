"""The rehearsals of one kernel's recipes: one interpreter at a time, at a low priority.

It takes the recipes that are due together. If it crashes, each is rehearsed by itself, so that the
one at fault is known.
"""

import json
import selectors
import subprocess
from collections.abc import Callable, Collection, Mapping
from typing import Any

from resnb.ledger import states
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.store import Store


class Rehearsals:
    """Rehearses recipes, and writes down what that has shown.

    Args:
        store: the ledger.
        selector: wakes the reaper.
        report: called with the id of a lease whose marks may be other ones by now.
    """

    def __init__(
        self, store: Store, selector: selectors.BaseSelector, report: Callable[[str], object]
    ) -> None:
        self._store = store
        self._selector = selector
        self._report = report
        self._process: CleanupProcess | None = None
        self._records: tuple[LeaseRecord, ...] = ()
        self._alone: set[str] = set()
        self._shown: list[tuple[LeaseRecord, str, str]] = []

    @property
    def is_busy(self) -> bool:
        """Whether one is running, or its result is not written yet."""
        return self._process is not None or bool(self._shown)

    def begin(self, records: tuple[LeaseRecord, ...]) -> None:
        """Start one."""
        alone = tuple(one for one in records if one.id in self._alone)[:1]
        self._records = alone or records
        try:
            self._process = CleanupProcess(
                self._store.home,
                self._records[0],
                subprocess.DEVNULL,
                self._selector,
                rehearsed=self._records,
            )
        except (OSError, ValueError) as error:
            python = self._records[0].environment.python
            why = getattr(error, "strerror", None) or error
            self._failed(f"its interpreter {python} cannot be started ({why})")

    def go_on(self, records: Collection[LeaseRecord]) -> None:
        """Give the order, or write down the result.

        Args:
            records: the leases that are alive; where none of those that are rehearsed is open any
                more, the rehearsal ends.

        Raises:
            LedgerError: the result cannot be written; it is kept.
        """
        if self._process is not None:
            recipes = {one.id: one.recipe for one in records if one.state == states.OPEN}
            if not any(recipes.get(one.id) == one.recipe for one in self._records):
                self.end()
            elif self._process.awaits_order:
                self._process.give_order({})
            elif (result := self._process.result()) is not None:
                self._process = None
                self._ended(*result)
        while self._shown:
            record, once_open, finding = self._shown[0]
            values: Mapping[str, Any] = {"unprotected": once_open} if once_open else {}
            if finding and not record.unfindable:
                values = {**values, "unfindable": finding}
            if self._store.rehearsed(record.id, record.recipe, **values):
                self._report(record.id)
            del self._shown[0]

    def ask_within(self) -> list[float]:
        """In how many seconds at the latest to go on."""
        return [] if self._process is None else [self._process.ask_within()]

    def end(self) -> None:
        """End the one that is running; nothing is written."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _ended(self, result: str, reason: str) -> None:
        if result != "rehearsed":
            self._failed(reason)
            return
        for record, (once_open, finding) in zip(self._records, json.loads(reason), strict=True):
            self._shown.append((record, once_open, finding))
            self._alone.discard(record.id)

    def _failed(self, reason: str) -> None:
        if len(self._records) > 1:
            self._alone.update(one.id for one in self._records)
            return
        fault = f"a clean-up would fail: {reason}"
        self._shown += [(one, fault, "") for one in self._records]
        self._alone.difference_update(one.id for one in self._records)
