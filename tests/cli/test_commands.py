"""``resnb`` as people and scripts use it: what it prints, and the code with which it ends."""

import json
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from resnb.cli.main import main
from resnb.ledger.admin import commands as commanding
from resnb.ledger.admin.commands import LedgerCommands
from tests.ledger.worlds import (
    ELSEWHERE,
    Sweeper,
    appending,
    end_sweepers,
    failing,
    gone,
    here,
    lease,
    wait_for,
)

UNSEEN = "unknown: whether its kernel has ended cannot be seen from here; if it has: resnb adopt"
HOUR = 3600.0


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """A ledger that the command line uses; gives the commands to prepare and check it."""
    monkeypatch.setenv("RESNB_HOME", str(tmp_path / "ledger"))
    yield LedgerCommands()
    end_sweepers(tmp_path / "ledger")


@pytest.fixture
def sweeper(monkeypatch):
    """Does in no time what the process would do."""
    sweeper = Sweeper()
    init = commanding.LedgerCommands.__init__
    monkeypatch.setattr(init, "__defaults__", (None, sweeper))
    return sweeper


def added(ledger, *records):
    """Add records that were opened one hour after the other, the last of them an hour ago."""
    for number, one in enumerate(records):
        ledger.store.add(one._replace(created=time.time() - HOUR * (len(records) - number)))


def resnb(line, code=0):
    result = CliRunner().invoke(main, line.split(), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


# ---- listing


def test_a_command_without_a_name_is_refused():
    done = CliRunner().invoke(main, ["run", ""])
    assert (done.exit_code, done.output) == (
        2,
        "Error: say which command to run: its name is empty\n",
    )


def test_an_empty_ledger(ledger):
    assert resnb("ls") == resnb("ls --all") == "no resources are alive\n"
    assert json.loads(resnb("ls --json")) == []
    assert not ledger.home.exists()


LIST = """
ID        NAME    STATE    KERNEL        AGE  NOTEBOOK          NOTE
01234567  etl/db  open     alive PID     4h   ~/work/etl.ipynb
11234567  x       kept     dead          3h   /notebooks        for 2h more
21234567  far     unknown  unknown 4000  2h   /notebooks        unprotected: it has no handle; UNKNOWN
31234567  bad     failed   dead          1h   /notebooks        OSError: stuck
"""


def test_the_list_for_people(ledger):
    notebook = str(Path.home() / "work" / "etl.ipynb")
    added(
        ledger,
        lease("0123456789", here(), name="etl/db", notebook=notebook),
        lease("1123456789", gone(), name="x", state="kept", keep_until=time.time() + 2.5 * HOUR),
        lease("2123456789", ELSEWHERE, name="far", unprotected="it has no handle"),
        lease("3123456789", gone(), name="bad", state="failed", reason="OSError: stuck"),
    )
    pid = str(here().pid)
    unknown = (
        "whether its kernel has ended cannot be seen from here; if it has, remove what it made, "
        "then: resnb forget 21234567"
    )
    expected = LIST.lstrip().replace("PID".ljust(len(pid)), pid).replace("UNKNOWN", unknown)
    assert resnb("ls") == expected


def test_the_history_says_when_and_how_long(ledger):
    record = lease("0123456789", gone(), name="etl/db", notebook=str(Path.home()))
    began = time.time() - HOUR
    ledger.store.add(record._replace(created=began))
    ledger.store.close("0123456789", began + 185.0, "cleaned up")
    date, clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began)).split()
    head, row = resnb("ls --all").splitlines()
    assert head.split() == ["ID", "NAME", "STATE", "KERNEL", "SINCE", "FOR", "NOTEBOOK", "NOTE"]
    assert row.split() == [
        "01234567", "etl/db", "closed", "dead", date, clock, "3m", "~", "cleaned", "up",
    ]  # fmt: skip


