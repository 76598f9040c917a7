"""Wardens in processes of their own: two accounts on one shared ledger, and homes of two users."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from resnb.ledger.recipes.recipe import recipe_of
from resnb.ledger.store.sqlite_file import SqliteFile
from resnb.ledger.store.store import Store
from resnb.warden.__main__ import main
from resnb.warden.leases import OrphanedLeases
from tests.ledger.records import HERE, record
from tests.ledger.things import PATIENCE, until
from tests.ledger.worlds import appending, gone, here, lease

ROOT = Path(__file__).parents[2]
KINDS = ROOT / "benchmarks" / "crash" / "kind_package"
ID = "0123456789abcdef0123456789abcde"
"""All but the last character of a lease's id."""


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_it_says_how_it_is_called_like_every_other_command(option):
    said = CliRunner().invoke(main, [option])
    assert said.exit_code == 0
    assert "--homes" in said.output


@pytest.fixture
def trial(tmp_path):
    """A folder in which things of a kind are made."""
    folder = tmp_path / "trial"
    (folder / "things").mkdir(parents=True)
    return folder


def thing(trial, number="1", *, made=True, **values):
    """A lease of a kind, and its folder."""
    lease = ID + number
    if made:
        (trial / "things" / lease).mkdir()
    data = {
        "kind": "trial-folder",
        "recipe": json.dumps({"trial": str(trial), "step": 0.0}).encode(),
        "handle": json.dumps(lease).encode(),
        "can_find": True,
        "environment": HERE._replace(python="/nowhere/python", folder="/nowhere"),
    }
    return record(lease, **{**data, **values})


def environment(server, home, account="warden"):
    path = os.pathsep.join([str(KINDS), str(ROOT)])
    own = {"RESNB_HOME": str(home), "PYTHONPATH": path}
    if server is not None:
        own["RESNB_LEDGER"] = server.url_of(account)
    return {**os.environ, **own}


