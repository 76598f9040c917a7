"""The ledger's own place fails: the reaper goes on by what it knows, and writes it down later."""

import errno
import json
import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from resnb.errors import LedgerError
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.reaper import reaper
from resnb.ledger.reaper.cleanups import ROOM, at_once
from resnb.ledger.reaper.decisions import AT_ONCE, Keep
from resnb.ledger.reaper.lease_logs import LARGEST, LeaseLogs
from resnb.ledger.store.home import made_private
from resnb.ledger.store.statements import IN_LEDGER
from resnb.ledger.store.store import Store
from tests.ledger.held import held, killed
from tests.ledger.reaper.test_sweeps import left_by_a_dead_kernel
from tests.ledger.recipes.recipes import File, Prints
from tests.ledger.records import KERNEL, record
from tests.ledger.things import settle, until
from tests.run.scripts import lines_until, outcome


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(reaper, "AFTER_ERROR", 0.02)
    monkeypatch.setattr(reaper, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(reaper, "LOOK_LATER", 0.02)
    return made_private(tmp_path / "ledger")


class Unreachable(Store):
    """A store in a folder that cannot be used for a while: a remount, an expired ticket."""

    fails = None

    @contextmanager
    def _at(self, lease, within=None):
        self._fail()
        with super()._at(lease, within) as found:
            yield found

    def get(self, lease):
        self._fail()
        return super().get(lease)

    def alive(self, *args, **options):
        self._fail()
        return super().alive(*args, **options)

    def mark(self):
        self._fail()
        return super().mark()

    def _fail(self):
        if self.fails is not None:
            raise self.fails


@pytest.mark.parametrize(
    "fault", [OSError(errno.ESTALE, "Stale file handle"), LedgerError("the disk is full")]
)
def test_a_reaper_outlives_the_faults_of_its_folder(home, tmp_path, fault):
    thing = tmp_path / "thing"
    thing.touch()
    store = Unreachable(home)
    one = left_by_a_dead_kernel(File(), str(thing))
    store.add(one)
    mine = reaper.Reaper(store, one.owner)
    mine._memory.records()
    store.fails = fault
    thread = threading.Thread(target=mine.run)
    thread.start()
    if isinstance(fault, LedgerError):
        until(lambda: not thing.exists())
    else:
        until(lambda: mine._fault)
    assert thread.is_alive()
    assert [found.state for found in Store(home).alive()] == ["open"]
    store.fails = None
    thread.join()
    assert not thing.exists()
    assert Store(home).alive() == []


class LateStore(Store):
    """A store that another process writes into after this one has read it."""

    def __init__(self, home, write):
        super().__init__(home)
        self.write = write

    def alive(self, *args, **options):
        found = super().alive(*args, **options)
        write, self.write = self.write, lambda: None
        write()
        return found


def test_what_a_kernel_writes_last_counts_although_its_reaper_has_read_before(home, tmp_path):
    thing = tmp_path / "thing"
    thing.touch()
    one = left_by_a_dead_kernel(File(), str(thing))
    Store(home).add(one)
    store = LateStore(home, lambda: Store(home).change(one.id, keep=600.0))
    mine = reaper.Reaper(store, one.owner)
    mine.run()
    assert thing.exists()
    assert mine.leaves_work
    assert [found.state for found in Store(home).alive()] == ["kept"]


TAKEN = {
    "adopted": {"owner": KERNEL},
    "being cleaned up": {"state": "closing", "claimant": KERNEL},
    "asked for": {"request": "cleanup"},
}


@pytest.mark.parametrize("taken", TAKEN)
def test_what_was_taken_since_it_was_read_is_not_kept_over_that(home, taken):
    one = left_by_a_dead_kernel(File(), "thing")._replace(keep=600.0)
    Store(home).add(one)
    store = LateStore(home, lambda: Store(home).change(one.id, **TAKEN[taken]))
    mine = reaper.Reaper(store)
    assert not mine._carry_out(Keep(store.alive()[0], 5000.0))
    mine._presence.release()
    (found,) = Store(home).alive()
    assert found == one._replace(**TAKEN[taken])


def test_the_kernel_learns_that_another_one_has_adopted_its_lease(home):
    """It was suspended, say, and is taken for dead."""
    one = left_by_a_dead_kernel(File(), "thing")
    store = Store(home, kept=True)
    store.add(one)
    kernel, channel = socket.socketpair()
    with kernel, channel:
        mine = reaper.Reaper(store, one.owner, channel)
        mine._memory.records()
        assert Store(home).adopt(one.id, KERNEL, one.owner)
        assert mine._memory.records() == []
        mine._presence.release()
        channel.shutdown(socket.SHUT_WR)
        said = [json.loads(line) for line in kernel.makefile()]
    assert said == [["state", one.id, "closed", "another process has taken it over"]]


def test_lists_say_one_line(home, monkeypatch):
    Store(home).add(record())
    stat = Path.stat

    def stale(path, **options):
        if path == home:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stale)
    for ask in (LedgerCommands(home).leases, LedgerCommands(home).sweep):
        with pytest.raises(LedgerError, match="Stale file handle"):
            ask()


