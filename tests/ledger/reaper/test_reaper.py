"""The reaper for real: what it survives, whom it cleans up after, and what cannot hold it up."""

import os
import signal
import socket
from pathlib import Path

import pytest

from resnb.errors import LedgerError
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.liveness import Liveness, folder_of, is_locked
from resnb.ledger.owner import ALIVE, DEAD, start_time
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.store.store import Store
from tests.ledger.held import held, killed, reaper_of
from tests.ledger.records import KERNEL, record
from tests.ledger.things import PATIENCE, command_of, reapers, settle, until
from tests.run.scripts import lines_until, outcome


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def words(log):
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def state_of(home):
    return [one.state for one in Store(home).alive()]


def status_of(pid):
    """The letter for what a process does; T if it is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def signalled(pid, number):
    """Send a signal to a reaper, which may have been replaced meanwhile: it was slow to answer."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def until_rehearsed(home):
    """Wait until a reaper has nothing to write: stopped while it does, it would hold the ledger."""
    until(lambda: all(one.rehearsal != "due" for one in Store(home).alive()))


def stopped(kernel, home, **changes):
    """Stop a kernel, and change its lease in the ledger; gives the lease's id."""
    (one,) = Store(home).alive()
    while True:
        kernel.send_signal(signal.SIGSTOP)
        try:
            Store(home).change(one.id, **changes)
        except LedgerError:  # it holds the ledger just now
            kernel.send_signal(signal.SIGCONT)
        else:
            return one.id


@pytest.mark.parametrize("calls", range(8))
def test_whenever_the_kernel_dies_the_reaper_does_not_end_before_it_has_looked_again(
    tmp_path, monkeypatch, calls
):
    """The kernel is seen alive so many times, and dead from then on."""
    store = Store(tmp_path / "ledger")
    store.add(record(dies_with_kernel=True, handle=None))
    answers = iter([ALIVE] * calls)
    monkeypatch.setattr(Liveness, "status", lambda *_: next(answers, DEAD))
    Reaper(store, KERNEL).run()
    assert store.alive() == []


def test_a_clean_up_that_was_killed_after_it_had_closed_its_lease_has_not_failed(tmp_path):
    store = Store(tmp_path / "ledger")
    store.add(record())
    store.close("a", 3000.0, "cleaned up by the reaper")
    kernel, channel = socket.socketpair()
    with kernel, channel:
        reaper = Reaper(store, KERNEL, channel)
        reaper._finished(record(), "failed", "it was killed")
        reaper._presence.release()
        channel.shutdown(socket.SHUT_WR)
        said = kernel.makefile().read()
    assert "closed" in said
    assert "killed" not in said
    assert store.alive() == []


def test_a_killed_kernel_is_noticed_without_locks(ledger_home, log, monkeypatch):
    monkeypatch.setenv("RESNB_TEST_NO_LOCKS", "1")
    kernel = held(log, "hold(Held); wait()")
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned"]


def test_a_kernel_that_copies_its_home_loses_nothing(ledger_home, log):
    """The system takes a lock away from who closes the file, by whatever descriptor."""
    kernel = held(
        log,
        f"""
hold(Held); wait()
for _ in "ab":
    [one.read_bytes() for one in Path({str(ledger_home)!r}).rglob("*") if one.is_file()]
    say("read"); wait()
""",
    )
    lines_until(kernel, "open")
    (one,) = Store(ledger_home).alive()
    lock = folder_of(ledger_home) / one.owner.lock.name
    for _ in "ab":
        kernel.stdin.write("\n")
        kernel.stdin.flush()
        lines_until(kernel, "read")
        until(lambda: is_locked(lock, one.owner.lock.inode))
        assert (state_of(ledger_home), words(log)) == (["open"], [])
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned"]


