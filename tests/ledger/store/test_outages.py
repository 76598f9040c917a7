"""A shared ledger that goes away: one clear line, nothing half written, and on it goes."""

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from resnb.errors import LedgerError, LedgerUnreachable
from resnb.ledger.store import postgresql
from resnb.ledger.store.choice import FALLBACK_VARIABLE, open_store
from resnb.ledger.store.fallback import FallbackStore
from resnb.ledger.store.home import LEDGER_VARIABLE, is_shared
from resnb.ledger.store.postgresql import PostgresServer
from resnb.ledger.store.store import Store
from tests.ledger.records import KERNEL, REAPER, record
from tests.ledger.things import until


def never(_):
    return False


STEPS = {
    "add": (None, lambda store: store.add(record())),
    "restore": (None, lambda store: store.restore([record()])),
    "open": (record(state="opening"), lambda store: store.open("a", KERNEL, handle=b"x")),
    "change": (record(), lambda store: store.change("a", KERNEL, reason="x")),
    "claim": (record(), lambda store: store.claim("a", REAPER, never)),
    "adopt": (record(), lambda store: store.adopt("a", REAPER, KERNEL)),
    "close": (record(), lambda store: store.close("a", 1.0, by=KERNEL)),
    "renew": (record(), lambda store: store.renew(KERNEL)),
}
AGAIN = ("open", "change", "claim", "close", "renew", "restore")
"""Steps that may be done again when their answer was lost."""


def everything(server):
    with server.admin() as db:
        rows = db.execute("select * from leases order by id").fetchall()
        return [row[:-1] for row in rows]  # without the time of the claim


@pytest.mark.sample(2)
@pytest.mark.parametrize("step", STEPS)
def test_the_server_is_killed_before_a_step(mortal, tmp_path, step):
    before, act = STEPS[step]
    stores = [mortal.store(tmp_path, kept=kept) for kept in (False, True)]
    for store in stores:
        store.restore([before] if before else [])
        store.alive()
    rows = everything(mortal)
    mortal.kill()
    for store in stores:
        with pytest.raises(LedgerUnreachable, match=r"cannot be reached \([^\n]*\): start it"):
            act(store)
    mortal.start()
    assert everything(mortal) == rows
    assert act(stores[1]) is not False  # on a connection of which nobody knew that it was lost
    stores[1].let_go()


def terminate(server):
    """End all other sessions, as a crash does."""
    with server.admin() as db:
        db.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity "
            "where application_name = 'resnb' and pid != pg_backend_pid()"
        )


@pytest.mark.parametrize("step", STEPS)
def test_the_connection_is_lost_between_any_two_statements_of_a_step(
    server, tmp_path, step, monkeypatch
):
    before, act = STEPS[step]
    execute, left = postgresql._Session.execute, 0

    def counted(self, *args):
        nonlocal left
        if left == 0:
            terminate(server)
        left -= 1
        return execute(self, *args)

    monkeypatch.setattr(postgresql._Session, "execute", counted)
    store = server.store(tmp_path)
    for at in range(9):
        left = -1
        server.empty()
        store.restore([before] if before else [])
        rows, left = everything(server), at
        try:
            act(store)
        except LedgerUnreachable:
            assert everything(server) == rows
        else:
            assert at > 0
            break
    else:
        pytest.fail("it has no end")


@pytest.mark.parametrize("step", AGAIN)
def test_a_step_whose_answer_was_lost_may_be_done_again(server, tmp_path, step, monkeypatch):
    before, act = STEPS[step]
    store = server.store(tmp_path)
    monkeypatch.setattr("resnb.ledger.store.store.time_now", lambda: 1000.0)
    store.restore([before] if before else [])
    execute = psycopg.Connection.execute

    def lost(self, statement, *args, **kwargs):
        done = execute(self, statement, *args, **kwargs)
        if statement == "commit":
            raise psycopg.OperationalError("the connection is lost")
        return done

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", lost)
        with pytest.raises(LedgerUnreachable, match="the connection is lost"):
            act(store)
    rows = everything(server)
    assert act(store) is not False
    assert everything(server) == rows


def test_an_open_lease_goes_on_and_its_end_is_written_later(mortal, tmp_path):
    store = mortal.store(tmp_path)
    store.add(record())
    mortal.kill()
    with pytest.raises(LedgerUnreachable):
        store.claim("a", KERNEL, never)
    with pytest.raises(LedgerUnreachable):
        store.close("a", 1.0, "cleaned up", by=KERNEL)
    mortal.start()
    assert store.renew(KERNEL)
    assert store.close("a", 1.0, "cleaned up", by=KERNEL)
    assert [one.reason for one in store.history()] == ["cleaned up"]


