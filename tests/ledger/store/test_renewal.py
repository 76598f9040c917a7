"""Owners who renew their leases by the server's clock, and lose them if they come too late."""

import itertools
import time

import pytest

from resnb.ledger.store.statements import Expired
from resnb.ledger.store.store import LOST_AFTER
from tests.ledger.records import KERNEL, REAPER, record
from tests.ledger.things import until

OTHER = KERNEL._replace(pid=5000)
DAY = 86400.0
ABOUT = 60.0
"""How much of a day's difference a slow machine may take for the question, in seconds."""
SOON = 15.0
"""After how long an owner has lost its leases here, in seconds: no process stands still for so long."""


def never(_):
    return False


@pytest.fixture
def store(server, tmp_path):
    return server.store(tmp_path, lost_after=SOON)


@pytest.fixture
def patient(server, tmp_path):
    """A store for which nobody is lost that soon."""
    return server.store(tmp_path)


@pytest.fixture
def silent(server):
    """Lets owners have renewed long ago, so that they have lost their leases."""

    def let(*owners):
        with server.admin() as db:
            for owner in owners:
                db.execute(
                    "update owners set renewed = now() - %s * interval '2 s' where owner = %s",
                    (SOON, owner.to_text()),
                )
            age = "select now() - pg_postmaster_start_time() > %s * interval '1 s'"
            until(lambda: db.execute(age, (SOON,)).fetchone()[0])  # before that all are excused

    return let


def test_a_folders_ledger_needs_no_renewal(tmp_path):
    from resnb.ledger.store.store import Store

    local = Store(tmp_path)
    assert local.renew(KERNEL)
    assert local.expired(0.0) == []
    assert not tmp_path.joinpath("leases.db").exists()


def test_who_renews_keeps_its_leases(store, patient):
    store.add(record())
    assert store.renew(KERNEL)
    assert patient.expired() == []
    assert store.change("a", KERNEL, reason="mine")


def test_who_does_not_renew_has_lost_them(store, silent):
    store.add(record(state="opening"))
    silent(KERNEL)
    assert store.expired(SOON) == [Expired(store.get("a"), "alice", is_claimed=False, is_own=True)]
    assert not store.renew(KERNEL)
    assert not store.open("a", KERNEL, handle=b"late")
    assert not store.change("a", KERNEL, reason="late")
    assert not store.close("a", 1.0, by=KERNEL)
    assert store.get("a") == record(state="opening")


def test_what_it_adds_later_it_holds(store, silent):
    store.add(record("old"))
    silent(KERNEL)
    store.add(record("new"))
    assert store.renew(KERNEL)
    assert store.change("new", KERNEL, reason="mine")
    assert not store.change("old", KERNEL, reason="late")
    assert [one.record.id for one in store.expired()] == ["old"]


def test_it_may_adopt_what_nobody_has_taken(store, silent):
    store.add(record())
    silent(KERNEL)
    assert store.adopt("a", KERNEL, KERNEL)
    assert store.change("a", KERNEL, reason="mine again")


def test_what_somebody_has_taken_is_lost_for_good(store):
    store.add(record())
    assert store.claim("a", REAPER, never)
    assert store.change("a", REAPER, state="failed", claimant=None)
    assert store.renew(KERNEL)
    assert not store.change("a", KERNEL, reason="late")
    assert not store.open("a", KERNEL)
    assert store.expired() == []  # whoever took it tries again
    assert store.claim("a", KERNEL, never)
    assert store.change("a", KERNEL, reason="cleaning it up")


def claimed_long_ago(server):
    with server.admin() as db:
        db.execute("update leases set claimed = claimed - interval '30 s'")


def test_a_stopped_claimant_is_fenced(store, server, silent):
    store.add(record(cleanup_timeout=0.1, find_for=0.0))
    assert store.claim("a", REAPER, never)
    silent(REAPER)
    assert not store.claim("a", OTHER, never)
    claimed_long_ago(server)
    assert store.claim("a", OTHER, never)
    assert not store.change("a", REAPER, state="failed", claimant=None)
    assert not store.close("a", 1.0, by=REAPER)
    assert store.get("a").claimant == OTHER
    assert store.close("a", 1.0, by=OTHER)


