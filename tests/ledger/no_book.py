"""A book for keepers whose leases are in no ledger: everything succeeds, and nothing is written."""

from types import SimpleNamespace

from resnb.errors import LedgerError
from resnb.ledger.recipes.recipe import Protection


def nothing(*_, **__):
    return None


class NoEntry:
    """The entry of a lease that no ledger knows."""

    protection = Protection()
    handle = None
    notice = ""
    record = mark_open = found = set_keep = mark_closed = discard = nothing
    look_again = renew = follow_rehearsal = wait_for_rehearsal = nothing

    def leave(self):
        return False

    def claim(self):
        return True

    def mark_failed(self, _):
        return False


class NoBook:
    def __init__(self, _):
        self.reaper = SimpleNamespace(
            is_lost=False, ensure=nothing, look=nothing, forget=nothing, write_use=nothing
        )
        self.ends = SimpleNamespace(write=nothing)
        self.owner = None
        self.store = SimpleNamespace(alive=list, with_key=lambda _: [])

    @property
    def home(self):
        raise LedgerError("these tests have no ledger")

    def begin(self, *_, **__):
        return NoEntry()
