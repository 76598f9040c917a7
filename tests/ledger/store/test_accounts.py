"""Row-level security: each account of the database has its own leases, and a warden sees all."""

import psycopg
import pytest
from psycopg import errors

from resnb.errors import LedgerError
from tests.ledger.records import KERNEL, REAPER, record


@pytest.fixture
def alice(server, tmp_path):
    return server.store(tmp_path, "alice")


@pytest.fixture
def bob(server, tmp_path):
    return server.store(tmp_path, "bob")


@pytest.fixture
def bobs(server):
    """Bob's own connection, by which he may try what resnb does not."""
    with psycopg.connect(server.url_of("bob"), autocommit=True) as db:
        db.execute("set search_path = resnb")
        yield db


def test_nobody_sees_or_changes_the_leases_of_others(alice, bob):
    alice.add(record())
    assert bob.get("a") is None
    assert bob.alive() == bob.history() == bob.expired(0.0) == []
    assert not bob.change("a", reason="x")
    assert not bob.claim("a", REAPER, lambda _: True)
    assert not bob.adopt("a", REAPER, KERNEL)
    assert not bob.close("a", 1.0)
    bob.restore([record("a", reason="forged")])
    assert alice.alive() == [record()]


def test_an_id_belongs_to_who_had_it_first(alice, bob):
    alice.add(record())
    with pytest.raises(LedgerError, match="duplicate key"):
        bob.add(record())


def test_an_owner_of_the_same_name_is_another_one(alice, bob, server, tmp_path):
    """Bob renewing in the name of Alice's kernel does not keep her leases."""
    alice.add(record())
    with server.admin() as db:
        db.execute("update owners set renewed = '-infinity'")
        assert bob.renew(KERNEL)
        owners = db.execute("select account from owners where renewed > '-infinity'").fetchall()
    assert owners == [("bob",)]


@pytest.mark.parametrize("table", ["leases", "owners"])
def test_rows_cannot_be_forged(alice, bob, bobs, table):
    alice.add(record())
    bob.add(record("b"))
    assert bobs.execute(f"delete from {table} where account = 'alice'").rowcount == 0
    assert bobs.execute(f"update {table} set owner = 'x' where account = 'alice'").rowcount == 0
    with pytest.raises(errors.InsufficientPrivilege):
        bobs.execute(f"update {table} set account = 'alice'")
    with pytest.raises(errors.InsufficientPrivilege):
        bobs.execute(f"alter table {table} disable row level security")
    with pytest.raises(errors.InsufficientPrivilege):
        bobs.execute("set role alice")


def test_an_owner_cannot_be_forged(bobs):
    with pytest.raises(errors.InsufficientPrivilege):
        bobs.execute("insert into owners (account, owner) values ('alice', 'x')")


def test_a_lease_cannot_be_forged(alice, bob, bobs):
    bob.add(record("b"))
    columns = "name, state, owner, notebook, session, environment, recipe, around"
    columns += ", dies_with_kernel, can_find, unfindable, unprotected, notice, key"
    columns += ", cleanup_timeout, find_quiet, created, used, tries, next_try, reason, request, rehearsal, kind"
    copy = f"insert into leases (id, account, epoch, {columns}) select %s, %s, 1, {columns} from leases"
    with pytest.raises(errors.InsufficientPrivilege):
        bobs.execute(copy, ("forged", "alice"))
    bobs.execute(copy, ("another", "bob"))
    assert alice.alive() == []


def test_a_warden_sees_all_and_cleans_up(alice, bob, server, tmp_path):
    alice.add(record("a"))
    bob.add(record("b", created=1001.0))
    warden = server.store(tmp_path, "warden")
    with server.admin() as db:
        db.execute("update owners set renewed = now() - interval '1 hour'")
    until_it_counts = 0.0
    found = warden.expired(until_it_counts)
    assert [(one.record.id, one.account, one.is_own) for one in found] == [
        ("a", "alice", False),
        ("b", "bob", False),
    ]
    assert warden.claim("a", REAPER, lambda _: False)
    assert not alice.change("a", KERNEL, reason="late")
    assert not alice.claim("a", KERNEL, lambda _: False)
    assert warden.change("a", REAPER, reason="cleaning it up")
    assert warden.close("a", 2000.0, "cleaned up", by=REAPER)
    assert [one.reason for one in alice.history()] == ["cleaned up"]


def test_who_may_not_make_the_tables_is_told_who_may(server, tmp_path):
    with server.admin() as db:
        db.execute("create database empty")
    try:
        store = server.store(tmp_path)
        store._database._url = store._database._url.replace("/postgres", "/empty")
        with pytest.raises(LedgerError, match=r"refused \(permission denied.*administrator"):
            store.alive()
    finally:
        with server.admin() as db:
            db.execute("drop database empty")