def test_a_claim_outlasts_its_time_if_it_is_renewed(store, patient, server, silent):
    patient.add(record(cleanup_timeout=0.0, find_for=0.0))
    assert store.claim("a", REAPER, never)
    silent(KERNEL, REAPER)
    claimed_long_ago(server)
    assert patient.renew(REAPER)
    assert not store.claim("a", OTHER, never)
    (expired,) = store.expired(SOON)
    assert expired.is_claimed


def test_a_claim_is_not_taken_before_its_clean_up_must_have_ended(store, silent):
    store.add(record(cleanup_timeout=600.0))
    assert store.claim("a", REAPER, never)
    silent(REAPER)
    assert not store.change("a", REAPER, reason="still there")
    assert not store.renew(REAPER)
    assert not store.claim("a", OTHER, never)


def test_owners_may_disagree_about_the_time(server, tmp_path):
    """Each sees all times as if everybody had its clock; who is lost the server's clock says."""
    now = time.time()
    fast = server.store(tmp_path, clock=lambda: time.time() + DAY)
    slow = server.store(tmp_path, clock=lambda: time.time() - DAY)
    right = server.store(tmp_path)
    fast.add(record("a", created=now + DAY, used=now + DAY, keep_until=now + DAY + 60))
    slow.add(record("b", owner=OTHER, created=now - DAY))
    slow.change("a", next_try=now - DAY + 10)
    seen = right.get("a")
    assert seen.created == pytest.approx(now, abs=ABOUT)
    assert seen.keep_until == pytest.approx(now + 60, abs=ABOUT)
    assert fast.get("a").next_try == pytest.approx(now + DAY + 10, abs=ABOUT)
    assert slow.get("b").created == now - DAY
    assert right.get("b").next_try == 0.0
    for store in (fast, slow, right):
        assert store.renew(KERNEL)
        assert store.renew(OTHER)
        assert store.expired() == []
    fast.close("a", now + DAY)
    slow.close("b", now - DAY)
    assert {one.id for one in right.history()} == {"a", "b"}
    assert [one.ended for one in right.history()] == pytest.approx([now, now], abs=ABOUT)


def test_the_time_that_an_answer_takes_is_no_difference_of_clocks(server, tmp_path):
    ticks = itertools.count(step=30.0)  # so long this process stands still around each answer
    store = server.store(tmp_path, clock=lambda: time.time() - 15.0 + 30.0 * (next(ticks) % 60 > 0))
    store.add(record(created=1000.25))
    assert server.store(tmp_path).get("a").created == 1000.25
    assert store.get("a").created == 1000.25


def test_clocks_that_agree_leave_times_as_they_are(server, tmp_path):
    store = server.store(tmp_path, clock=lambda: time.time() + 1)
    store.add(record(created=1000.25))
    assert store.get("a").created == 1000.25


def test_an_outage_of_the_server_does_not_count(mortal, tmp_path):
    store = mortal.store(tmp_path)
    store.add(record())
    with mortal.admin() as db:
        db.execute("update owners set renewed = now() - interval '1 hour'")
    mortal.kill()
    mortal.start()
    assert store.expired() == []
    assert store.renew(KERNEL)
    assert store.change("a", KERNEL, reason="mine")


def test_owners_that_are_gone_are_forgotten(store, server):
    store.add(record())
    store.renew(OTHER)
    with server.admin() as db:
        db.execute("update owners set renewed = now() - interval '2 days'")
        store.add(record("b", owner=REAPER))
        store.close("b", 1.0)
        owners = db.execute("select owner from owners").fetchall()
    assert sorted(owners) == sorted([(KERNEL.to_text(),), (REAPER.to_text(),)])


def test_the_limit_is_a_minute(patient, server):
    assert LOST_AFTER == 60
    assert "60.0" in patient._database.dialect.renew
