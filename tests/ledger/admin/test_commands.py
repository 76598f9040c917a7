"""What one can ask of the ledger: who is asked to clean up, what is refused, what is waited for."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.errors import LedgerError, OptionError
from resnb.ledger.admin import commands as commanding
from resnb.ledger.admin.commands import LedgerCommands, start_sweeper
from resnb.ledger.admin.listing import plain
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN
from resnb.ledger.reaper.decisions import LOOKING
from tests.ledger.worlds import (
    ELSEWHERE,
    PATIENCE,
    Sweeper,
    appending,
    end_sweepers,
    failing,
    finding_nothing,
    gone,
    here,
    lease,
    running,
    sweepers,
    wait_for,
)

ROOT = Path(__file__).parents[3]
LATER = time.time() + 3600.0


@pytest.fixture
def sweeper():
    return Sweeper()


@pytest.fixture
def commands(tmp_path, sweeper):
    return LedgerCommands(tmp_path / "ledger", sweeper)


def added(commands, *records):
    for number, one in enumerate(records):
        commands.store.add(one._replace(created=one.created + number))
    return commands


def names(found):
    return [one.record.name for one in found]


# ---- asking


def test_without_a_ledger_nothing_is_listed_and_nothing_is_made(commands):
    assert commands.leases(closed=True) == []
    assert not commands.home.exists()


def test_a_list_says_what_is_known_of_each_kernel(commands):
    added(commands, lease("a", here()), lease("b", gone()), lease("c", ELSEWHERE))
    assert [(one.state, one.kernel) for one in commands.leases()] == [
        ("open", ALIVE),
        ("open", DEAD),
        ("unknown", UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"state": "closing", "reason": LOOKING}, "looking"),
        ({"state": "closing", "reason": f"cleaned up what was found, and {LOOKING}"}, "looking"),
        ({"state": "closing", "nothing_since": 2000.0}, "looking"),
        ({"state": "closing", "owner": ELSEWHERE, "reason": LOOKING}, "unknown"),
        ({"state": "closing"}, "closing"),
        ({"state": "failed", "nothing_since": 2000.0, "reason": "OSError"}, "failed"),
    ],
)
def test_what_set_up_may_still_make_is_looked_for(commands, values, word):
    added(commands, lease("a", **{"owner": here(), "handle": None, **values}))
    (one,) = commands.leases()
    assert (one.state, one.to_json()["state"]) == (word, word)


def test_closed_leases_come_first_and_only_if_asked_for(commands):
    added(commands, lease("old", gone()), lease("new", here()))
    commands.store.close("old", 5.0)
    assert names(commands.leases()) == ["flow/new"]
    assert names(commands.leases(closed=True)) == ["flow/old", "flow/new"]


def test_the_form_for_programs_is_stable(commands):
    added(commands, lease("a", here(), ttl=5.0, keep=6.0, session="s", reason="r", tries=2))
    (one,) = commands.leases()
    assert json.loads(json.dumps(one.to_json())) == {
        "id": "a",
        "name": "flow/a",
        "state": "open",
        "kernel": "alive",
        "pid": os.getpid(),
        "notebook": "/notebooks",
        "session": "s",
        "created": 1000.0,
        "ended": None,
        "ttl": 5.0,
        "idle_timeout": None,
        "keep": 6.0,
        "keep_until": None,
        "protected": True,
        "checking": False,
        "remedy": "",
        "unfindable": "",
        "unprotected": "",
        "notice": "",
        "reason": "r",
        "tries": 2,
    }


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({}, ""),
        ({"unprotected": "no handle"}, "no handle"),
        ({"unprotected": "no handle", "dies_with_kernel": True}, ""),
        ({"unfindable": "no find"}, ""),
        ({"unfindable": "no find", "state": "opening", "handle": None}, "no find"),
        ({"unfindable": "no find", "state": "opening"}, ""),
    ],
)
def test_protection_is_that_of_what_there_is_now(commands, values, fault):
    added(commands, lease("a", here(), **values))
    (one,) = commands.leases()
    assert one.fault == fault
    assert one.to_json()["protected"] is not bool(fault)


def test_a_lease_is_found_by_name_or_by_the_beginning_of_its_id(commands):
    added(commands, lease("abcdef", here(), name="etl/db"))
    assert names(commands.find("etl/db")) == names(commands.find("abcd")) == ["etl/db"]
    with pytest.raises(OptionError, match="no resource 'abc'"):
        commands.find("abc")


def test_a_whole_id_is_no_name_and_no_beginning_of_another(commands):
    added(commands, lease("abcd", here()), lease("abcde", here()), lease("x", here(), name="abcd"))
    assert [one.record.id for one in commands.find("abcd")] == ["abcd"]


def test_an_unknown_name_is_answered_with_the_nearest(commands):
    with pytest.raises(OptionError, match="no resource 'etl/bd'; nothing is open"):
        commands.find("etl/bd")
    added(commands, lease("a", here(), name="etl/db"))
    with pytest.raises(OptionError, match="did you mean 'etl/db'"):
        commands.find("etl/bd")
    with pytest.raises(OptionError, match="there is 'etl/db'"):
        commands.find("x")


def test_a_name_that_stands_for_several_has_to_be_an_id(commands):
    added(commands, lease("abcd1", here(), name="x"), lease("abcd2", gone(), name="x"))
    with pytest.raises(OptionError, match=r"several leases \(abcd1 of /notebooks, abcd2 of"):
        commands.find_one("x")
    with pytest.raises(OptionError, match="give the id"):
        commands.find_one("abcd")
    assert commands.find_one("abcd2").record.id == "abcd2"


def test_a_log_is_that_of_the_latest(commands):
    added(commands, lease("older", gone(), name="x"), lease("newer", here(), name="x"))
    (commands.home / "logs").mkdir()
    (commands.home / "logs" / "newer.log").write_text("try 1\n")
    assert commands.log("x") == "try 1\n"
    begun = "no clean-up was begun from outside its kernel: "
    (commands.home / "logs" / "newer.log").unlink()
    assert commands.log("x") == f"{begun}open\n"
    commands.store.close("older", 5.0, "cleaned up")
    assert commands.log("older") == f"{begun}closed; cleaned up\n"
    with pytest.raises(OptionError, match="no resource 'y'"):
        commands.log("y")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("etl/db", "etl/db"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("a\nb\tc\r", "a b c "),
        ("a\x00\x07\x1b\x9bmb", "ab"),
        ("\u202eabc\ud800", "abc"),
        ("naïve ✓", "naïve ✓"),
    ],
)
def test_what_comes_from_files_is_made_fit_for_a_terminal(text, shown):
    assert plain(text) == shown


@given(st.text())
def test_nothing_but_what_can_be_printed_is_left(text):
    assert plain(text).isprintable()
    assert plain(plain(text)) == plain(text)
    assert all(one.isprintable() or one == "\n" for one in plain(text, keep="\n"))


# ---- cleaning up


def test_a_kernel_that_is_alive_is_asked(commands, sweeper):
    added(commands, lease("a", here(), state="failed", tries=8, next_try=LATER))
    left = commands.clean_up(commands.find("flow/a"), timeout=0)
    (one,) = left
    assert (one.record.request, one.record.tries, one.record.next_try) == ("cleanup", 0, 0.0)
    assert sweeper.calls == 0


def test_what_a_dead_kernel_left_is_swept_also_if_it_is_kept(commands, sweeper):
    added(commands, lease("a", gone(), state="kept", keep_until=LATER))
    assert commands.clean_up(commands.find("flow/a"), timeout=PATIENCE) == []
    assert sweeper.calls == 1


def test_a_kernel_out_of_sight_is_passed_over_unless_it_is_named(commands, sweeper):
    added(commands, lease("a", ELSEWHERE), lease("b", ELSEWHERE, state="closing"))
    assert commands.sweep(timeout=0) == []
    assert commands.wait(timeout=0) == []
    assert names(commands.leases()) == ["flow/a", "flow/b"]
    for name in ("flow/a", "flow/b"):
        assert commands.clean_up(commands.find(name), timeout=PATIENCE) == []
    assert commands.leases() == []


def test_what_lives_inside_a_kernel_out_of_sight_is_not_cleaned_up_from_here(commands):
    added(commands, lease("a", ELSEWHERE, dies_with_kernel=True), lease("b", ELSEWHERE))
    before = commands.leases()
    with pytest.raises(OptionError, match="flow/a lives inside a kernel that cannot be seen"):
        commands.clean_up(before)
    assert commands.leases() == before


def test_what_depends_on_a_lease_is_cleaned_up_with_it(commands):
    added(
        commands,
        lease("outer", here()),
        lease("inner", here(), around=("outer",)),
        lease("innermost", here(), around=("inner",)),
        lease("other", here()),
    )
    left = commands.clean_up(commands.find("flow/outer"), timeout=0)
    assert names(left) == ["flow/outer", "flow/inner", "flow/innermost"]
    assert commands.store.get("other").request == ""


def test_a_command_waits_until_the_kernel_has_done_as_asked(commands):
    added(commands, lease("a", here()))
    asked = threading.Event()

    def kernel():
        while commands.store.get("a").request != "cleanup":
            asked.wait(0.005)
        commands.store.close("a", 5.0)

    thread = threading.Thread(target=kernel)
    thread.start()
    assert commands.clean_up(commands.find("flow/a"), timeout=PATIENCE) == []
    thread.join()


def test_a_clean_up_that_failed_is_not_waited_for(commands, sweeper):
    sweeper.reason = "OSError: stuck"
    added(commands, lease("a", gone()))
    (left,) = commands.clean_up(commands.find("flow/a"))
    assert (left.state, left.record.reason) == ("failed", "OSError: stuck")


def test_a_sweep_tries_again_what_failed_before(commands):
    added(commands, lease("a", gone(), state="failed", tries=8, next_try=LATER))
    assert commands.sweep() == []


def test_a_sweep_leaves_what_is_kept_and_what_is_alive(commands):
    added(commands, lease("a", here()), lease("b", gone(), state="kept", keep_until=LATER))
    assert commands.sweep() == []
    assert names(commands.leases()) == ["flow/a", "flow/b"]


def test_what_was_kept_long_enough_is_swept(commands):
    added(commands, lease("a", gone(), state="kept", keep_until=5.0))
    assert commands.sweep() == []
    assert commands.leases() == []


# ---- waiting


def test_waiting_goes_on_through_retries(commands, monkeypatch):
    monkeypatch.setattr(commanding, "HEAD_START", 0.0)
    added(commands, lease("a", gone(), state="failed", tries=2, next_try=LATER))
    sweeps = threading.Event()
    waiting = LedgerCommands(commands.home, lambda _: sweeps.set())
    found = []
    thread = threading.Thread(target=lambda: found.extend(waiting.wait(PATIENCE)))
    thread.start()
    assert sweeps.wait(PATIENCE)
    assert thread.is_alive()
    commands.store.close("a", 3000.0)
    thread.join()
    assert found == []


def test_nobody_waits_for_what_set_up_may_still_make(commands):
    looking = {"state": "closing", "nothing_since": 2000.0, "reason": LOOKING}
    added(commands, lease("a", gone(), **looking))
    for left in (commands.sweep(), commands.wait()):
        assert names(left) == ["flow/a"]
        assert left[0].remark == LOOKING


def test_waiting_ends_at_its_deadline(commands):
    added(commands, lease("a", gone(), state="closing", claimant=here()))
    idle = LedgerCommands(commands.home, lambda _: None)
    assert names(idle.wait(timeout=0.01)) == ["flow/a"]


def test_waiting_leaves_it_to_the_kernels_own_reapers_at_first(commands, sweeper):
    added(commands, lease("a", gone()))
    assert names(commands.wait(timeout=0)) == ["flow/a"]
    assert sweeper.calls == 0


def test_waiting_for_a_session_leaves_out_the_others(commands):
    added(commands, lease("a", gone(), session="one", state="failed", handle=None, reason="no"))
    assert commands.wait(session="two") == []
    added(commands, lease("b", here(), session="one"))
    assert names(LedgerCommands(commands.home, lambda _: None).wait(session="one")) == ["flow/a"]


# ---- keeping, adopting, forgetting


def test_a_lease_of_a_living_kernel_will_be_kept(commands, sweeper):
    added(commands, lease("a", here()))
    commands.keep("flow/a", 1800.0)
    assert commands.store.get("a").keep == 1800.0
    assert sweeper.calls == 0


@pytest.mark.parametrize("then", ["closed", "asked for"])
def test_what_ends_while_it_is_to_be_kept_is_not_called_kept(commands, monkeypatch, then):
    added(commands, lease("a", here()))
    one = commands.find_one("flow/a")
    monkeypatch.setattr(commands, "find_one", lambda _: one)
    if then == "closed":
        commands.store.close("a", 5.0)
    else:
        commands.store.change("a", request="cleanup")
    with pytest.raises(OptionError, match="cannot be kept any more"):
        commands.keep("flow/a", 1800.0)
    assert commands.store.get("a").keep is None


def test_what_is_kept_already_is_kept_from_now_on_and_somebody_will_end_it(commands, sweeper):
    added(commands, lease("a", gone(), state="kept", keep_until=5.0, request="cleanup"))
    commands.keep("flow/a", 1800.0)
    record = commands.store.get("a")
    assert (record.state, record.request) == ("kept", "")
    assert record.keep_until > time.time() + 1700.0
    assert commands.liveness.is_dead(record.owner)
    assert sweeper.calls == 1


def test_a_lease_of_another_machine_comes_into_the_care_of_this_one(commands, sweeper):
    added(commands, lease("a", ELSEWHERE))
    with pytest.raises(OptionError, match="cannot be seen from here"):
        commands.keep("flow/a", 1800.0)
    commands.adopt("flow/a", 1800.0)
    (one,) = commands.leases()
    assert (one.state, one.kernel, one.to_json()["pid"]) == ("kept", DEAD, None)
    assert sweeper.calls == 1


UNKEEPABLE = {
    "lives inside its kernel": {"dies_with_kernel": True},
    "set-up did not return": {"state": "opening"},
    "clean-up has begun": {"state": "closing"},
    "its clean-up has begun": {"state": "failed"},
    "no handle": {"unprotected": "no handle"},
}


@pytest.mark.parametrize(("why", "values"), UNKEEPABLE.items())
def test_what_nobody_could_adopt_is_not_kept(commands, sweeper, why, values):
    added(commands, lease("a", gone(), **values))
    before = commands.store.get("a")
    for command, done in ((commands.keep, "kept"), (commands.adopt, "adopted")):
        with pytest.raises(OptionError, match=f"cannot be {done}: .*{why}"):
            command("flow/a", 60.0)
    assert commands.store.get("a") == before
    assert sweeper.calls == 0


def test_a_lease_of_a_living_kernel_is_neither_adopted_nor_forgotten(commands):
    added(commands, lease("a", here()))
    with pytest.raises(OptionError, match="held by a kernel that is alive"):
        commands.adopt("flow/a", 60.0)
    with pytest.raises(OptionError, match="held by a kernel that is alive: resnb cleanup flow/a"):
        commands.forget("flow/a")


@pytest.mark.parametrize(
    "values",
    [
        {"owner": gone()},
        {"owner": ELSEWHERE},
        {"owner": ELSEWHERE, "state": "closing", "claimant": ELSEWHERE},
        {"owner": here(), "state": "failed"},
    ],
)
def test_what_was_removed_by_hand_is_forgotten(commands, values):
    added(commands, lease("a", **values))
    commands.forget("flow/a")
    (one,) = commands.leases(closed=True)
    assert (one.state, one.record.reason) == ("closed", "forgotten: removed by hand")


def test_what_is_being_cleaned_up_is_not_forgotten(commands):
    added(commands, lease("a", gone(), state="closing", claimant=here()))
    busy = here()._replace(pid=1, started=0)
    commands.store.change("a", claimant=busy)
    with pytest.raises(OptionError, match="being cleaned up now"):
        commands.forget("flow/a")


# ---- real sweepers


@pytest.fixture
def real(tmp_path):
    """The commands with sweepers that are processes."""
    yield LedgerCommands(tmp_path / "ledger")
    end_sweepers(tmp_path / "ledger")


def test_a_sweeper_cleans_up_and_writes_a_log(real, tmp_path):
    added(real, lease("good", gone(), **appending(tmp_path / "log", "x")))
    added(real, lease("bad", gone(), **failing()))
    (left,) = real.sweep(timeout=PATIENCE)
    assert (left.record.id, left.state, left.record.reason) == ("bad", "failed", "OSError: stuck")
    assert (tmp_path / "log").read_text() == "x\n"
    assert "OSError: stuck" in real.log("flow/bad")
    assert "cleaned up by the reaper" in real.log("good")


def test_what_is_kept_is_ended_when_its_time_has_come(real, tmp_path):
    added(real, lease("a", gone(), **appending(tmp_path / "log", "x")))
    real.keep("flow/a", 600.0)
    assert names(real.leases()) == ["flow/a"]
    real.keep("flow/a", 0.3)
    while real.leases():
        assert real.wait(PATIENCE) == []
    assert (tmp_path / "log").read_text() == "x\n"


def test_one_sweeper_stays_for_what_is_kept(real):
    added(real, lease("a", gone(), state="kept", keep_until=LATER))
    for _ in range(3):
        start_sweeper(real.home)
    wait_for(lambda: len(sweepers(real.home)) <= 1, "all sweepers but one to end")
    assert len(sweepers(real.home)) == 1


@pytest.mark.parametrize("owner", [gone(), ELSEWHERE, here()._replace(namespace="a container's")])
def test_where_nothing_is_found_of_what_was_half_made_that_counts_at_home_only(real, owner):
    added(real, lease("half", owner, state="opening", **finding_nothing()))
    left = real.clean_up(real.find("half"), PATIENCE)
    if owner == gone():
        assert left == []
        return
    (one,) = left
    assert (one.state, one.kernel) == ("failed", DEAD)
    assert one.record.reason.startswith("wrong environment")


def test_a_sweeper_that_cannot_start_is_an_error(tmp_path, monkeypatch):
    commands = added(LedgerCommands(tmp_path / "ledger"), lease("a", gone()))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(LedgerError, match="the sweeper cannot be started"):
        commands.sweep()


AT_ONCE = """
import runpy, sys
from resnb.ledger.admin.commands import LedgerCommands, start_sweeper
sys.stdin.read()
"""
KINDS = {
    "commands": "LedgerCommands().sweep(30)",
    "reapers": f"runpy.run_path({str(ROOT / 'resnb/ledger/reaper/reaper.py')!r}, run_name='__main__')",
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_eight_sweepers_at_once_one_cleans_up(real, tmp_path, kind):
    home = real.home
    for number in range(3):
        added(real, lease(f"lease{number}", gone(), **appending(tmp_path / "log", number)))
    argv = [sys.executable, "-c", AT_ONCE + KINDS[kind], str(home), "", "-1"]
    read, write = os.pipe()
    processes = [
        subprocess.Popen(
            argv,
            stdin=read,
            cwd=ROOT,
            env={**os.environ, "RESNB_HOME": str(home)},
        )
        for _ in range(8)
    ]
    os.close(read)
    os.close(write)  # all of them read its end, and go
    assert [process.wait(PATIENCE) for process in processes] == [0] * 8
    assert real.wait(PATIENCE) == []
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2"]
    assert [one.record.tries for one in real.leases(closed=True)] == [1, 1, 1]


ENDINGS = {
    "raises": ("raise OSError('no')", "OSError: no"),
    "exits": ("sys.exit(3)", "SystemExit: 3"),
    "is killed": ("os.kill(os.getpid(), 9)", "its interpreter ended with -9"),
    "ends hard": ("os._exit(4)", "its interpreter ended with 4"),
    "reads": ("input()", "EOFError"),
    "says much": ("raise OSError('x' * 100_000)", "OSError: xxx"),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("ending", ENDINGS)
def test_however_a_clean_up_ends_its_reason_is_kept(real, ending):
    statement, reason = ENDINGS[ending]
    added(real, lease("a", gone(), **running(f"import os, sys; {statement}")))
    (left,) = real.sweep(PATIENCE)
    assert left.record.reason.startswith(reason)
