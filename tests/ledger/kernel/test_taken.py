"""Leases that somebody else has taken, or that the ledger cannot tell of: who may clean them up."""

import pickle
import sqlite3
from contextlib import closing

import pytest

from resnb.errors import LeaseLost, LedgerError
from resnb.ledger import states
from resnb.ledger.kernel.book import LeaseBook
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.reaper_client import ReaperClient
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from tests.ledger.records import KERNEL, record


class Noted:
    """A resource whose clean-ups are counted."""

    cleaned = 0

    def setup(self):
        return "thing"

    def cleanup(self, thing):
        Noted.cleaned += 1


def fails(why):
    raise LedgerError(why)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A keeper without a reaper and without hooks, and a lease that is open."""
    monkeypatch.setattr(ReaperClient, "ensure", lambda _: None)
    monkeypatch.setattr(Noted, "cleaned", 0)
    found = Keeper(lambda on_message: LeaseBook(on_message, tmp_path))
    monkeypatch.setattr(found, "watch_ends", lambda: None)
    thread = LeaseThread()
    lease = found.prepare(LeaseRequest("f/x", Noted(), thread))
    thread.close()
    lease.set_up()
    found.lease = lease
    yield found
    lease.release_thread()
    found.book.presence.release()


def test_what_another_kernel_has_adopted_is_its_to_clean_up(kernel):
    """This one was suspended, say, and taken for dead."""
    book, lease = kernel.book, kernel.lease
    assert book.store.adopt(lease.id, KERNEL, book.owner)
    with pytest.raises(LeaseLost, match="taken over by another process"):
        lease.close()
    assert Noted.cleaned == 0
    (found,) = book.store.alive()
    assert (found.owner, found.state, found.claimant) == (KERNEL, "open", None)


def test_what_another_process_has_taken_is_not_called_kept(kernel):
    book, lease = kernel.book, kernel.lease
    assert book.store.adopt(lease.id, KERNEL, book.owner)
    with pytest.raises(LedgerError, match="cannot be kept"):
        kernel.keep(lease, 600.0)
    assert lease.limits.keep is None
    assert book.store.get(lease.id).keep is None


@pytest.mark.parametrize("request_", ["", "cleanup"])
def test_what_somebody_has_asked_to_clean_up_is_not_adopted(kernel, request_):
    """Or who asked would wait for ever, and the next kernel would go on with it."""
    book, thread = kernel.book, LeaseThread()
    asked = record(
        state="kept", keep_until=4e9, key="key", request=request_, recipe=b"", handle=b"N."
    )
    book.store.add(asked)
    found = kernel.adoptions.for_scope(LeaseRequest("f/x", Noted(), thread, key="key"))
    thread.close()
    assert (found is None) == bool(request_)
    if found is None:
        assert book.store.get(asked.id) == asked
    else:
        found.close()


def test_a_lease_is_prepared_alone_or_not_at_all(kernel):
    """Who is not alone first sees to what the others hold."""
    store, thread = kernel.book.store, LeaseThread()
    request = LeaseRequest("f/y", Noted(), thread, key="key")
    store.add(record(key="key"))
    assert kernel.prepare_alone(request) is None
    assert [one.id for one in store.alive()] == ["a", kernel.lease.id]
    assert kernel.alive() == (kernel.lease,)
    store.close("a", 3000.0)
    lease = kernel.prepare_alone(request)
    thread.close()
    assert store.get(lease.id).state == states.OPENING
    lease.set_up()
    lease.close()


def test_a_recipe_that_could_not_be_written_is_written_after_the_next_cell(kernel, monkeypatch):
    lease, store = kernel.lease, kernel.book.store
    lease.entry.renew(lease.manager, "thing")
    assert not lease.entry.look_again()
    lease.manager.port = 80
    with monkeypatch.context() as away:
        away.setattr(store, "change", lambda *_, **__: fails("it is away"))
        with pytest.raises(LedgerError, match="it is away"):
            lease.entry.renew(lease.manager, "thing")
    assert lease.entry.look_again()
    lease.entry.renew(lease.manager, "thing")
    assert pickle.loads(store.get(lease.id).recipe).port == 80
    assert not lease.entry.look_again()


@pytest.mark.parametrize("taken", ["closing", "asked for"])
def test_what_is_being_closed_is_not_left_to_a_later_kernel(kernel, taken):
    """Its thread has claimed it, between two lines of the end of the kernel."""
    book, lease = kernel.book, kernel.lease
    kernel.keep(lease, 600.0)
    if taken == "closing":
        assert lease.entry.claim()
    else:
        book.store.change(lease.id, request="cleanup")
    before = book.store.alive()
    assert not lease.leave()
    assert book.store.alive() == before
    lease.close()
    assert (lease.state, Noted.cleaned) == (states.CLOSED, 1)


def test_a_claimant_that_cannot_be_read_keeps_no_kernel_from_cleaning_up(kernel):
    lease = kernel.lease
    with closing(sqlite3.connect(kernel.book.store.path)) as db, db:
        db.execute("update leases set state = 'closing', claimant = '[[[', cleaner = '5'")
    lease.close()
    assert (lease.state, Noted.cleaned) == (states.CLOSED, 1)
    assert kernel.book.store.alive() == []
    assert kernel.book.store.damaged() == []