def test_a_fork_lets_its_parents_connection_be(server, tmp_path):
    store = server.store(tmp_path, kept=True)
    store.add(record())
    connection = store._database._kept
    store._database._pid -= 1  # as a fork sees it
    assert store.get("a") == record()
    assert store._database._kept is not connection
    assert not connection.closed
    connection.close()
    store.let_go()


def sessions(server):
    with server.admin() as db:
        question = "select count(*) from pg_stat_activity where application_name = 'resnb'"
        return db.execute(question).fetchone()[0]


def test_an_idle_connection_is_closed_and_opened_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql, "IDLE_FOR", 0.1)
    opened, connected = [], PostgresServer._connected
    monkeypatch.setattr(
        PostgresServer, "_connected", lambda *args: opened.append(1) or connected(*args)
    )
    store = server.store(tmp_path, kept=True)
    store.add(record())
    assert len(opened) == 1
    until(lambda: not sessions(server))
    assert store.change("a", KERNEL, reason="x")
    assert len(opened) == 2
    store.let_go()


def test_a_connection_ends_with_its_store(server, tmp_path, monkeypatch):
    monkeypatch.setenv(LEDGER_VARIABLE, server.url)
    until(lambda: not sessions(server))  # those of earlier tests end a moment after their clients
    store = open_store(tmp_path)
    assert store.alive() == []
    assert sessions(server) == 1
    del store
    until(lambda: not sessions(server))


# ---- lines


def said(url, **environment):
    with pytest.raises(LedgerError) as caught:
        Store(Path("home"), PostgresServer(url)).alive()
    (line,) = str(caught.value).splitlines()
    assert "secret" not in line
    return line


def test_a_server_that_is_not_there():
    line = said("postgresql://me:secret@127.0.0.1:9/leases")
    assert line == (
        "the shared ledger at 127.0.0.1:9/leases cannot be reached (Connection refused): "
        "start it, or set RESNB_LEDGER_FALLBACK=local"
    )
    assert "no-host.invalid" in said("postgresql://me:secret@no-host.invalid/leases")


def test_a_database_or_an_account_that_is_not_there(server):
    assert "check the database's name" in said(f"{server.url}_")
    assert "check the user's name" in said(server.url.replace("postgres@", "nobody:secret@"))


def is_refused(database):
    """Whether the server answers, and refuses the account; not before it has read its rules again."""
    try:
        database.mark()
    except LedgerError as error:
        return "reach" not in str(error)
    return False


def test_a_wrong_password(server):
    rules = server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    with server.admin() as db:
        db.execute("alter role bob password 'right'")
        rules.write_text("host all bob all scram-sha-256\n" + before)
        try:
            db.execute("select pg_reload_conf()")
            until(lambda: is_refused(server.database("bob")))
            assert "check user and password" in said(server.url_of("bob"))
            assert "refused (FATAL: password authentication failed" in said(
                server.url.replace("postgres@", "bob:secret@")
            )
        finally:
            rules.write_text(before)
            db.execute("select pg_reload_conf()")
            until(lambda: not is_refused(server.database("bob")))


def test_tables_of_a_newer_resnb(server):
    with server.admin() as db:
        db.execute("update ledger set version = version + 1")
        try:
            line = said(server.url)
        finally:
            db.execute("update ledger set version = version - 1")
    assert "was made by a newer resnb (format 2): update this resnb" in line


def test_a_server_that_is_a_copy(server, tmp_path):
    store = server.store(tmp_path)
    store._database._url += "?options=-cdefault_transaction_read_only%3Don"
    with pytest.raises(LedgerError, match="is a copy that cannot be written"):
        store.add(record())
    assert store.alive() == []


def test_without_psycopg(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert said("postgresql://me@host/x") == (
        "the shared ledger takes psycopg: pip install 'resnb[fleet]'"
    )


# ---- the choice


def test_the_folder_is_the_default(tmp_path, monkeypatch):
    monkeypatch.delenv(LEDGER_VARIABLE, raising=False)
    assert type(open_store(tmp_path)) is Store
    assert not is_shared()


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (LEDGER_VARIABLE, "mysql://me:secret@host/x", "names no such server"),
        (FALLBACK_VARIABLE, "yes", "set it to local"),
    ],
)
def test_a_choice_that_means_nothing(tmp_path, monkeypatch, variable, value, line):
    monkeypatch.setenv(variable, value)
    with pytest.raises(LedgerError, match=line) as caught:
        open_store(tmp_path)
    assert "secret" not in str(caught.value)


# ---- the folder while the server is away


@pytest.fixture
def fallback(mortal, tmp_path, monkeypatch):
    monkeypatch.setenv(LEDGER_VARIABLE, mortal.url_of("alice"))
    monkeypatch.setenv(FALLBACK_VARIABLE, "local")
    lines = []

    def opened():
        store = open_store(tmp_path / "ledger", say=lines.append)
        assert type(store) is FallbackStore
        return store

    opened.lines = lines
    assert is_shared()
    return opened


