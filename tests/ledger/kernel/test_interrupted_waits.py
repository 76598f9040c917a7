"""An exception out of a wait for leases to close: the caller comes back, the closing goes on."""

import ctypes
import signal
import threading

import pytest

from tests.ledger.kernel.test_keeper import PATIENCE, Kept
from tests.ledger.things import until


class Alarm(BaseException):
    """What the handler raises."""


class Nested:
    """An inner lease within an outer one; the inner one's clean-up waits to go on."""

    def __init__(self, end_the_wait):
        self.kept, self.go_on = Kept(), threading.Event()

        def cleanup():
            end_the_wait()
            assert self.go_on.wait(PATIENCE)

        outer = self.kept.open("outer")
        inner = self.kept.open("inner", [outer], cleanup=cleanup)
        self.leases = [outer, inner]

    def check(self):
        """The caller has come back; both are closed nevertheless, in their order."""
        assert [one.state for one in self.leases] == ["open", "closing"]
        self.go_on.set()
        until(lambda: self.kept.keeper.alive() == ())
        assert self.kept.story == ["inner", "outer"]


@pytest.fixture(autouse=True)
def _no_hooks(monkeypatch):
    monkeypatch.setattr("resnb.ledger.kernel.process_exit.watch", lambda close_all: None)


@pytest.fixture
def ring(request):
    """Sends a signal to the main thread, whose handler raises an error."""

    def handler(*_):
        raise request.param

    before = signal.signal(signal.SIGUSR1, handler)
    yield lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


ERRORS = [Alarm, KeyboardInterrupt, MemoryError, TimeoutError]


@pytest.mark.parametrize("ring", ERRORS, indirect=True)
@pytest.mark.parametrize("way", ["close", "close_all", "retire"])
def test_the_handler_of_a_signal_raises(ring, way, request):
    nested = Nested(ring)
    keeper = nested.kept.keeper
    ways = {
        "close": lambda: keeper.close(nested.leases),
        "close_all": lambda: keeper.close_all(PATIENCE),
        "retire": lambda: keeper.retire("recipe"),
    }
    if way == "retire":
        for lease in nested.leases:
            keeper.shared("recipe", (lease.name,)).lease = lease
    with pytest.raises(tuple(ERRORS)):
        ways[way]()
    nested.check()


def test_another_thread_injects_an_exception():
    ident, came_out = [], []

    def inject():
        found = ctypes.c_ulong(ident[0])
        ctypes.pythonapi.PyThreadState_SetAsyncExc(found, ctypes.py_object(Alarm))

    nested = Nested(inject)

    def close():
        ident.append(threading.get_ident())
        try:
            nested.kept.keeper.close(nested.leases)
        except Alarm as error:
            came_out.append(error)

    caller = threading.Thread(target=close)
    caller.start()
    caller.join(PATIENCE)
    assert not caller.is_alive()
    assert len(came_out) == 1
    nested.check()


@pytest.mark.parametrize("error", [KeyboardInterrupt, Alarm])
def test_an_interrupt_of_what_is_done_before_closing_is_raised_after_it(error):
    def interrupted():
        raise error

    kept, called = Kept(), []
    kept.open("a")
    kept.keeper.before_closing += [interrupted, lambda: called.append(1)]
    with pytest.raises(error):
        kept.keeper.close_all(PATIENCE)
    assert (called, kept.story) == ([1], ["a"])


@pytest.mark.parametrize("ring", [Alarm], indirect=True)
def test_a_thread_whose_start_was_interrupted_starts_with_the_next_job(ring, monkeypatch):
    from resnb.ledger.kernel.thread import LeaseThread

    start, thread, done = threading.Thread.start, LeaseThread(), threading.Event()

    def interrupted(self):
        monkeypatch.undo()
        ring()  # the handler runs before this thread has begun
        start(self)

    lost = []
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(Alarm):
        thread.submit(lambda: lost.append(1))
    thread.submit(done.set)
    assert done.wait(PATIENCE)
    assert lost == []
    thread.close()