DAMAGE = [
    "owner = 'nobody'",
    "owner = '[1, 2]'",
    "claimant = '{}'",
    "environment = '[1, 2]'",
    f"environment = '{'[' * 100_000}'",
    "around = '3'",
    "state = 'nonsense'",
    "created = 9e999",
    "ttl = -1e300",
    "tries = 4611686018427387904",
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one[:20])
def test_a_record_that_cannot_be_read_is_damaged_until_it_is_forgotten(ledger, damage):
    added(ledger, lease("0123456789", gone(), name="db", state="failed", next_try=4e9))
    with ledger.store._database.transaction() as db:
        db.execute(f"update leases set {damage}")
    remedy = "look for what it made, then: resnb forget 01234567"
    _, row = resnb("ls").splitlines()
    assert row.split()[:3] == ["01234567", "db", "damaged"]
    assert row.endswith(remedy)
    assert json.loads(resnb("ls --json"))[0]["remedy"].endswith(remedy)
    for command in ("sweep", "wait", "cleanup --orphans", "cleanup --all"):
        assert resnb(command, 1).startswith("db: damaged: its record cannot be read"), command
    for command in ("cleanup db", "keep db 5m", "adopt 01234567"):
        assert remedy in resnb(command, 2), command
    assert resnb("forget 0123") == "db: forgotten\n"
    assert resnb("sweep") == "nothing was left behind\n"
    assert resnb("ls") == "no resources are alive\n"


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({}, "if it has: resnb adopt"),
        ({"state": "opening", "can_find": True}, "if it has: resnb cleanup"),
        ({"state": "failed"}, "if it has: resnb cleanup"),
        ({"dies_with_kernel": True}, "if it has: resnb forget"),
        ({"unprotected": "a lambda"}, "if it has, remove what it made, then: resnb forget"),
    ],
)
@pytest.mark.usefixtures("sweeper")
def test_what_is_unknown_comes_with_advice_that_can_be_followed(ledger, values, advice):
    added(ledger, lease("0123456789", ELSEWHERE, name="far", **values))
    assert f"{advice} 01234567" in resnb("ls")
    assert f"{advice} 01234567" in resnb("sweep", 1)
    resnb(f"{advice.rpartition(' ')[2]} 01234567")


@pytest.mark.usefixtures("sweeper")
def test_a_name_is_found_as_it_is_shown(ledger):
    added(ledger, lease("0123456789", gone(), name="a\x1b[31mb"))
    assert resnb("cleanup ab") == "ab: cleaned up\n"


def test_closed_ones_are_listed_if_asked_for(ledger):
    added(ledger, lease("a", gone()))
    ledger.store.close("a", time.time(), "cleaned up by the reaper")
    assert resnb("ls") == "no resources are alive\n"
    assert "cleaned up by the reaper" in resnb("ls --all")
    (one,) = json.loads(resnb("ls --all --json"))
    assert (one["name"], one["state"], one["pid"]) == ("flow/a", "closed", None)


def test_nothing_from_the_ledger_can_steer_the_terminal(ledger, sweeper):
    sweeper.reason = "\x1b[5mevil\x07"
    evil = "\x1b[2J\x1b]0;owned\x07evil\n\u202ename"
    values = {"name": evil, "notebook": evil, "reason": evil, "notice": evil, "unprotected": evil}
    added(ledger, lease("\x1b[31m1234", gone(), state="failed", tries=8, **values))
    log = ledger.home / "logs" / "\x1b[31m1234.log"
    log.parent.mkdir()
    log.write_text(f"one\n{evil}\n")
    outputs = [resnb("ls"), resnb("wait", 1), resnb("sweep", 1), resnb("cleanup other", 2)]
    outputs.append(CliRunner().invoke(main, ["log", evil]).output)
    for output in outputs:
        assert "evil" in output
        assert all(one.isprintable() or one == "\n" for one in output), repr(output)
    assert outputs[-1] == "one\nevil\nname\n"


# ---- cleaning up


def test_cleanup_says_what_became_of_each(ledger, tmp_path):
    added(
        ledger,
        lease("good", gone(), **appending(tmp_path / "log", "x")),
        lease("evil", gone(), **failing()),
    )
    output = resnb("cleanup flow/good evil", 1)
    assert output == "flow/good: cleaned up\nflow/evil: failed: OSError: stuck (resnb log evil)\n"
    assert "OSError: stuck" in resnb("log evil")
    assert resnb("forget evil") == "flow/evil: forgotten\n"
    assert resnb("cleanup --all") == "there is nothing to clean up\n"


def test_cleanup_of_a_living_kernel_waits_no_longer_than_it_may(ledger):
    added(ledger, lease("a", here()))
    assert resnb("cleanup flow/a --timeout 0", 1) == ("flow/a: open: asked to be cleaned up\n")
    assert ledger.store.get("a").request == "cleanup"


def test_cleanup_says_beside_its_output_what_it_waits_for(ledger):
    added(ledger, lease("a", here()))

    def kernel():
        wait_for(lambda: ledger.store.get("a").request == "cleanup", "the request")
        ledger.store.close("a", time.time(), "cleaned up")

    thread = threading.Thread(target=kernel)
    thread.start()
    result = CliRunner().invoke(main, ["cleanup", "flow/a"])
    thread.join()
    assert (result.exit_code, result.stdout) == (0, "flow/a: cleaned up\n")
    assert result.stderr == "waiting up to 1m for the kernel to end what uses it\n"


def test_orphans_are_what_ended_kernels_left_and_do_not_keep(ledger, sweeper):
    added(
        ledger,
        lease("a", gone()),
        lease("b", gone(), state="kept", keep_until=time.time() + HOUR),
        lease("c", here()),
        lease("d", ELSEWHERE),
    )
    assert resnb("cleanup --orphans", 1) == f"flow/a: cleaned up\nflow/d: {UNSEEN} d\n"
    assert [one.record.id for one in ledger.leases()] == ["b", "c", "d"]