def test_what_a_clean_up_prints_is_bounded_and_goes_with_its_history(home):
    store = Store(home)
    store.add(left_by_a_dead_kernel(Prints(), "thing"))
    reaper.Reaper(store).run()
    assert store.alive() == []
    (log,) = home.joinpath("logs").iterdir()
    assert log.stat().st_size < LARGEST
    assert "the end \\udcff" in log.read_text()
    os.utime(log, (0, 0))
    LeaseLogs(home).remove_old(log.stat().st_mtime + 1)
    assert log.exists()
    reaper.Reaper(store).run()
    assert not log.exists()


def test_what_is_written_while_a_log_is_bounded_is_not_lost(home, monkeypatch):
    logs = LeaseLogs(home)
    with logs.opened("a") as log:
        log.write(b"x" * 2 * LARGEST)
    write, late = os.pwrite, [b"one\n", b"two\n"]

    def meanwhile(file, text, place):
        if late:
            with logs.opened("a") as log:
                log.write(late.pop(0))
        return write(file, text, place)

    monkeypatch.setattr(os, "pwrite", meanwhile)
    logs.bound("a")
    text = home.joinpath("logs", "a.log").read_bytes()
    assert text.startswith(b"[...]\nx")
    assert text.endswith(b"xone\ntwo\n")
    assert len(text) < LARGEST


def test_large_recipes_are_read_only_to_be_used(home):
    store = Store(home)
    store.add(record(recipe=bytes(900_000), handle=b"small"))
    (one,) = store.alive(whole=False)
    assert (one.recipe, one.handle) == (IN_LEDGER, b"small")
    assert store.get("a").recipe == bytes(900_000)


def test_clean_ups_are_bounded_by_the_memory_that_is_free():
    assert at_once(f"MemAvailable: {3 * ROOM // 1024} kB\n") == 3
    assert at_once("MemAvailable: 10 kB\n") == 1
    assert at_once("MemAvailable: 99999999 kB\n") == AT_ONCE
    assert at_once("nothing") == AT_ONCE


def content(path):
    """The bytes of a file, none if it is gone: a journal goes with its last connection."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_bytes_of_closed_leases_are_gone_while_kernels_live(ledger_home, tmp_path):
    secret = "a-secret-" * 200
    kernel = held(
        tmp_path / "log",
        """
@resource_manager
class Secret:
    def __init__(self):
        self.secret = "a-secret-" * 200
    def setup(self):
        return "thing"
    def cleanup(self, _):
        pass

hold(Held)
hold(Secret)
say("closed")
wait()
""",
    )
    lines_until(kernel, "closed")

    def is_anywhere():
        return any(secret.encode() in content(path) for path in ledger_home.glob("leases.db*"))

    until(lambda: not is_anywhere())
    assert len(Store(ledger_home).alive()) == 1
    outcome(kernel)
    settle(ledger_home)


def test_a_path_that_is_no_text_works(ledger_home, tmp_path):
    folder = tmp_path / os.fsdecode(b"odd\xff")
    folder.mkdir()
    log = tmp_path / "log"
    kernel = held(
        log,
        f"""
os.chdir({str(folder)!r})
sys.path += [Path("/a/path"), b"/some/bytes", None, {str(folder)!r}]
hold(Held); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    assert log.read_text().startswith("cleaned")