@pytest.mark.parametrize("is_killed", [True, False])
def test_neither_kernel_nor_reaper_leaves_a_file_behind(ledger_home, log, is_killed):
    kernel = held(log, "hold(Held); wait()")
    lines_until(kernel, "open")
    assert len(list(folder_of(ledger_home).iterdir())) >= 2
    killed(kernel) if is_killed else kernel.communicate("\n")
    settle(ledger_home)
    assert list(folder_of(ledger_home).iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_dead_reaper_is_replaced_as_long_as_something_is_open(ledger_home, log, number):
    kernel = held(log, "hold(Held); wait()")
    lines_until(kernel, "open")
    for _ in range(3):
        reaper = reaper_of(ledger_home, kernel.pid)
        os.kill(reaper, number)
        until(lambda old=reaper: reaper_of(ledger_home, kernel.pid) != old)
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned"]


def test_a_reaper_that_hangs_is_replaced_before_the_next_lease(ledger_home, log):
    kernel = held(
        log,
        """
hold(Held); [KEEPER.book.reaper.ensure() for _ in 'ab']
resnb.ledger.kernel.reaper_client._ANSWER_WITHIN = 0.2
say("seen"); wait()
hold(lambda: Held("second")); wait()
""",
    )
    lines_until(kernel, "seen")
    until_rehearsed(ledger_home)
    reaper = reaper_of(ledger_home, kernel.pid)
    os.kill(reaper, signal.SIGSTOP)
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    lines_until(kernel, "open")
    killed(kernel)
    until(lambda: state_of(ledger_home) == [])
    os.kill(reaper, signal.SIGCONT)
    settle(ledger_home)
    assert sorted(words(log)) == ["cleaned", "second"]


def test_a_reaper_that_hangs_while_the_kernel_is_idle_is_replaced_and_does_no_harm(
    ledger_home, log
):
    kernel = held(
        log,
        """
client = resnb.ledger.kernel.reaper_client
client._ASK_EVERY = client._ANSWER_WITHIN = 0.2
hold(Held)
while sys.stdin.readline():
    say(KEEPER.book.reaper.pid)
""",
    )
    lines_until(kernel, "open")

    def reaper():
        kernel.stdin.write("\n")
        kernel.stdin.flush()
        return int(kernel.stdout.readline())

    until_rehearsed(ledger_home)
    first = reaper()
    signalled(first, signal.SIGSTOP)
    until(lambda: reaper() != first)
    killed(kernel)
    until(lambda: state_of(ledger_home) == [])
    signalled(first, signal.SIGCONT)
    settle(ledger_home)
    assert words(log) == ["cleaned"]


def test_signals_do_not_end_it(ledger_home, log):
    kernel = held(
        log,
        """
resnb.ledger.kernel.reaper_client._ANSWER_WITHIN = 60.0
hold(Held); wait(); KEEPER.book.reaper.ensure(); say(KEEPER.book.reaper.pid); wait()
""",
    )
    lines_until(kernel, "open")
    reaper = reaper_of(ledger_home, kernel.pid)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) * 2:
        os.kill(reaper, number)
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    assert lines_until(kernel, str(reaper)) == [str(reaper)]
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned"]


def test_it_ends_when_nothing_is_left_and_the_kernel_starts_another(ledger_home, log, monkeypatch):
    monkeypatch.setenv("RESNB_TEST_LINGER", "0.1")
    kernel = held(
        log,
        "hold(Held); KEEPER.close_all(); say('closed'); wait(); hold(lambda: Held('second')); wait()",
    )
    lines_until(kernel, "closed")
    settle(ledger_home)
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned", "second"]


