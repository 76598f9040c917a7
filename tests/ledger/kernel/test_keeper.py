"""The keeper: in which order leases close, within which budget, and who holds up whom."""

import threading

import pytest

from resnb.errors import TaskCancelled
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.reaper_client import ReaperMessage
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from tests.ledger.no_book import NoBook, NoEntry
from tests.ledger.things import until

PATIENCE = 60.0


class Manager:
    def __init__(self, story, name, cleanup=None):
        self.story, self.name, self._cleanup = story, name, cleanup

    def setup(self):
        return self.name

    def cleanup(self, resource):
        if self._cleanup is not None:
            self._cleanup()
        self.story.append(resource)


class Kept:
    """A keeper of its own, whose leases are opened on their threads."""

    def __init__(self):
        self.keeper, self.story, self.threads = Keeper(NoBook), [], []

    def open(self, name, around=(), cleanup=None) -> Lease:
        thread = LeaseThread()
        manager = Manager(self.story, name, cleanup)
        lease = self.keeper.prepare(LeaseRequest(name, manager, thread, tuple(around)))
        opened = threading.Event()
        thread.submit(lambda: (lease.set_up(), opened.set()))
        assert opened.wait(PATIENCE)
        thread.close()
        return lease


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr("resnb.ledger.kernel.process_exit.watch", lambda close_all: None)
    return Kept()


def test_what_is_looked_for_stays_in_the_list_until_the_reaper_has_closed_it(kept):
    lease = kept.open("one")
    lease.entry = NoEntry()
    lease.entry.mark_closed = lambda **_: "looking"
    lease.entry.is_listed = lambda: True
    kept.keeper.close([lease])
    assert kept.keeper.alive() == ()
    assert kept.keeper.left_over() == [lease]
    for state in ("closing", "failed"):
        kept.keeper.on_message(ReaperMessage("state", lease.id, state, ""))
        assert kept.keeper.left_over() == [lease]
    kept.keeper.on_message(ReaperMessage("state", lease.id, "closed", "nothing was found"))
    assert (kept.keeper.left_over(), lease.left_as) == ([], "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TaskCancelled(), "its code did not return within its time limit"),
        (ValueError(), "ValueError"),
        (ValueError("no"), "ValueError: no"),
    ],
)
def test_a_clean_up_that_has_failed_says_why(kept, error, reason):
    def fails():
        raise error

    lease = kept.open("one", cleanup=fails)
    assert kept.keeper.close([lease]) == [lease]
    assert (lease.state, lease.reason) == ("failed", reason)
    lease.forget("")


def test_inner_leases_close_before_outer_ones(kept):
    outer = kept.open("outer")
    middle = kept.open("middle", [outer])
    kept.open("inner", [middle, outer])
    assert kept.keeper.close_all(PATIENCE) == []
    assert kept.story == ["inner", "middle", "outer"]
    assert kept.keeper.alive() == ()


def test_leases_side_by_side_close_at_the_same_time(kept):
    meeting = threading.Barrier(4, timeout=PATIENCE)
    for name in "abcd":
        kept.open(name, cleanup=meeting.wait)
    assert kept.keeper.close_all(PATIENCE) == []
    assert sorted(kept.story) == list("abcd")


def test_one_that_hangs_holds_up_only_what_depends_on_it(kept):
    go_on, others = threading.Event(), threading.Barrier(3, timeout=PATIENCE)
    outer = kept.open("outer")
    hanging = kept.open("hanging", [outer], cleanup=go_on.wait)
    beside = [kept.open(name, cleanup=others.wait) for name in "ab"]
    left = []
    closing = threading.Thread(target=lambda: left.extend(kept.keeper.close_all(0.5)))
    closing.start()
    others.wait()
    closing.join(PATIENCE)
    assert {hanging, outer} <= {*left}  # on a slow machine those beside them, too
    until(lambda: [one.state for one in beside] == ["closed"] * 2)
    assert (hanging.state, outer.state) == ("closing", "open")
    go_on.set()
    assert kept.keeper.close_all(PATIENCE) == []
    assert kept.story[-2:] == ["hanging", "outer"]