def test_leases_begin_in_the_folder_and_move_over(mortal, fallback, tmp_path):
    kernel, reaper = fallback(), fallback()
    local, shared = Store(tmp_path / "ledger"), mortal.store(tmp_path)
    kernel.add(record("shared"))
    reaper.alive()
    mortal.kill()
    for lease in ("a", "b", "c"):
        kernel.add(record(lease, state="opening"))
    (line,) = fallback.lines
    assert "cannot be reached" in line
    assert line.endswith(f"new leases are kept in {local.path}")
    assert kernel.add(record("d", key="k"), alone=True)
    assert kernel.close("d", 0.5)
    assert kernel.open("a", KERNEL, handle=b"x")
    assert reaper.claim("b", REAPER, never)
    assert reaper.close("c", 1.0, "cleaned up", by=KERNEL)
    assert [one.id for one in reaper.alive()] == ["a", "b", "shared"]
    assert [one.id for one in kernel.history()] == ["c", "d"]
    with pytest.raises(LedgerUnreachable):
        kernel.change("shared", reason="x")
    mortal.start()
    kernel.add(record("new"))
    assert local.alive() == []
    assert sorted(one.id for one in shared.alive()) == ["a", "b", "new", "shared"]
    assert shared.get("a") == record("a", handle=b"x")
    assert shared.get("b").claimant == REAPER
    assert [one.id for one in kernel.history()] == ["c", "d"]
    assert kernel.change("a", KERNEL, reason="mine")
    assert reaper.close("b", 1.0, by=REAPER)
    assert len(fallback.lines) == 2  # the reaper has said so, too


def test_what_cannot_be_read_is_listed_from_both_places(mortal, fallback, tmp_path):
    store = fallback()
    store.add(record("shared"))
    mortal.kill()
    store.add(record("local"))
    with store._local.transaction() as db:
        db.execute("update leases set owner = 'nobody' where id = 'local'", {})
    assert [one.id for one in store.damaged()] == ["local"]
    mortal.start()
    with mortal.store(tmp_path)._database.transaction() as db:
        db.execute("update leases set environment = 'none' where id = 'shared'", {})
    assert [one.id for one in store.damaged()] == ["local", "shared"]


def test_an_intent_whose_answer_was_lost_is_not_there_twice(mortal, fallback, monkeypatch):
    store = fallback()
    store.add(record())
    execute = psycopg.Connection.execute

    def lost(self, statement, *args, **kwargs):
        done = execute(self, statement, *args, **kwargs)
        if statement == "commit":
            raise psycopg.OperationalError("the connection is lost")
        return done

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", lost)
        store.add(record("b", state="opening"))
    assert store.open("b", KERNEL, handle=b"x")
    assert [one.id for one in store.alive()] == ["b", "a"]
    store.renew(KERNEL)
    assert [(one.id, one.state) for one in store.alive()] == [("a", "open"), ("b", "open")]


def test_what_is_refused_does_not_fall_back(mortal, fallback, tmp_path):
    store = fallback()
    store.add(record())
    with pytest.raises(LedgerError, match="duplicate key"):
        store.add(record())
    assert Store(tmp_path / "ledger").alive() == []


def test_the_server_is_lost_again_while_leases_move_over(mortal, fallback, tmp_path):
    store = fallback()
    mortal.kill()
    store.add(record("a"))
    store.add(record("b"))
    with pytest.raises(LedgerUnreachable):
        store.renew(KERNEL)
    assert [one.id for one in store.alive()] == ["a", "b"]
    mortal.start()
    store.renew(KERNEL)
    assert sorted(one.id for one in mortal.store(tmp_path).alive()) == ["a", "b"]
    assert Store(tmp_path / "ledger").alive() == []


# ---- the first use


def test_of_eight_that_make_the_tables_at_once_none_is_locked_out(server):
    with server.admin() as db:
        db.execute("drop schema resnb cascade")
    barrier, marks = threading.Barrier(8), []

    def make():
        barrier.wait()
        marks.append(server.database().mark())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert marks == [(0, 0)] * 8


def test_a_reaper_which_starts_without_packages_finds_psycopg(server, tmp_path):
    root = Path(__file__).parents[3]
    text = f"""
import subprocess
import sys
import threading
sys.path.append({str(root)!r})
from pathlib import Path
from resnb.ledger.store.choice import open_store
store = open_store(Path({str(tmp_path)!r}))
assert "site" not in sys.modules
assert store.alive() == []
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text],
        capture_output=True,
        check=False,
        env={LEDGER_VARIABLE: server.url_of("alice")},
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
