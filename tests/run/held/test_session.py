"""What is open for the session: found again, replaced, closed, joined by flows."""

import pytest

from resnb import Flow, flow, resource, task
from resnb.errors import CleanupError, LeaseLost, NoValueError, RunError
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.held.session import SESSION
from tests.run.held.parts import Notes, things


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def thing(notes):
    return things(notes)


def test_it_is_open_until_it_is_closed(thing, notes):
    held = thing("a").open()
    assert (held.value, held.state, repr(held)) == ("value of a", "open", "<Thing: open>")
    assert notes == ["up a"]
    assert SESSION.find("Thing") is held
    held.close()
    held.close()
    assert (notes, held.state) == (["up a", "down a"], "closed")
    with pytest.raises(NoValueError, match="'Thing' is closed, so it has no value; use it in a"):
        held.value  # noqa: B018


def test_what_is_of_the_whole_kernel_can_be_closed_unless_it_is_used(thing, notes):
    shared = thing.options(lifetime="kernel")
    held = shared("a").open("x")
    with shared("a"), pytest.raises(RunError, match="'x' is in use"):
        held.close()
    held.close()
    assert (notes, held.state) == (["up a", "down a"], "closed")


def test_a_look_at_what_was_taken_away_says_so_until_it_is_opened_again(thing):
    held = thing("a").open()
    for state in ("closing", "closed"):
        held.lease.follow(state, f"it is {state} elsewhere")
        with pytest.raises(LeaseLost, match=f"'Thing' was taken away: it is {state} elsewhere"):
            held.value  # noqa: B018
    assert held.open().value == "value of a"
    held.close()


def test_the_same_is_found_and_another_one_takes_its_place(thing, notes):
    one = thing("a").open("x")
    assert thing("a").open("x") is one
    assert thing("a").open("y") is not one
    other = thing("b").open("x")
    assert (one.state, other.state) == ("closed", "open")
    limited = thing.options(ttl="2h")("b").open("x")
    assert (other.state, limited.state) == ("closed", "open")
    assert notes == ["up a", "up a", "down a", "up b", "down b", "up b"]
    assert [one.name for one in SESSION.all()] == ["y", "x"]
    for held in SESSION.all():
        held.close()


def test_what_was_defined_anew_is_opened_anew(notes):
    one = things(notes)("a").open("x")
    other = things(notes)("a").open("x")
    assert (one.state, other.state) == ("closed", "open")
    other.close()


def test_its_dependants_are_closed_first(thing, notes):
    outer = thing("a").open("outer")
    inner = thing(outer.value).open("inner")
    outer.close()
    assert inner.state == "closed"
    assert notes[2:] == ["down value of a", "down a"]


def test_with_closes_it_at_the_end_of_the_block(thing, notes):
    with thing("a").open("x") as value:
        assert value == "value of a"
        with pytest.raises(RunError, match="'x' is in use"):
            SESSION.find("x").close()
    assert notes == ["up a", "down a"]


def test_a_clean_up_that_fails_says_so_and_stays(thing):
    held = thing("a", fails=["cleanup"]).open("x")
    with pytest.raises(CleanupError, match="not cleaned up: x: OSError: a"):
        held.close()
    assert held.state == "failed"
    held.lease.manager.fails = ()
    held.close()


def test_a_set_up_that_fails_is_not_open(thing):
    with pytest.raises(OSError, match="a"):
        thing("a", fails=["setup"]).open("x")
    assert SESSION.find("x") is None
    assert KEEPER.alive() == ()


def test_flows_join_it(thing, notes):
    held = thing("a").open("x")

    @task
    def use(value):
        return value

    with Flow("f") as built, held as value:
        used = use(value)
    for _ in range(2):
        assert built.run().result[used].result == "value of a"

    @flow
    def function():
        with held as value:
            return use(value)

    assert function() == "value of a"
    assert (notes, held.state) == (["up a"], "open")
    held.close()
    state = built.run()
    assert state.is_failed()
    (scope,) = built.scopes
    message = state.result[scope.setup_task].message
    assert "resource 'x' is closed: open it again before the flow runs" in message


def test_kinds_of_arguments_that_do_not_compare(notes):
    class Settings:
        pass

    @resource(name="Thing")
    def made(settings):
        notes.note("up")
        yield settings
        notes.note("down")

    one = made(Settings()).open("x")
    other = made(Settings()).open("x")
    assert (one.state, other.state) == ("closed", "open")
    other.source = "made(Settings())"
    again = made(Settings())
    again.source = "made(Settings())"
    assert SESSION.open(again, "x") is other
    other.close()
