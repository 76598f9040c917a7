# ruff: noqa: T201 - reprs print here
"""Calls of users' code that hang, fail or print, while somebody only looks."""

import sys
import threading

import pytest

from resnb.errors import TaskCancelled
from resnb.notebook.widget.previews import MOST, Previews, TooSlow

DEADLINE = 60.0


def stuck(previews):
    return sum(not call.over.is_set() for call in previews._stuck.values())


class Waits:
    """Stands in for time: returns at once what the test says, and counts."""

    def __init__(self, *, in_time):
        self.in_time = in_time
        self.count = 0

    def __call__(self, event, seconds):
        self.count += 1
        return event.wait(DEADLINE) if self.in_time else False


class Hangs:
    """A function that goes on until it is let go, whatever it is told."""

    def __init__(self):
        self.let_go = threading.Event()
        self.began = threading.Event()
        self.calls = 0
        self.threads = []

    def __call__(self, value):
        self.calls += 1
        self.threads.append(threading.current_thread())
        self.began.set()
        while True:
            try:
                self.let_go.wait(DEADLINE)
                break
            except TaskCancelled:
                continue
        return value

    def end(self):
        self.let_go.set()
        for one in self.threads:
            one.join(DEADLINE)


@pytest.fixture
def hangs():
    found = Hangs()
    yield found
    found.end()


def test_what_returns_in_time_is_given():
    previews = Previews(wait=Waits(in_time=True))
    assert previews.call(str.upper, "text") == "TEXT"
    assert not stuck(previews)
    with pytest.raises(ZeroDivisionError):
        previews.call(lambda x: x / 0, 1)
    with pytest.raises(KeyboardInterrupt):
        previews.call(lambda _: (_ for _ in ()).throw(KeyboardInterrupt()), 1)


def test_what_hangs_is_given_up_and_not_begun_again(hangs):
    waits = Waits(in_time=False)
    previews, value = Previews(wait=waits), object()
    for _ in range(5):
        with pytest.raises(TooSlow, match="its repr takes too long"):
            previews.call(hangs, value)
    assert hangs.began.wait(DEADLINE)
    assert (hangs.calls, waits.count, stuck(previews)) == (1, 1, 1)
    hangs.end()
    waits.in_time = True
    assert previews.call(str, 3) == "3"
    assert previews.call(hangs, value) is value


def test_only_so_many_are_put_up_with(hangs):
    previews = Previews(wait=Waits(in_time=False))
    for value in [object() for _ in range(MOST)]:
        with pytest.raises(TooSlow, match="too long"):
            previews.call(hangs, value)
    with pytest.raises(TooSlow, match="no preview: those of other values"):
        previews.call(hangs, object())
    assert stuck(previews) == MOST


def test_code_that_runs_in_circles_is_stopped():
    previews = Previews(patience=0.05)
    threads = []

    def circles(_):
        threads.append(threading.current_thread())
        while True:
            pass

    with pytest.raises(TooSlow):
        previews.call(circles, object())
    threads[0].join(DEADLINE)
    assert not threads[0].is_alive()


def test_what_a_repr_prints_goes_nowhere(capsys):
    def prints(value):
        print("from a repr")
        print("error", file=sys.stderr)
        return value

    before = sys.stdout
    assert Previews(wait=Waits(in_time=True)).call(prints, 1) == 1
    assert sys.stdout is before
    assert capsys.readouterr() == ("", "")