def run(*options, env):
    """A warden that looks once; gives its lines."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.warden.warden_stub", *options],
        env=env, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def left(trial):
    return sorted(one.name[-1] for one in (trial / "things").iterdir())


def lose(server, store, *numbers):
    """Let these leases, which are all that there are, have lost their owners."""
    with server.admin() as db:
        db.execute("delete from owners")
    assert {one.record.id[-1] for one in store.expired()} == set(numbers)


@pytest.fixture
def alice(server, tmp_path):
    return server.store(tmp_path / "alice", "alice")


@pytest.fixture
def warden(server, tmp_path):
    return server.store(tmp_path / "warden", "warden")


def test_it_cleans_up_by_kind_and_never_runs_code_of_others(server, alice, warden, trial, tmp_path):
    log = tmp_path / "log"
    alice.add(thing(trial, "1"))
    alice.add(record(ID + "2", **appending(log, "ran")))
    alice.add(thing(trial, "3", kind="unheard-of"))
    alice.add(thing(trial, "4", recipe=b'{"trial": "/", "step": "rm -rf"}'))
    alice.add(thing(trial, "5", recipe=recipe_of("x", object()).data))
    alice.add(thing(trial, "6", handle=b'"../../.."'))
    lose(server, warden, *"123456")
    for options in ([], ["--own"]):
        said = run("--once", *options, env=environment(server, tmp_path / "warden"))
        assert left(trial) == ["3", "4", "5", "6"]
        assert not log.exists()
        for number, why in {
            "2": "code of another user",
            "3": "no package that is installed here has the kind",
            "4": "cannot be trusted: arguments.step is no float",
            "5": "cannot be trusted: it is no JSON",
            "6": "cannot be trusted: handle does not match",
        }.items():
            assert why in said, number
    assert [one.id[-1] for one in alice.history()] == ["1"]
    assert {one.state for one in alice.alive()} == {"open"}


def test_with_own_it_runs_the_code_of_its_own_user(server, warden, tmp_path):
    log = tmp_path / "log"
    warden.add(record(ID + "1", **appending(log, "ran")))
    lose(server, warden, "1")
    env = environment(server, tmp_path / "warden")
    assert "run a warden with --own" in run("--once", env=env)
    assert not log.exists()
    assert "closed" in run("--once", "--own", env=env)
    assert log.read_text() == "ran\n"


def test_two_wardens_do_each_thing_once_and_end_when_told(server, alice, warden, trial, tmp_path):
    for number in "1234":
        alice.add(thing(trial, number))
    lose(server, warden, *"1234")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.warden.warden_stub"],
            env=environment(server, tmp_path / f"warden{number}"), cwd=ROOT,
            stdout=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    try:
        until(lambda: alice.alive() == [])
        assert left(trial) == []
        for number in range(2):  # one may have done all while the other began
            until((tmp_path / f"warden{number}").exists)
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        said = "".join(process.communicate(timeout=PATIENCE)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert said.count("claimed") == 4
    assert (trial / "marks").read_text().count("cleaned") == 4


def test_what_a_set_up_left_half_made_is_found_by_its_kind(server, alice, warden, trial, tmp_path):
    alice.add(thing(trial, "1", state="opening", handle=None, find_for=0.5))
    lose(server, warden, "1")
    run("--once", env=environment(server, tmp_path / "warden"))
    assert left(trial) == []


def test_the_fleet_is_listed_for_the_warden_and_ones_own_for_others(
    server, alice, warden, trial, tmp_path
):
    alice.add(thing(trial, "1", name="flow/\x1b[31mred"))
    server.store(tmp_path / "bob", "bob").add(record(ID + "2"))
    command = [sys.executable, "-m", "resnb", "ls", "--fleet", "--json"]
    seen = {}
    for account in ("warden", "alice"):
        env = environment(server, tmp_path / "warden", account)
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        seen[account] = json.loads(done.stdout)
    assert [one["account"] for one in seen["warden"]] == ["alice", "bob"]
    assert [(one["account"], one["kind"]) for one in seen["alice"]] == [("alice", "trial-folder")]
    table = subprocess.run(
        command[:-1], env=env, capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout
    assert "\x1b" not in table
    assert "flow/red" in table


# ---- homes


def test_homes_are_seen_one_by_one(trial, tmp_path, monkeypatch):
    homes = tmp_path / "homes"
    for name, number in (("one", "1"), ("two", "2")):
        Store(homes / name).add(thing(trial, number, owner=gone()))
    (homes / "none").mkdir()
    run("--once", "--homes", str(homes), env=environment(None, tmp_path / "warden"))
    assert left(trial) == []
    assert Store(homes / "one").alive() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_of_anothers_home_it_takes_care_with_that_users_rights(tmp_path, trial):
    """Here another user's rights do not suffice to read this environment: it says so."""
    home = tmp_path / "homes" / "one"
    Store(home).add(record(ID + "2", owner=gone(), **appending(tmp_path / "log", "ran")))
    for path in (home, *home.iterdir()):
        os.chown(path, 65534, 65534)
    run("--once", "--own", "--homes", str(home.parent), env=environment(None, tmp_path / "warden"))
    assert not (tmp_path / "log").exists()


def test_without_a_shared_ledger_it_says_what_to_give(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "resnb", "warden", "--once"],
        env={**os.environ, "RESNB_HOME": str(tmp_path)}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "set RESNB_LEDGER, or give --homes DIR" in done.stderr


def test_a_line_names_what_was_closed_before_the_last_look(tmp_path):
    store, lines = Store(tmp_path), []
    store.add(lease("a", gone(), name="etl/db"))
    leases = OrphanedLeases(tmp_path, SqliteFile(tmp_path), lines.append, runs_own=True)
    (one,) = leases.alive()
    assert leases.claim(one.id, here(), lambda _: True)
    store.close(one.id, time.time(), "cleaned up")  # by the clean-up's own process
    assert leases.alive() == []
    leases.close(one.id, time.time(), "cleaned up", here())
    assert [line.partition("'s ")[2] for line in lines] == [
        "etl/db: claimed",
        "etl/db: closed: cleaned up",
    ]
