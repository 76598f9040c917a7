"""The ledger in a file, and every way in which a file can be wrong; for its steps: test_steps."""

import os
import sqlite3
import threading

import pytest

from resnb.errors import LedgerError
from resnb.ledger.store import sqlite_file
from resnb.ledger.store import store as storing
from resnb.ledger.store.home import is_on_network
from resnb.ledger.store.store import Store
from tests.ledger.records import record


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "ledger")


def test_the_folder_and_the_file_are_private(store):
    store.add(record())
    assert store.home.stat().st_mode & 0o777 == 0o700
    assert store.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("trial", range(10))
def test_of_eight_that_make_the_store_at_once_none_is_locked_out(store, trial, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT", 60.0)  # whoever writes may stand still
    barrier, errors = threading.Barrier(8), []

    def add(number):
        barrier.wait()
        try:
            Store(store.home).add(record(f"{number}"))
        except LedgerError as error:
            errors.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.alive()) == 8


def test_a_newer_format_is_refused(store):
    store.add(record())
    with sqlite3.connect(store.path) as db:
        db.execute(f"pragma user_version = {sqlite_file.VERSION + 1}")
    db.close()
    for _ in range(2):  # it stays where it is
        with pytest.raises(LedgerError, match=r"newer resnb \(format 4\): update this resnb"):
            store.alive()
    with sqlite3.connect(store.path) as db:
        db.execute("pragma user_version = 2")
    db.close()
    with pytest.raises(LedgerError, match=r"an older resnb \(format 2\): end what it lists"):
        store.alive()


@pytest.mark.parametrize("mode", [0o622, 0o606, 0o666])
def test_a_file_that_others_can_write_is_refused(store, mode):
    store.add(record())
    store.path.chmod(mode)
    if mode & 0o022:
        with pytest.raises(LedgerError, match="chmod go-w"):
            store.alive()


def test_a_folder_that_others_can_write_is_refused(store):
    store.add(record())
    store.home.chmod(0o777)
    with pytest.raises(LedgerError, match="chmod go-w"):
        store.add(record("b"))


def test_garbage_is_set_aside_and_never_deleted(store):
    store.add(record())
    garbage = b"this is no database" * 100
    store.path.write_bytes(garbage)
    with pytest.raises(LedgerError, match="set aside"):
        store.alive()
    assert (store.home / "leases.db.damaged-1").read_bytes() == garbage
    store.add(record("b"))
    assert [one.id for one in store.alive()] == ["b"]


OVERWRITTEN = {
    "from byte 50": (50, b"baz" * 16),
    "from byte 16": (16, b"\xff" * 84),
    "its format, by a larger number": (60, b"\x62\xd7\x8c\xaa"),
    "its format, by a negative number": (60, b"\xff" * 4),
    "SQLite's format": (44, b"\x07" * 4),
    "its name": (0, b"\0" * 16),
}


@pytest.mark.parametrize("what", OVERWRITTEN)
def test_a_header_that_was_overwritten_locks_nobody_out_and_loses_nothing(store, what):
    for name in "abc":
        store.add(record(name))
    with sqlite3.connect(store.path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    at, garbage = OVERWRITTEN[what]
    with store.path.open("r+b") as file:
        file.seek(at)
        file.write(garbage)
    with pytest.raises(LedgerError, match=r"was damaged \(.*\) and set aside: try again"):
        store.alive()
    assert [one.id for one in store.alive()] == ["a", "b", "c"]
    assert (store.home / "leases.db.damaged-1").read_bytes()[at:].startswith(garbage)


def test_what_can_be_read_of_a_damaged_store_is_carried_over(store):
    for number in range(200):
        store.add(record(f"r{number:03}", recipe=b"x" * 2000))
    with sqlite3.connect(store.path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    data = bytearray(store.path.read_bytes())
    data[-8192:] = os.urandom(8192)
    store.path.write_bytes(bytes(data[:-100]))
    try:
        store.add(record("new"))
        left = store.alive()
    except LedgerError:
        left = store.alive()
    assert len(left) > 100


def test_nonsense_in_a_row_hides_that_row_only(store):
    store.add(record("good"))
    store.add(record("bad"))
    with sqlite3.connect(store.path) as db:
        db.execute("update leases set owner = 'nobody' where id = 'bad'")
    db.close()
    assert [one.id for one in store.alive()] == ["good"]


def test_a_full_disk_has_one_clear_line(store, monkeypatch):
    store.add(record())

    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(storing, "insert", full)
    with pytest.raises(LedgerError, match="disk is full"):
        store.add(record("b"))


MOUNTS = "/dev/vda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\ntmpfs /home/x/tmp tmpfs rw 0 0\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/var/a", False), ("/home/x", True), ("/home/x/tmp/a", False), ("/homes", False)],
)
def test_network_file_systems_are_known(tmp_path, path, expected):
    assert is_on_network(tmp_path.__class__(path), MOUNTS) is expected


def test_a_mark_is_another_one_as_soon_as_somebody_else_has_written(store):
    other = Store(store.home, kept=True)
    assert other.mark() == other.mark()
    assert not store.home.exists()
    store.add(record())
    before = other.mark()
    assert other.mark() == before
    store.alive()
    assert other.mark() == before
    store.change("a", reason="x")
    assert other.mark() != before
    other.let_go()


def test_a_mark_is_another_one_after_the_file_was_replaced(store):
    other = Store(store.home, kept=True)
    store.add(record())
    before = other.mark()
    for path in store.home.glob("leases.db*"):
        path.unlink()
    gone = other.mark()
    store.add(record())
    assert len({before, gone, other.mark()}) == 3
    other.let_go()
