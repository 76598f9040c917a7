"""A reaper without a kernel: it sweeps what dead kernels have left, whatever gets in its way."""

import errno
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resnb.errors import LedgerError
from resnb.ledger.owner import this_process
from resnb.ledger.reaper import cleanups, reaper, sweeper
from resnb.ledger.reaper.lease_logs import LeaseLogs
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.found_process import here
from resnb.ledger.recipes.pickling import pickled
from resnb.ledger.store.home import made_private
from resnb.ledger.store.store import Store
from tests.kernel.client import wait_for
from tests.ledger.recipes.recipes import Asks, Closes, File, Forks, LeavesAProcess
from tests.ledger.records import record

WRONG = "wrong environment"


@pytest.fixture
def home(tmp_path):
    return made_private(tmp_path / "ledger")


def left_by_a_dead_kernel(manager, handle):
    """A lease of a process that was here and has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    owner = this_process()._replace(pid=ended.pid)
    ended.wait()
    return record(owner=owner, recipe=pickled(manager).data, handle=pickled(handle).data)


class OnceFull(Store):
    """A store on a disk that is full for a moment."""

    full = True

    def claim(self, *args, **options):
        if self.full:
            self.full = False
            message = "the disk is full"
            raise LedgerError(message)
        return super().claim(*args, **options)


def test_a_ledger_that_cannot_be_written_is_tried_again(home, tmp_path, monkeypatch):
    monkeypatch.setattr(reaper, "AFTER_ERROR", 0.01)
    thing = tmp_path / "thing"
    thing.touch()
    store = OnceFull(home)
    store.add(left_by_a_dead_kernel(File(), str(thing)))
    reaper.Reaper(store).run()
    assert not thing.exists()
    assert store.alive() == []


class Unreadable(Store):
    """A store that cannot be read for the first few times."""

    left = 2

    def alive(self, *args, **options):
        self.left -= 1
        if self.left >= 0:
            message = "the folder cannot be read"
            raise LedgerError(message)
        return super().alive(*args, **options)


def test_a_sweeper_outlives_a_ledger_that_cannot_be_read(home, tmp_path, monkeypatch):
    monkeypatch.setattr(reaper, "AFTER_ERROR", 0.01)
    monkeypatch.setattr(reaper, "LINGER", 0.0)
    thing = tmp_path / "thing"
    thing.touch()
    store = Unreadable(home)
    store.add(left_by_a_dead_kernel(File(), str(thing)))
    monkeypatch.setattr(sweeper, "open_store", lambda *_, **__: store)
    sweeper.sweep(home)
    assert store.alive() == []
    assert not thing.exists()


def test_a_ledger_that_can_never_be_read_ends_its_sweeper(home, monkeypatch):
    monkeypatch.setattr(reaper, "AFTER_ERROR", 0.01)
    monkeypatch.setattr(reaper, "LINGER", 0.0)
    monkeypatch.setattr(sweeper, "_PATIENCE", 3)
    store = Unreadable(home)
    store.left = 1 << 30
    monkeypatch.setattr(sweeper, "open_store", lambda *_, **__: store)
    sweeper.sweep(home)


@pytest.mark.parametrize("fault", [OSError(errno.ENOENT, "gone"), 1])
def test_a_reaper_that_cannot_start_a_sweeper_stays_itself(home, tmp_path, monkeypatch, fault):
    """Such as after resnb, or the whole environment, was removed."""
    thing = tmp_path / "thing"
    thing.touch()
    one = left_by_a_dead_kernel(File(), str(thing))
    store = Store(home)
    store.add(one._replace(next_try=4e9))

    def start(*_):
        store.change(one.id, next_try=0.0)
        if isinstance(fault, OSError):
            raise fault
        return fault

    monkeypatch.setattr(reaper, "start_detached", start)
    monkeypatch.setattr(reaper, "detach", lambda _: None)
    monkeypatch.setattr(reaper, "open_store", lambda *_, **__: Store(home))
    reaper.main([str(home), one.owner.to_text(), "-1"])
    assert store.alive() == []
    assert not thing.exists()


@pytest.mark.parametrize(
    ("code", "result"), [(errno.EMFILE, "failed"), (errno.EAGAIN, "failed"), (errno.ENOENT, WRONG)]
)
def test_an_interpreter_that_cannot_be_started_for_now_is_no_wrong_one(
    home, monkeypatch, code, result
):
    def start(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(cleanups, "CleanupProcess", start)
    store = Store(home)
    with selectors.DefaultSelector() as selector:
        begun = cleanups.Cleanups(store, None, this_process(), selector, LeaseLogs(home))
        begun.begin(left_by_a_dead_kernel(File(), "thing"))
    ((_, found, why),) = begun.results
    assert found == result
    assert os.strerror(code) in why


def test_plain_data_needs_no_interpreter_of_the_kernel_s(home, tmp_path):
    """Whoever comes next may have another environment: that of the dead kernel was removed."""
    found = kinds.find("folder")
    arguments = {"prefix": "sales-", "parent": str(tmp_path)}
    left = left_by_a_dead_kernel(File(), "")
    folder = tmp_path / f"sales-{left.id}"
    folder.mkdir()
    gone = left.environment._replace(
        python=str(tmp_path / "gone" / "bin" / "python"), path=(str(tmp_path / "gone"),)
    )
    store = Store(home)
    store.add(
        left._replace(
            kind="folder",
            recipe=found.recipe(arguments),
            handle=found.handle_data({"path": str(folder), "place": list(here())}),
            environment=gone,
        )
    )
    reaper.Reaper(store).run()
    assert store.alive() == []
    assert not folder.exists()


def test_a_process_that_a_clean_up_leaves_behind_holds_nobody_up(home, tmp_path):
    daemon = tmp_path / "daemon"
    store = Store(home)
    store.add(left_by_a_dead_kernel(LeavesAProcess(), str(daemon)))
    command = [sys.executable, "-I", "-S", reaper.__file__, str(home), "", "-1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: store.alive() == [], "the sweep to close the lease")
    finally:
        wait_for(daemon.exists, "the process that is left behind")
        os.kill(int(Path(daemon).read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("end", "code"),
    [((), 0), ((SystemExit,), 0), ((SystemExit, 3), 3), ((ValueError, "odd"), 1)],
)
def test_a_child_that_a_clean_up_forks_does_not_speak_for_it(home, tmp_path, end, code):
    thing = tmp_path / "thing"
    thing.touch()
    store = Store(home)
    store.add(left_by_a_dead_kernel(Forks(end, code), str(thing)))
    reaper.Reaper(store).run()
    assert [(one.state, one.tries) for one in store.history()] == [("closed", 1)]
    assert (tmp_path / "thing.code").read_text() == str(code)
    assert not thing.exists()


@pytest.mark.parametrize("what", ["streams", "descriptors"])
def test_a_clean_up_that_completed_is_not_done_again_whatever_it_has_closed(home, tmp_path, what):
    thing = tmp_path / "thing"
    thing.touch()
    store = Store(home)
    store.add(left_by_a_dead_kernel(Closes(what), str(thing)))
    reaper.Reaper(store).run()
    assert [(one.state, one.tries) for one in store.history()] == [("closed", 1)]
    assert not thing.exists()


def test_a_program_that_fails_fails_a_clean_up_though_the_kernel_ignored_its_children(
    home, tmp_path
):
    thing = tmp_path / "thing"
    thing.touch()
    store = Store(home)
    store.add(left_by_a_dead_kernel(Asks(), str(thing)))
    command = [sys.executable, "-I", "-S", reaper.__file__, str(home), "", "-1"]
    subprocess.run(
        command,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: [one.state for one in store.alive()] == ["failed"], "the first try")
    finally:
        for one in store.alive():
            store.close(one.id, 0.0)
    assert thing.exists()
