"""A ledger that cannot be used: one clear line, nothing created that is not recorded, none lost."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resnb.errors import LedgerError
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.store import sqlite_file
from resnb.ledger.store.store import Store
from tests.ledger.held import held, killed
from tests.ledger.records import record
from tests.ledger.things import kill, reapers, settle, until
from tests.run.scripts import done, lines_until, outcome

RUN = """
with Flow("f") as flow, Thing():
    task(lambda: say("task"))()
state = flow.run(quiet=True)
for one in state.result.values():
    if "setup" in str(one) or "edger" in str(one.message):
        say(one.message)
say(type(state).__name__)
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A ledger on a disk of its own, which `fill` fills; it takes root to make one."""
    home = tmp_path / "small"
    home.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", str(home)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    monkeypatch.setenv("RESNB_HOME", str(home))
    yield home
    for pid in reapers(home):  # some wait for a disk that can be written
        kill(pid)
    subprocess.run(["umount", "-l", str(home)], check=True)


SEEN = "hold(Held); [KEEPER.book.reaper.ensure() for _ in 'ab']; say('seen'); wait()"
"""The reaper looks after each answer, so it has by the second one."""
FILL = """
def fill(home):
    with open(os.path.join(home, "filler"), "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
"""


def filled(home):
    space = {"os": os}
    exec(FILL, space)
    space["fill"](home)


def refused(line):
    """A flow is refused with `line`, and set-up was not called."""
    out, err, code = done(RUN)
    assert (err, code) == ("", 0)
    assert out[-1] == "Failed"
    assert not [one for one in out if one.startswith(("setup", "task", "cleanup"))]
    assert any(line in one for one in out), out


def test_a_full_disk_creates_nothing(small):
    filled(small)
    refused("the disk is full")
    (small / "filler").unlink()
    assert done(RUN)[0] == ["setup thing", "task", "cleanup thing", "Success"]


@pytest.mark.long
def test_a_disk_that_is_full_but_for_a_few_records_leaves_nothing_behind(small):
    assert done(RUN)[0][-1] == "Success"
    for _ in range(3):
        filled(small)
        out = done(RUN)[0]
        assert out[-1] in ("Success", "Failed")
        assert out.count("setup thing") == out.count("cleanup thing")
        (small / "filler").unlink()
        settle(small)  # else the next set-up would wait for the end of this one to be written


def test_a_disk_that_cannot_be_written_creates_nothing(small):
    assert done(RUN)[0][-1] == "Success"
    settle(small)
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    refused("cannot be written")


def test_a_folder_that_cannot_be_made_creates_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RESNB_HOME", str(tmp_path / "file" / "ledger"))
    refused("cannot be made (Not a directory): make it writable, or point RESNB_HOME")


def test_a_newer_ledger_creates_nothing(ledger_home):
    Store(ledger_home).add(record())
    with sqlite3.connect(ledger_home / "leases.db") as db:
        db.execute(f"pragma user_version = {sqlite_file.VERSION + 1}")
    db.close()
    refused("was written by a newer resnb")


@pytest.mark.parametrize("what", [".", "leases.db"])
def test_what_others_can_write_creates_nothing(ledger_home, what):
    Store(ledger_home).add(record())
    Path(ledger_home, what).chmod(0o777)
    refused("can be written by others: run chmod go-w")


@pytest.mark.parametrize("what", [".", "leases.db"])
def test_what_is_another_users_creates_nothing(ledger_home, what):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    Store(ledger_home).add(record())
    os.chown(Path(ledger_home, what), 12345, -1)
    refused("belongs to another user")


def test_garbage_is_refused_once_at_most(ledger_home):
    """Unless the reaper, which looks first, has found it already."""
    Store(ledger_home).add(record())
    (ledger_home / "leases.db").write_bytes(b"garbage" * 1000)
    out = done(RUN)[0]
    assert out[-1] == "Success" or "setup thing" not in out
    assert done(RUN)[0][-1] == "Success"
    assert (ledger_home / "leases.db.damaged-1").read_bytes() == b"garbage" * 1000


def test_a_disk_that_fills_up_during_set_up_leaves_nothing_behind(small):
    out, err, code = done(f"""
{FILL}
@resource_manager
class Filling:
    def setup(self):
        say("setup")
        fill({str(small)!r})
        return "thing" * 1000
    def cleanup(self, thing):
        say("cleanup")

with Flow("f") as flow, Filling():
    task(lambda: say("task"))()
state = flow.run(quiet=True)
say(type(state).__name__)
os.remove({str(small / "filler")!r})
""")
    assert (out, err, code) == (["setup", "cleanup", "Failed"], "", 0)
    settle(small)
    assert LedgerCommands(small).leases() == []


def test_what_ends_on_a_full_disk_is_cleaned_up_and_written_later(small, tmp_path):
    kernel = held(
        tmp_path / "log",
        f"""
{FILL}
hold(Held)
fill({str(small)!r})
say(KEEPER.close_all())
os.remove({str(small / "filler")!r})
hold(lambda: Held("second"))
wait()
""",
    )
    assert lines_until(kernel, "[]") == ["open", "[]"]
    lines_until(kernel, "open")
    until(lambda: [one.state for one in Store(small).history()] == ["closed"])
    outcome(kernel)
    settle(small)
    assert [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()] == [
        "cleaned",
        "second",
    ]


def test_a_reaper_cleans_up_on_a_full_disk_and_writes_it_later(small, tmp_path):
    log = tmp_path / "log"
    kernel = held(log, SEEN)
    lines_until(kernel, "seen")
    filled(small)
    killed(kernel)
    until(lambda: log.exists() and log.read_text().count("cleaned") == 1)
    pause = threading.Event()
    for _ in range(50):
        pause.wait(0.01)
        assert reapers(small)
    assert [one.state for one in Store(small).alive()] == ["open"]
    (small / "filler").unlink()
    settle(small)
    assert log.read_text().count("cleaned") == 1
    assert LedgerCommands(small).leases() == []


DAMAGES = {
    "garbage": lambda path: path.write_bytes(b"garbage" * 10_000),
    "truncated": lambda path: os.truncate(path, 5000),
    "empty": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_reaper_writes_again_what_a_damaged_ledger_has_lost(ledger_home, tmp_path, damage):
    log = tmp_path / "log"
    kernel = held(log, SEEN)
    lines_until(kernel, "seen")
    store = Store(ledger_home)
    for companion in ledger_home.glob("leases.db-*"):
        companion.unlink(missing_ok=True)  # it goes with its last connection, too
    DAMAGES[damage](store.path)
    killed(kernel)
    until(log.exists)
    settle(ledger_home)
    assert log.read_text().count("cleaned") == 1
    assert LedgerCommands(ledger_home).leases() == []


USER = """
import sys
import threading
from pathlib import Path
from resnb.errors import LedgerError
from resnb.ledger.store.store import Store
from tests.ledger.records import record

store = Store(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(3):
    one = record(f"new-{sys.argv[2]}-{number}")
    while True:
        try:
            store.alive()
            store.add(one)
            break
        except LedgerError:
            pass
"""


@pytest.mark.parametrize("damage", ["garbage", "one page"])
def test_several_who_find_the_damage_set_it_aside_once(tmp_path, damage):
    store = Store(tmp_path / "ledger")
    store.restore(record(f"r{number:03}", recipe=b"x" * 2000) for number in range(300))
    with sqlite3.connect(store.path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    data = bytearray(store.path.read_bytes())
    if damage == "garbage":
        data[:] = b"garbage" * 1000
    else:
        middle = len(data) // 8192 * 4096
        data[middle : middle + 4096] = bytes(4096)
    store.path.write_bytes(data)
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(store.home), str(number)],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for number in range(6)
    ]
    for user in users:
        user.stdin.write(b"\n")
        user.stdin.flush()
    for user in users:
        user.communicate()
        assert user.returncode == 0
    ids = {one.id for one in store.alive()}
    assert {f"new-{user}-{number}" for user in range(6) for number in range(3)} <= ids
    assert len([one for one in store.home.iterdir() if "damaged" in one.name]) == 1
    if damage == "one page":
        assert len(ids) > 18 + 280


def test_what_is_only_in_the_journal_is_carried_over(tmp_path):
    store, other = Store(tmp_path / "ledger"), Store(tmp_path / "ledger", kept=True)
    store.restore(record(f"r{number:03}", recipe=b"x" * 2000) for number in range(100))
    other.alive()
    with sqlite3.connect(store.path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    other.add(record("late"))
    data = bytearray(store.path.read_bytes())
    data[40960:45056] = b"\xff" * 4096
    store.path.write_bytes(data)
    with pytest.raises(LedgerError, match="set aside"):
        until(lambda: not store.alive())
    assert "late" in {one.id for one in store.alive()}
    other.let_go()


def test_a_transaction_that_breaks_off_holds_up_nobody(tmp_path):
    store, other = Store(tmp_path / "ledger", kept=True), Store(tmp_path / "ledger")
    store.add(record())

    def broken(_):
        raise KeyError

    assert store.claim("a", record().owner, broken)
    with pytest.raises(KeyError):
        store.claim("a", record().owner._replace(pid=1), broken)
    other.add(record("b"))
    store.let_go()


@pytest.mark.parametrize(
    "act", [Store.alive, lambda store: store.add(record())], ids=["read", "write"]
)
def test_the_columns_of_another_version_are_told_in_one_line(tmp_path, act):
    store = Store(tmp_path / "ledger")
    store.add(record("before"))
    with sqlite3.connect(store.path) as db:
        db.execute("alter table leases drop column rehearsal")
    db.close()
    with pytest.raises(LedgerError) as caught:
        act(store)
    assert "has the columns of another version of resnb (" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.path.exists()
