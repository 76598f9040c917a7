"""What the steps of the ledger need of the place in which the leases are kept."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from resnb.ledger.store.statements import Connection, Dialect


class Database(Protocol):
    """A source of connections, each for one step.

    Every error of the database comes out as a `LedgerError` of one line.
    """

    @property
    def dialect(self) -> Dialect:
        """What its steps say differently."""

    @property
    def ahead(self) -> float:
        """How far its clock is ahead of this process's, in seconds, as of the last connection."""

    @property
    def place(self) -> str:
        """Where it is, as people read it, without a password."""

    def transaction(
        self, *, durable: bool = True, within: float | None = None
    ) -> AbstractContextManager[Connection]:
        """Within the block, one transaction, which is `durable` when the block has ended.

        Args:
            durable: see above.
            within: how long to wait for a ledger that others hold, in seconds.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Within the block, a connection to read with."""

    def exists(self) -> bool:
        """Whether there is anything to read."""

    def erase(self) -> bool:
        """Erase the bytes that closed leases had; gives whether nothing of them is left in files.

        Others may still read them.
        """

    def mark(self) -> tuple[int, int]:
        """A mark that is another one as soon as anybody else has written."""

    def end_of(self, steps: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        """How a process that may lack resnb carries out `steps`; plain JSON data."""

    def let_go(self) -> None:
        """Close the connection that is kept, if any; the next call opens another."""
