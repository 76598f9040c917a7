"""Ctrl-C at every line of a block's own lines: what is open is cleaned up, and it is raised."""

import signal
import threading

import pytest

from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.held.own_lines import GUARD
from resnb.run.held.resource import HeldResource
from tests.run.held.parts import Notes, interrupting, things
from tests.run.parts import PATIENCE

FILES = ("run/held/resource.py", "run/held/hold.py")


@pytest.fixture
def notes():
    return Notes()


def block(thing):
    with thing("a"):
        pass


def test_at_every_line(notes):
    thing = things(notes)
    block(thing)
    raised = 0
    for at in range(1, 1000):
        notes.clear()
        with interrupting(at, FILES) as trace:
            try:
                block(thing)
            except KeyboardInterrupt:
                raised += 1
        if trace.seen < at:
            break
        assert notes in ([], ["up a", "down a"]), at
        assert KEEPER.alive() == (), at
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, at
    assert 50 < raised <= at


def test_it_stops_a_set_up_at_once(notes):
    class Slow:
        def setup(self):
            notes.note("up")
            signal.raise_signal(signal.SIGINT)
            notes.note("never")

        def cleanup(self, _):
            notes.note("down")

    from resnb import resource

    with pytest.raises(KeyboardInterrupt), resource(Slow)():
        notes.note("never")
    assert notes == ["up"]
    assert KEEPER.alive() == ()


def test_it_cuts_no_clean_up_short(notes):
    class Slow:
        def cleanup(self, _):
            notes.note("down")
            signal.raise_signal(signal.SIGINT)
            notes.note("end")

    from resnb import resource

    with pytest.raises(KeyboardInterrupt), resource(Slow)():
        pass
    assert notes == ["down", "end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_before_the_first_line_of_the_end_is_put_off(notes):
    """A signal that comes during a long operation of C is handled where the next call begins."""
    thing = things(notes)

    class Began:
        f_code = HeldResource.__exit__.__code__
        f_lineno = f_code.co_firstlineno

    def whole():
        with thing("a"):
            GUARD._handle(signal.SIGINT, Began)
            notes.note("block")

    with pytest.raises(KeyboardInterrupt):
        whole()
    assert notes == ["up a", "block", "down a"]
    with pytest.raises(KeyboardInterrupt), thing("b"):
        signal.raise_signal(signal.SIGINT)
    assert notes[3:] == ["up b", "down b"]


def test_nested_blocks_that_end_in_any_order_give_the_handler_back(notes):
    thing = things(notes)

    def values(name):
        with thing(name) as value:
            yield value

    one, two = values("a"), values("b")
    next(one)
    next(two)
    assert signal.getsignal(signal.SIGINT) == GUARD._handle
    one.close()
    two.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_block_that_nobody_can_end_is_cleaned_up(notes):
    used = things(notes)("a")
    used.__enter__()
    (lease,) = KEEPER.alive()
    over = threading.Event()
    lease.thread.hold()
    del used
    lease.thread.submit(over.set)
    lease.thread.close()
    assert over.wait(PATIENCE)
    assert notes == ["up a", "down a"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