def test_one_that_fails_holds_up_nobody_and_stays_listed(kept):
    failing = [True]

    def fails():
        if failing:
            raise OSError("stuck")

    outer = kept.open("outer")
    inner = kept.open("inner", [outer], cleanup=fails)
    assert kept.keeper.close_all(PATIENCE) == [inner]
    assert (inner.state, inner.reason) == ("failed", "OSError: stuck")
    assert kept.story == ["outer"]
    failing.clear()
    assert kept.keeper.close_all(PATIENCE) == []
    assert kept.story == ["outer", "inner"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_who_waits_for_the_end_learns_that_it_broke_off(kept, monkeypatch):
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    lease = kept.open("one")

    def none_left(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("resnb.ledger.kernel.closing_order.close_on_its_thread", none_left)
        assert kept.keeper.close_all(PATIENCE) == [lease]
    assert kept.keeper.close_all(PATIENCE) == []


def test_closing_what_is_closed_does_nothing(kept):
    lease = kept.open("a")
    for _ in range(3):
        assert kept.keeper.close([lease]) == []
    assert kept.story == ["a"]


def test_a_lease_may_be_closed_from_its_own_thread(kept):
    lease, over = kept.open("a"), threading.Event()
    lease.thread.submit(lambda: (kept.keeper.close([lease]), over.set()))
    assert over.wait(PATIENCE)
    assert kept.story == ["a"]


def test_several_who_close_at_once_clean_up_once(kept):
    lease = kept.open("a")
    closing = [threading.Thread(target=kept.keeper.close, args=([lease],)) for _ in range(8)]
    for one in closing:
        one.start()
    for one in closing:
        one.join(PATIENCE)
    assert kept.story == ["a"]


def test_what_is_to_be_done_before_closing_may_fail(kept):
    kept.open("a")
    called = []
    kept.keeper.before_closing += [lambda: 1 / 0, lambda: called.append(1)]
    assert kept.keeper.close_all(PATIENCE) == []
    assert (called, kept.story) == ([1], ["a"])


def test_shared_entries_are_found_by_recipe_and_arguments(kept):
    class Odd:
        def __eq__(self, other):
            raise TypeError

        __hash__ = None

    keeper, odd = kept.keeper, Odd()
    entry = keeper.shared(Manager, ((1,), {}))
    assert keeper.shared(Manager, ((1,), {})) is entry
    assert keeper.shared(Manager, ((2,), {})) is not entry
    assert keeper.shared(Kept, ((1,), {})) is not entry
    other = keeper.shared(Manager, odd)
    assert keeper.shared(Manager, odd) is not entry
    keeper.unshare(entry)
    keeper.unshare(other)
    assert keeper.shared(Manager, ((1,), {})) is not entry


def test_a_forked_child_starts_anew(kept):
    lease = kept.open("a")
    other = Keeper(NoBook)
    other._leases[lease.id] = lease
    other.before_closing.append(print)
    other.forget()
    assert (other.alive(), other.before_closing) == ((), [])
    kept.keeper.close_all(PATIENCE)


def test_a_job_is_never_lost():
    thread, done = LeaseThread(), threading.Semaphore(0)
    thread.submit(done.release)
    thread.close()
    for _ in range(100):
        thread.submit(done.release)
    for _ in range(101):
        assert done.acquire(timeout=PATIENCE)


def test_a_thread_that_is_held_twice_ends_with_the_last(kept):
    thread, idents = LeaseThread(), []
    done = threading.Semaphore(0)

    def job():
        idents.append(threading.get_ident())
        done.release()

    thread.hold()
    thread.submit(job)
    thread.close()
    thread.submit(job)
    assert done.acquire(timeout=PATIENCE)
    assert done.acquire(timeout=PATIENCE)
    assert len(set(idents)) == 1
    thread.close()


def test_jobs_behind_one_that_hangs_move_to_the_thread_in_its_place():
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()
    thread = LeaseThread()
    thread.submit(lambda: (began.set(), go_on.wait()))
    thread.submit(done.set)
    assert began.wait(PATIENCE)
    fresh = thread.replaced()
    assert done.wait(PATIENCE)
    go_on.set()
    fresh.close()


def test_where_no_thread_can_be_started_jobs_run_here(monkeypatch):
    def refuses(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    thread, done = LeaseThread(), []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuses)
        thread.submit(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()]
    thread.close()