def test_files_beside_the_notebook_shadow_nothing(ledger_home, log, tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    kernel = held(
        log,
        """
import base64, inspect, json, pickle, select, selectors, socket
for name in ("base64", "inspect", "json", "pickle", "select", "selectors", "socket", "resnb"):
    Path(f"{name}.py").write_text("raise SystemExit('shadowed')")
hold(Held); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned"]
    assert LedgerCommands(ledger_home).leases() == []


FENCED = {
    "ttl": ("ttl=600", {"ttl": 1.0}),
    "idle_timeout": ("idle_timeout=600", {"idle_timeout": 1.0}),
    "request": ("", {"request": "cleanup"}),
    "ttl of what is kept": ("keep=60, ttl=600", {"ttl": 1.0}),
}
"""The options of a lease, and what of it changes once its kernel hangs."""


@pytest.mark.parametrize("why", FENCED)
def test_a_kernel_that_hangs_is_fenced_off(ledger_home, log, why):
    options, changes = FENCED[why]
    kernel = held(
        log,
        f"""
scopes = hold(Held.options({options}))
wait()
from resnb.errors import LeaseLost
never = threading.Event()
while True:  # what the reaper has said is heard on a thread of its own
    try:
        scopes[0].value
    except LeaseLost as error:
        say("lost")
        break
    never.wait(0.01)
wait()
""",
    )
    lines_until(kernel, "open")
    lease = stopped(kernel, ledger_home, **changes)
    until(lambda: Store(ledger_home).get(lease).state == "closed")
    os.kill(kernel.pid, signal.SIGCONT)
    kernel.stdin.write("\n")
    kernel.stdin.flush()
    lines_until(kernel, "lost")
    assert outcome(kernel)[1:] == ("", 0)
    assert words(log) == ["cleaned"]


def test_a_run_that_stood_still_while_it_lost_its_resource_is_no_success(ledger_home, log):
    kernel = held(
        log,
        """
@task
def stops(thing):
    os.kill(os.getpid(), signal.SIGSTOP)
    while not os.path.exists(log):  # the stop comes a moment later
        pass

with Flow("f") as flow, Held.options(on="always")() as thing:
    stops(thing)
say(type(flow.run(quiet=True)).__name__)
wait()
""",
    )
    until(lambda: status_of(kernel.pid) == "T")
    (one,) = Store(ledger_home).alive()
    Store(ledger_home).change(one.id, request="cleanup")
    until(lambda: Store(ledger_home).get(one.id).state == "closed")
    os.kill(kernel.pid, signal.SIGCONT)
    assert kernel.stdout.readline() in ("Failed\n", "Cancelled\n")  # it may hear of it in time
    assert outcome(kernel)[1:] == ("", 0)
    assert words(log) == ["cleaned"]


def test_a_child_that_holds_every_descriptor_keeps_nothing_open(ledger_home, log):
    kernel = held(
        log,
        """
hold(Held)
child = os.fork()
if child == 0:
    signal.pause()
say(child)
wait()
""",
    )
    child = int(lines_until(kernel, "open") and kernel.stdout.readline())
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    settle(ledger_home)
    assert words(log) == ["cleaned"]
    assert start_time(child) is not None
    os.kill(child, signal.SIGKILL)
    kernel.communicate()


CHILDREN = {
    "a pool that is terminated": """
import multiprocessing
pool = multiprocessing.get_context("fork").Pool(2)
pool.map(abs, [1, 2])
pool.terminate()
pool.join()
""",
    "sys.exit": """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
child = os.fork()
if child == 0:
    sys.exit(3)
os.waitpid(child, 0)
""",
    "a lease of its own": """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)
child = os.fork()
if child == 0:
    hold(lambda: Held("child"))
    os._exit(0)
os.waitpid(child, 0)
""",
}


@pytest.mark.parametrize("child", CHILDREN)
def test_a_child_does_not_clean_up_its_parents_lease(ledger_home, log, child):
    kernel = held(log, f"hold(Held)\n{CHILDREN[child]}\nsay('there'); wait()")
    lines_until(kernel, "there")
    assert "cleaned" not in words(log)
    assert outcome(kernel)[1:] == ("", 0)
    settle(ledger_home)  # a kernel that is slow to end leaves it to the reaper
    assert words(log).count("cleaned") == 1
    if child == "a lease of its own":
        assert words(log).count("child") == 1


def test_one_that_hangs_and_one_that_fails_hold_up_nobody(ledger_home, log, tmp_path):
    kernel = held(
        log,
        f"""
again = {str(tmp_path / "again")!r}

@resource_manager(on="failure", cleanup_timeout=1.0)
class Hangs:
    def cleanup(self, _):
        if not os.path.exists(again):
            open(again, "w").close()
            while True:
                threading.Event().wait(1)
        with open(log, "a") as file:
            file.write("hung\\n")

@resource_manager(on="failure")
class Fails:
    def cleanup(self, _):
        raise OSError("always")

hold(Hangs, Fails, Held); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    # on a slow machine it may be cut short when it has just said so, and be tried again
    until(lambda: {*words(log)} == {"cleaned", "hung"})
    assert words(log).count("cleaned") == 1
    left = until(lambda: [one for one in Store(ledger_home).alive() if one.tries > 3])
    assert left[0].reason in ("OSError: always", "the reaper is cleaning it up")
    assert not LedgerCommands(ledger_home).leases()[0].is_given_up


def test_what_fails_now_is_left_to_the_one_sweeper_that_tries_again(
    ledger_home, log, tmp_path, monkeypatch
):
    """A provider may be away for longer than many reapers should wait for it."""
    monkeypatch.setenv("RESNB_TEST_PAUSE", "1000")
    away = tmp_path / "away"
    away.touch()
    text = f"""
@resource_manager(on="failure")
class Away:
    def cleanup(self, _):
        if os.path.exists({str(away)!r}):
            raise OSError("the provider is away")
        with open(log, "a") as file:
            file.write("cleaned\\n")

hold(Away); wait()
"""
    for _ in range(2):
        kernel = held(log, text)
        lines_until(kernel, "open")
        killed(kernel)

    def only_a_sweeper_stays():
        left = [command_of(pid) for pid in reapers(ledger_home)]
        return len(left) == 1 and "sweeper.py" in left[0]

    until(lambda: state_of(ledger_home) == ["failed"] * 2 and only_a_sweeper_stays())
    (one, other) = LedgerCommands(ledger_home).leases()
    assert one.record.reason == other.record.reason == "OSError: the provider is away"
    assert not one.is_given_up
    away.unlink()
    assert LedgerCommands(ledger_home).sweep(PATIENCE) == []
    assert words(log) == ["cleaned", "cleaned"]
    settle(ledger_home)


def test_at_most_twenty_at_once(ledger_home, log):
    kernel = held(
        log,
        """
@resource_manager(on="failure")
class Slow:
    def cleanup(self, _):
        with open(log, "a") as file:
            file.write("+\\n")
        while open(log).read().count("+") < 2:  # so that at least two are there at once
            threading.Event().wait(0.01)
        threading.Event().wait(0.5)
        with open(log, "a") as file:
            file.write("-\\n")

hold(*[Slow] * 30); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    at_once, most = 0, 0
    for word in words(log):
        at_once += 1 if word == "+" else -1
        most = max(most, at_once)
    assert words(log).count("-") == 30
    assert 2 <= most <= 20


def test_the_environment_is_that_of_the_lease(ledger_home, log):
    kernel = held(
        log,
        """
@resource_manager(on="failure")
class Needs:
    env = ("MINE",)
    def cleanup(self, _):
        with open(log, "a") as file:
            file.write(os.environ["MINE"] + os.environ["KUBECONFIG"])

hold(Held)
os.environ["MINE"], os.environ["KUBECONFIG"] = "mine", "-late"
hold(Needs)
os.environ["MINE"] = "other"
wait()
""",
    )
    lines_until(kernel, "open")
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    assert "mine-late" in log.read_text()


def test_what_a_clean_up_leaves_behind_holds_nobody_up(ledger_home, log, tmp_path):
    kernel = held(
        log,
        f"""
@resource_manager(on="failure")
class Leaves:
    def cleanup(self, _):
        child = os.fork()
        if child == 0:
            signal.pause()
        open({str(tmp_path / "child")!r}, "w").write(str(child))

hold(Leaves); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    child = int(Path(tmp_path, "child").read_text())
    assert start_time(child) is not None
    os.kill(child, signal.SIGKILL)
    assert LedgerCommands(ledger_home).leases() == []


def test_a_large_recipe_arrives_in_pieces(ledger_home, log):
    kernel = held(
        log,
        """
@resource_manager(on="failure")
class Large:
    def __init__(self):
        self.data = os.urandom(900_000)
    def handle(self, _):
        return bytes(900_000)
    def cleanup(self, handle):
        with open(log, "a") as file:
            file.write(f"{len(self.data) + len(handle)}\\n")

hold(Large); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["1800000"]


def test_a_recipe_that_does_not_load_is_listed_and_can_be_cleaned_up_by_hand(
    ledger_home, log, tmp_path
):
    module = tmp_path / "mine.py"
    text = f"class Mine:\n    def cleanup(self, _):\n        open({str(log)!r}, 'a').write('by hand\\n')\n"
    module.write_text(text)
    kernel = held(
        log,
        f"""
sys.path.append({str(tmp_path)!r})
import mine
hold(resource_manager(on="failure")(mine.Mine)); wait()
""",
    )
    lines_until(kernel, "open")
    module.unlink()
    killed(kernel)
    commands = LedgerCommands(ledger_home)
    (left,) = until(lambda: [one for one in commands.leases() if one.state == "failed"])
    assert (
        "wrong environment: its recipe cannot be loaded: ModuleNotFoundError" in left.record.reason
    )
    assert "resnb forget" in left.record.reason
    assert "No module named 'mine'" in (ledger_home / "logs" / f"{left.record.id}.log").read_text()
    module.write_text(text)
    assert commands.clean_up([left], timeout=PATIENCE) == []
    assert words(log) == ["by"]


def test_a_clean_up_that_has_lost_its_reaper_ends_when_it_hangs(ledger_home, log, tmp_path):
    pid = tmp_path / "pid"
    kernel = held(
        log,
        f"""
@resource_manager(on="failure", cleanup_timeout=1.0)
class Hangs:
    def cleanup(self, _):
        open({str(pid)!r}, "a").write(f"{{os.getpid()}} {{os.getppid()}}\\n")
        if open({str(pid)!r}).read().count("\\n") == 1:
            os.kill(os.getppid(), signal.SIGKILL)
            while True:
                threading.Event().wait(1)

hold(Hangs); wait()
""",
    )
    lines_until(kernel, "open")
    killed(kernel)
    until(pid.exists)
    assert LedgerCommands(ledger_home).sweep(PATIENCE) == []
    assert len(pid.read_text().splitlines()) == 2
    settle(ledger_home)


def test_a_cluster_on_the_manager_is_no_recipe_and_ends_with_its_kernel(ledger_home, log):
    kernel = held(
        log,
        """
if __name__ == "__main__":
    @resource_manager(on="failure")
    class Dask:
        def setup(self):
            from dask.distributed import Client, LocalCluster
            self.cluster = LocalCluster(
                n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", processes=False
            )
            return Client(self.cluster)
        def cleanup(self, client):
            client.close()
            self.cluster.close()

    hold(Dask)
    (lease,) = KEEPER.alive()
    say(repr(lease.protection.once_open))
    wait()
""",
    )
    lines_until(kernel, "open")
    assert kernel.stdout.readline() == "''\n"
    killed(kernel)
    settle(ledger_home)
    assert LedgerCommands(ledger_home).leases() == []
    (one,) = Store(ledger_home).history()
    assert one.reason == "died with its kernel"