def test_all_leaves_out_what_cannot_be_seen_and_says_so(ledger):
    added(ledger, lease("a", here()), lease("b", ELSEWHERE))
    output = resnb("cleanup --all --timeout 0s", 1)
    assert output.endswith(f"flow/b: {UNSEEN} b\n")
    assert [one.record.request for one in ledger.leases()] == ["cleanup", ""]


def test_sweep_and_wait_say_what_is_left(ledger, tmp_path):
    assert resnb("sweep") == "nothing was left behind\n"
    assert resnb("wait") == "nothing is left behind\n"
    added(ledger, lease("a", gone(), **appending(tmp_path / "log", "x")))
    assert resnb("sweep") == "flow/a: cleaned up\n"
    added(
        ledger,
        lease("b", gone(), state="failed", reason="stuck", tries=8, handle=None, session="one"),
    )
    assert resnb("wait --session two") == "nothing is left behind\n"
    assert resnb("wait --session one", 1) == "flow/b: failed: stuck (resnb log b)\n"


def test_wait_names_what_is_kept(ledger):
    later = time.time() + HOUR
    added(ledger, lease("a", gone(), state="kept", keep_until=later, session="one"))
    assert resnb("wait") == "nothing is left behind; kept: flow/a\n"
    assert resnb("wait --session one") == "nothing is left behind; kept: flow/a\n"
    assert resnb("wait --session two") == "nothing is left behind\n"


@pytest.mark.parametrize("command", ["sweep", "wait", "wait --session one"])
def test_what_cannot_be_seen_is_never_called_nothing(ledger, command):
    added(ledger, lease("a", ELSEWHERE, session="one"))
    assert resnb(command, 1) == f"flow/a: {UNSEEN} a\n"
    assert resnb("wait --session two") == "nothing is left behind\n"


# ---- keeping


def test_keep_and_adopt_say_for_how_long(ledger, sweeper):
    kept = {"state": "kept", "keep_until": time.time() + HOUR}
    added(ledger, lease("a", here()), lease("b", gone(), **kept), lease("c", ELSEWHERE))
    assert resnb("keep flow/a 90m") == "flow/a: kept for 90m after its kernel's end\n"
    assert resnb("keep flow/b") == "flow/b: kept for 30m from now on\n"
    assert resnb("adopt flow/c 2h") == (
        "flow/c: kept for 2h; in a notebook: %resources adopt flow/c\n"
    )
    assert sweeper.calls == 2
    assert [one.state for one in ledger.leases()] == ["open", "kept", "kept"]


# ---- bad usage

BAD = {
    "cleanup": "say what to clean up: NAME|ID..., --orphans or --all",
    "cleanup x --all": "say what to clean up",
    "ls --all --fleet": "--all does not go with --fleet, which lists what is alive only",
    "cleanup flow/b": "no resource 'flow/b'; did you mean 'flow/a'?",
    "forget flow/a": "flow/a is held by a kernel that is alive: resnb cleanup flow/a",
    "adopt flow/a": "flow/a is held by a kernel that is alive: end it, or resnb keep flow/a",
    "keep flow/a soon": "duration='soon' is no duration",
    "keep flow/a -1": "No such option '-1'",
    "wait --timeout 3y": "--timeout='3y' is no duration",
    "log nothing": "no resource 'nothing'",
    "lst": "No such command 'lst'",
}


@pytest.mark.parametrize(("line", "words"), BAD.items())
def test_bad_usage_is_told_and_changes_nothing(ledger, line, words):
    added(ledger, lease("a", here()))
    before = ledger.store.get("a")
    assert words.lower() in resnb(line, 2).lower()
    assert ledger.store.get("a") == before


def test_a_ledger_that_others_can_write_is_refused(ledger):
    added(ledger, lease("a", here()))
    ledger.home.chmod(0o777)
    assert "can be written by others: run chmod go-w" in resnb("ls", 1)
    ledger.home.chmod(0o700)


@pytest.mark.parametrize("command", ["ls", "sweep", "wait --timeout 1s"])
def test_a_file_in_place_of_the_folder_is_no_empty_ledger(tmp_path, monkeypatch, command):
    home = tmp_path / "file"
    home.touch()
    monkeypatch.setenv("RESNB_HOME", str(home))
    assert "cannot be used: Not a directory" in resnb(command, 1)


@pytest.mark.parametrize(
    "command", ["ls", "ls --json", "sweep", "wait --timeout 1s", "cleanup --orphans"]
)
def test_a_ledger_that_was_set_aside_is_named_until_it_is_removed(ledger, sweeper, command):
    added(ledger, lease("a", here()))
    aside = ledger.home / "leases.db.damaged-1"
    aside.touch()
    told = CliRunner().invoke(main, command.split())
    assert told.exit_code == 0
    assert told.stderr.startswith(f"{aside}: a damaged ledger; what could not be read of it may")
    aside.unlink()
    assert CliRunner().invoke(main, command.split()).stderr == ""
