"""``setup="lazy"``: not before the first task that could run but for it, or not at all."""

from threading import Event

import pytest

from resnb import Flow, case, signals, task
from tests.run.held.parts import Notes, things
from tests.run.parts import PATIENCE


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def lazy(notes):
    return things(notes).options(setup="lazy")


def step(notes, word, fails=None):
    @task(name=word)
    def run(*_):
        notes.note(word)
        if fails is not None:
            raise fails
        return word

    return run


def test_it_waits_for_what_its_tasks_wait_for(lazy, notes):
    load = step(notes, "load")
    with Flow("f") as flow:
        loaded = load()
        with lazy("a") as thing:
            step(notes, "use")(loaded, thing)
    assert flow.run().is_successful()
    assert notes == ["load", "up a", "use", "down a"]
    notes.clear()
    assert flow.run().is_successful()
    assert notes == ["load", "up a", "use", "down a"]


def test_the_first_task_that_could_run_is_enough(lazy, notes):
    with Flow("f") as flow:
        loaded = step(notes, "load")()
        with lazy("a") as thing:
            early = step(notes, "early")(thing)
            late = step(notes, "late")(loaded, thing)
        loaded.set_upstream(early)
    assert flow.run().is_successful()
    assert notes == ["up a", "early", "load", "late", "down a"]
    assert late.state.is_successful()


@pytest.mark.parametrize("fails", [OSError("no"), signals.SKIP("no")])
def test_what_fails_or_is_skipped_before_it_costs_no_set_up(lazy, notes, fails):
    with Flow("f") as flow:
        loaded = step(notes, "load", fails)()
        with lazy("a") as thing:
            used = step(notes, "use")(loaded, thing)
            step(notes, "then")(used)
    state = flow.run()
    assert state.is_failed() is isinstance(fails, OSError)
    assert notes == ["load"]
    (scope,) = flow.scopes
    assert scope.setup_task.state.is_skipped()
    assert scope.init_task.state.message == "nothing in its scope has to run"


@pytest.mark.parametrize("wanted", [True, False])
def test_in_a_branch_that_is_not_taken(lazy, notes, wanted):
    with Flow("f") as flow:
        chosen = task(lambda: wanted, name="choose")()
        with case(chosen, value=True):
            one = step(notes, "one")()
        with lazy("a") as thing:
            step(notes, "use")(one, thing)
    assert flow.run().is_successful()
    assert notes == (["one", "up a", "use", "down a"] if wanted else [])


def test_nested_ones_wake_each_other(lazy, notes):
    with Flow("f") as flow:
        loaded = step(notes, "load")()
        with lazy("outer") as outer, lazy("inner") as inner:
            step(notes, "use")(loaded, outer, inner)
        skipped = step(notes, "skip", signals.SKIP())()
        with lazy("never") as never:
            step(notes, "not")(skipped, never)
    assert flow.run().is_successful()
    notes.remove("skip")
    assert notes.index("load") < notes.index("up outer")
    assert sorted(notes[1:3]) == ["up inner", "up outer"]
    assert notes[3] == "use"
    assert sorted(notes[4:]) == ["down inner", "down outer"]


def test_mapped_ones_and_tasks(lazy, notes):
    with Flow("f") as flow:
        names = step(notes, "names")()
        with lazy.map(["a", "b"]) as thing:
            used = task(lambda name, thing: (name, thing), name="use").map(["x", "y"], thing)
        used.set_upstream(names)
    state = flow.run()
    assert state.result[used].result == [("x", "value of a"), ("y", "value of b")]
    assert notes[0] == "names"
    assert sorted(notes[1:]) == ["down a", "down b", "up a", "up b"]


def test_an_empty_one_is_not_set_up(lazy, notes):
    with Flow("f") as flow, lazy("a"):
        pass
    assert flow.run().is_successful()
    assert notes == []


def test_a_cancelled_run_sets_nothing_up(lazy, notes):
    begun, go_on = Event(), Event()
    with Flow("f") as flow:
        loaded = task(lambda: (begun.set(), go_on.wait(PATIENCE)), name="load")()
        with lazy("a") as thing:
            step(notes, "use")(loaded, thing)
    run = flow.start()
    assert begun.wait(PATIENCE)
    run.cancel()
    go_on.set()
    assert run.wait().is_cancelled()
    assert notes == []
