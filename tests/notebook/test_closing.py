# ruff: noqa: T201 - clean-ups print here
"""Closing several leases from a cell: what their clean-ups print does not depend on their pace."""

import sys
import threading

import pytest

from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.notebook.closing import close_unheard
from resnb.run.closing import close
from tests.run.parts import PATIENCE


class Thing:
    """A resource whose clean-up prints when another's has done so."""

    def __init__(self, name, *, after=None, fails=False, stream="stdout"):
        self.name, self.after, self.fails, self.stream = name, after, fails, stream
        self.printed = threading.Event()

    def cleanup(self, _):
        if self.after is not None:
            assert self.after.printed.wait(PATIENCE)
        print(self.name, "ends", file=getattr(sys, self.stream))
        self.printed.set()
        if self.fails:
            raise OSError(self.name)


def opened(*things):
    leases = []
    for one in things:
        thread, over = LeaseThread(), threading.Event()
        lease = KEEPER.prepare(LeaseRequest(f"f/{one.name}", one, thread))
        thread.submit(lambda lease=lease, over=over: (lease.set_up(), over.set()))
        assert over.wait(PATIENCE)
        thread.close()  # from now on the lease alone holds it
        leases.append(lease)
    return leases


@pytest.mark.parametrize("first", ["one", "two"])
def test_the_last_opened_is_heard_first_whichever_is_faster(first, capsys):
    one, two = Thing("one"), Thing("two")
    one.after, two.after = (None, one) if first == "one" else (two, None)
    assert close(opened(one, two)) == []
    assert capsys.readouterr().out == "two ends\none ends\n"


def test_both_streams_are_kept_apart(capsys):
    one, two = Thing("one", stream="stderr"), Thing("two")
    streams = sys.stdout, sys.stderr
    assert close(opened(one, two)) == []
    assert (sys.stdout, sys.stderr) == streams
    assert capsys.readouterr() == ("two ends\n", "one ends\n")


def test_one_alone_is_heard_at_once(capsys):
    assert close(opened(Thing("one"))) == []
    assert capsys.readouterr().out == "one ends\n"


def test_what_fails_is_given_back_and_heard_when_it_is_closed_again(capsys):
    one, two = Thing("one", fails=True), Thing("two")
    left = close(opened(one, two))
    assert [lease.name for lease in left] == ["f/one"]
    assert capsys.readouterr().out == "two ends\none ends\n"
    one.fails = False
    assert close(left) == []
    assert capsys.readouterr().out == "one ends\n"


def test_nothing_to_close():
    assert close([]) == []


def test_what_a_button_closes_is_heard_by_no_cell_but_by_whoever_listens(capsys):
    heard = []
    leases = opened(Thing("one"), Thing("two", stream="stderr"))
    streams = sys.stdout, sys.stderr
    left = close_unheard(leases, lambda lease, text: heard.append((lease.name, text)))
    assert left == []
    assert "".join(text for name, text in heard if name == "f/one") == "one ends\n"
    assert "".join(text for name, text in heard if name == "f/two") == "two ends\n"
    assert capsys.readouterr() == ("", "")
    for lease in leases:
        assert_over(lease.thread)
    assert (sys.stdout, sys.stderr) == streams


def test_what_goes_on_after_the_limit_is_still_heard_by_no_cell(capsys):
    one = Thing("one")
    one.after = other = Thing("other")
    heard, [lease] = [], opened(one)
    assert close_unheard([lease], lambda _, text: heard.append(text), limit=0.01) == [lease]
    other.printed.set()
    assert_over(lease.thread)
    assert "".join(heard) == "one ends\n"
    assert capsys.readouterr() == ("", "")
    print("mine")
    assert capsys.readouterr().out == "mine\n"


def assert_over(thread):
    over = threading.Event()
    thread.submit(over.set)
    assert over.wait(PATIENCE)
