"""Kernels whose leases are in a shared ledger: its outages, and what they lose by not renewing."""

import signal

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.owner import this_process
from resnb.ledger.store import choice
from resnb.ledger.store.choice import FALLBACK_VARIABLE
from resnb.ledger.store.store import Store
from tests.ledger.hasty import LOST_AFTER
from tests.ledger.held import STUB, held, killed, reaper_of
from tests.ledger.things import PATIENCE, kill, settle, until
from tests.run.scripts import lines_until


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def words(log):
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def go_on(kernel):
    kernel.stdin.write("\n")
    kernel.stdin.flush()


def test_while_the_server_is_away_nothing_new_is_made(mortal, shared_ledger, log):
    kernel = held(
        log,
        """
wait()
hold(lambda: Held("made"))
try:
    flow.run().raise_for_failure()
except Exception as error:
    say(str(error).replace("\\n", " "))
say("done")
wait()
""",
    )
    mortal.kill()
    go_on(kernel)
    said = " ".join(lines_until(kernel, "done"))
    assert "cannot be reached" in said
    assert "nothing was created" in said
    killed(kernel)
    assert words(log) == []


def test_a_ledger_that_is_named_too_late_loses_nothing(ledger_home, log):
    kernel = held(
        log,
        """
hold(Held)
os.environ["RESNB_LEDGER"] = "postgresql://late@nowhere/ledger"
hold(lambda: Held("made"))
say("done")
wait()
""",
    )
    said = lines_until(kernel, "done")
    assert said[0] == "open"
    assert "RESNB_LEDGER was changed after this kernel had used its ledger" in said[1]
    old = reaper_of(ledger_home, kernel.pid)
    kill(old)
    until(lambda: reaper_of(ledger_home, kernel.pid) != old)
    killed(kernel)
    settle(ledger_home)
    assert words(log) == ["cleaned"]


def test_what_is_open_is_cleaned_up_while_the_server_is_away(mortal, shared_ledger, log):
    kernel = held(log, "hold(Held); wait(); KEEPER.alive()[0].close(); say('closed'); wait()")
    lines_until(kernel, "open")
    mortal.kill()
    go_on(kernel)
    lines_until(kernel, "closed")
    assert words(log) == ["cleaned"]
    mortal.start()
    go_on(kernel)
    kernel.communicate(timeout=PATIENCE)
    settle(shared_ledger)
    assert words(log) == ["cleaned"]
    assert LedgerCommands().leases() == []


def test_a_kernel_that_ends_while_the_server_is_away_is_cleaned_up_after(
    mortal, shared_ledger, log
):
    kernel = held(log, "hold(Held); wait()")
    lines_until(kernel, "open")
    mortal.kill()
    killed(kernel)
    mortal.start()
    settle(shared_ledger)
    assert words(log) == ["cleaned"]
    assert LedgerCommands().leases() == []


def test_with_a_fallback_leases_begin_in_the_folder_and_move_over(
    mortal, shared_ledger, log, monkeypatch
):
    monkeypatch.setenv(FALLBACK_VARIABLE, "local")
    kernel = held(log, "wait(); hold(Held); wait()")
    mortal.kill()
    go_on(kernel)
    lines_until(kernel, "open")
    local = Store(shared_ledger)
    assert len(local.alive()) == 1
    mortal.start()
    until(lambda: local.alive() == [])  # its reaper renews
    assert [one.kernel for one in LedgerCommands().leases()] == ["alive"]
    killed(kernel)
    settle(shared_ledger)
    assert words(log) == ["cleaned"]
    assert LedgerCommands().leases() == []


@pytest.mark.long
def test_what_was_not_renewed_in_time_is_lost(server, shared_ledger, log, monkeypatch):
    monkeypatch.setenv(LOST_AFTER, "15")  # for longer than that no process stands still
    kernel = held(
        log,
        """
hold(Held)
lease, = KEEPER.alive()
wait()
from tests.ledger.things import until
until(lambda: lease.state == "closed")
say("lost" if lease.is_lost else "kept")
try:
    scopes[0].value
except Exception as error:
    say(type(error).__name__)
wait()
""",
    )
    lines_until(kernel, "open")
    with server.admin() as db:
        age = "select now() - pg_postmaster_start_time() > interval '15 s'"
        until(lambda: db.execute(age).fetchone()[0])  # what was before its start does not count
        db.execute("update owners set renewed = '-infinity'")
    go_on(kernel)
    lines_until(kernel, "lost")
    assert words(log) == ["cleaned"]
    killed(kernel)
    settle(shared_ledger)
    assert words(log) == ["cleaned"]
    assert LedgerCommands().leases() == []


def test_what_another_machine_has_left_is_cleaned_up_once_nobody_renews_it(
    server, shared_ledger, log, tmp_path, monkeypatch
):
    kernel = held(log, "hold(Held); wait()")
    lines_until(kernel, "open")
    reaper = reaper_of(shared_ledger, kernel.pid)
    kernel.send_signal(signal.SIGSTOP)  # or it might start another one
    kill(reaper)
    killed(kernel)
    with server.admin() as db:  # as if they had been on another machine
        for table in ("leases", "owners"):
            db.execute(
                f"update {table} set owner = replace(owner, %s, 'elsewhere')",
                (this_process().boot,),
            )
    here = tmp_path / "here"
    monkeypatch.setenv("RESNB_HOME", str(here))
    commands = LedgerCommands()
    assert [one.kernel for one in commands.leases()] == ["alive"]
    assert commands.sweep(0.0) == []
    monkeypatch.setenv(LOST_AFTER, "15")  # for longer than that no process stands still
    monkeypatch.setattr(choice, "LOST_AFTER", 15.0)
    monkeypatch.setattr("resnb.ledger.admin.commands._SWEEPER", STUB.with_name("sweeper_stub.py"))
    with server.admin() as db:
        db.execute("update owners set renewed = '-infinity'")
        db.execute("update leases set environment = replace(environment, '/bin/', '/nowhere/')")
    until(lambda: [one.kernel for one in LedgerCommands().leases()] == ["unknown"])
    with server.admin() as db:
        db.execute("update leases set environment = replace(environment, '/nowhere/', '/bin/')")
    commands = LedgerCommands()
    assert [one.kernel for one in commands.leases()] == ["dead"]
    assert commands.sweep(PATIENCE) == []
    assert words(log) == ["cleaned"]
    settle(here)
