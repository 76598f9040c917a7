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
    """Stands in for time: is over once the call has begun, or when it returns; counts."""

    def __init__(self, begun=None):
        self.begun = begun
        self.count = 0

    def __call__(self, event, seconds):
        self.count += 1
        if self.begun is None:
            return event.wait(DEADLINE)
        assert self.begun.acquire(timeout=DEADLINE)
        return False


class Hangs:
    """A function that goes on until it is let go, whatever it is told."""

    def __init__(self):
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.calls = 0
        self.threads = []

    def __call__(self, value):
        self.calls += 1
        self.threads.append(threading.current_thread())
        is_told = False
        while True:
            try:
                if not is_told:
                    is_told = True
                    self.begun.release()  # from now on it may be told to stop
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
    previews = Previews(wait=Waits())
    assert previews.call(str.upper, "text") == "TEXT"
    assert not stuck(previews)
    with pytest.raises(ZeroDivisionError):
        previews.call(lambda x: x / 0, 1)
    with pytest.raises(KeyboardInterrupt):
        previews.call(lambda _: (_ for _ in ()).throw(KeyboardInterrupt()), 1)


def test_what_hangs_is_given_up_and_not_begun_again(hangs):
    waits = Waits(hangs.begun)
    previews, value = Previews(wait=waits), object()
    for _ in range(5):
        with pytest.raises(TooSlow, match="its repr takes too long"):
            previews.call(hangs, value)
    assert (hangs.calls, waits.count, stuck(previews)) == (1, 1, 1)
    hangs.end()
    waits.begun = None
    assert previews.call(str, 3) == "3"
    assert previews.call(hangs, value) is value


def test_only_so_many_are_put_up_with(hangs):
    previews = Previews(wait=Waits(hangs.begun))
    for value in [object() for _ in range(MOST)]:
        with pytest.raises(TooSlow, match="too long"):
            previews.call(hangs, value)
    with pytest.raises(TooSlow, match="no preview: those of other values"):
        previews.call(hangs, object())
    assert stuck(previews) == MOST


def test_code_that_runs_in_circles_is_stopped():
    begun = threading.Semaphore(0)
    previews = Previews(wait=Waits(begun))
    threads = []

    def circles(_):
        threads.append(threading.current_thread())
        begun.release()
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
    assert Previews(wait=Waits()).call(prints, 1) == 1
    assert sys.stdout is before
    assert capsys.readouterr() == ("", "")
