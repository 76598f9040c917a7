"""What `%load_ext resnb` says of leases that nobody looks after."""

import threading
from types import SimpleNamespace

import pytest

from resnb.ledger.liveness import Liveness
from resnb.ledger.store.store import Store
from resnb.notebook import left_behind
from resnb.notebook.left_behind import say_what_is_left, what_is_left
from tests.ledger.worlds import ELSEWHERE, gone, here, lease, wait_for


class Events:
    def __init__(self):
        self.callbacks = {"post_run_cell": []}

    def register(self, name, callback):
        self.callbacks[name].append(callback)

    def unregister(self, name, callback):
        self.callbacks[name].remove(callback)


@pytest.fixture
def shell():
    return SimpleNamespace(events=Events())


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("RESNB_HOME", str(tmp_path / "ledger"))
    return Store(tmp_path / "ledger")


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(left_behind, "WAIT", 30.0)


LINE = "resnb: nobody looks after etl/far (unknown), bad (damaged): see resnb ls\n"


def damaged(store):
    store.add(lease("bad", gone(), name="bad"))
    with store._database.transaction() as db:
        db.execute("update leases set owner = 'nobody' where id = 'bad'")


def test_it_is_said_once_and_only_of_what_nobody_looks_after(store, shell, capsys):
    store.add(lease("mine", here()))
    store.add(lease("orphan", gone()))
    store.add(lease("far", ELSEWHERE, name="etl/\x1b[31mfar"))
    damaged(store)
    for _ in range(2):
        say_what_is_left(shell)()
    assert capsys.readouterr().err == LINE
    assert shell.events.callbacks["post_run_cell"] == []


def test_nothing_is_said_where_nobody_reads_it(store, shell, capsys):
    """As nbval, nbclient and papermill run cells; a notebook's front end allows input."""
    damaged(store)
    shell.kernel, content = object(), {"allow_stdin": False}
    shell.get_parent = lambda: {"content": content}
    say_what_is_left(shell)
    assert capsys.readouterr() == ("", "")
    content["allow_stdin"] = True
    say_what_is_left(shell)
    assert "bad (damaged)" in capsys.readouterr().err


def test_nothing_is_said_and_nothing_made_without_a_ledger(store, shell, capsys):
    say_what_is_left(shell)
    assert not store.home.exists()
    store.add(lease("mine", here()))
    say_what_is_left(shell)
    assert capsys.readouterr() == ("", "")


def test_a_slow_ledger_holds_up_no_cell(store, shell, capsys, monkeypatch):
    go_on, line = threading.Event(), LINE.strip()
    store.add(lease("far", ELSEWHERE))
    monkeypatch.setattr(left_behind, "WAIT", 0.01)
    monkeypatch.setattr(left_behind, "what_is_left", lambda: go_on.wait(30) and line)
    say_what_is_left(shell)
    (after_cell,) = shell.events.callbacks["post_run_cell"]
    after_cell()
    assert capsys.readouterr().err == ""
    go_on.set()
    wait_for(lambda: after_cell() or not shell.events.callbacks["post_run_cell"], "the line")
    assert capsys.readouterr().err == LINE


def test_what_is_looked_at_again_is_not_named_yet(store, monkeypatch):
    store.add(lease("far", ELSEWHERE))
    assert "flow/far" in what_is_left()
    monkeypatch.setattr(Liveness, "is_in_doubt", lambda *_: True)
    assert what_is_left() == ""


def test_many_are_cut_short_and_a_ledger_that_cannot_be_read_says_nothing(store):
    for number in range(7):
        store.add(lease(f"far{number}", ELSEWHERE))
    assert what_is_left().endswith("flow/far4 (unknown) and 2 more: see resnb ls")
    store.home.chmod(0o777)
    assert what_is_left() == ""
