"""The steps of a lease, which are the same wherever it is kept."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnb.ledger.store import sqlite_file
from resnb.ledger.store import store as storing
from resnb.ledger.store.store import Store
from tests.ledger.records import KERNEL, REAPER, record

ROOT = Path(__file__).parents[3]
OTHER = KERNEL._replace(pid=5000)


def never(_):
    return False


@pytest.fixture
def store(ledger):
    return ledger.store()


def test_what_is_added_can_be_read_by_another_store(ledger, store):
    one = record(around=("x",), ttl=5.0, keep_until=6.0, claimant=REAPER, dies_with_kernel=True)
    store.add(one)
    assert ledger.store().get("a") == one
    assert store.alive(KERNEL) == [one]
    assert store.alive(REAPER) == []


def test_leases_are_listed_oldest_first(store):
    for lease, created in (("b", 2.0), ("c", 3.0), ("a", 1.0)):
        store.add(record(lease, created=created))
    assert [one.id for one in store.alive()] == ["a", "b", "c"]


def test_alone_a_lease_is_added_only_if_nobody_else_holds_one_like_it(store):
    mine = record("mine", owner=OTHER, key="k")
    store.add(record("theirs", key="k", state="kept"))
    assert not store.add(mine, alone=True)
    assert store.get("mine") is None
    assert store.add(record("unlike", owner=OTHER, key="another"), alone=True)
    assert store.add(record("without", owner=OTHER), alone=True)
    store.close("theirs", 3000.0)
    assert store.add(mine, alone=True)
    assert store.add(record("again", owner=OTHER, key="k"), alone=True)  # a kernel knows its own
    assert store.add(record("theirs again", key="k"))


def test_closing_erases_recipe_and_handle_and_keeps_the_history(store):
    store.add(record())
    assert store.close("a", 3000.0, "cleaned up")
    assert store.alive() == []
    (closed,) = store.history()
    assert (closed.recipe, closed.handle, closed.ended) == (b"", None, 3000.0)


def test_closing_twice_is_closing_once(store):
    store.add(record())
    for _ in range(2):
        assert store.close("a", 3000.0, "cleaned up")
    assert not store.close("nothing", 3000.0)
    assert [one.id for one in store.history()] == ["a"]


def test_what_is_closed_stays_so_whoever_writes_late(store):
    store.add(record())
    assert store.change("a", reason="x")
    store.close("a", 3000.0, "cleaned up")
    assert not store.change("a", state="failed", reason="too late", claimant=None)
    assert not store.change("nothing", reason="x")
    assert not store.open("a", KERNEL, reason="x")
    assert not store.adopt("a", OTHER, KERNEL)
    (closed,) = store.history()
    assert (closed.state, closed.reason) == ("closed", "cleaned up")


def test_history_is_pruned(store):
    store.add(record("old"))
    store.close("old", 1.0)
    store.add(record("new"))
    store.close("new", 2.0 + storing.KEPT_HISTORY)
    assert [one.id for one in store.history()] == ["new"]


def test_a_claim_is_exclusive_until_the_claimant_is_gone(store):
    store.add(record())
    assert store.claim("a", REAPER, never)
    assert store.claim("a", REAPER, never)
    assert not store.claim("a", KERNEL, never)
    assert store.claim("a", KERNEL, lambda other: other == REAPER)
    store.close("a", 1.0)
    assert not store.claim("a", KERNEL, lambda _: True)
    assert not store.claim("nothing", KERNEL, lambda _: True)


def test_a_lease_is_claimed_for_its_owner_or_not_at_all(store):
    store.add(record())
    assert not store.claim("a", OTHER, never, owner=OTHER)
    assert store.get("a") == record()
    assert store.claim("a", KERNEL, never, owner=KERNEL)


def test_a_claim_holds_as_long_as_claimant_or_cleaner_is_there(store):
    store.add(record())
    assert store.claim("a", REAPER, never)
    assert store.change("a", REAPER, cleaner=OTHER)
    assert not store.claim("a", KERNEL, lambda other: other == REAPER)
    assert store.claim("a", KERNEL, lambda other: other in (REAPER, OTHER))


def test_of_eight_at_once_one_gets_the_claim(ledger, store, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT", 60.0)
    store.add(record())
    barrier, got = threading.Barrier(8), []

    def claim(number):
        mine = ledger.store()
        barrier.wait()
        if mine.claim("a", KERNEL._replace(pid=number), never):
            got.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


CLAIMS = """
import random
import sys
from pathlib import Path
from resnb.ledger.store import sqlite_file
from resnb.ledger.store.choice import open_store
from tests.ledger.records import KERNEL

sqlite_file.KEPT_TIMEOUT = 60.0  # whoever writes may stand still for a while
number = int(sys.argv[2])
store = open_store(Path(sys.argv[1]), kept=True)
store.alive()
leases = [f"{lease}" for lease in range(20)]
random.Random(number).shuffle(leases)
sys.stdin.readline()
for lease in leases:
    if store.claim(lease, KERNEL._replace(pid=number + 1), lambda _: False):
        print(lease)
store.let_go()
"""


def test_of_many_processes_one_gets_each_claim(ledger, store):
    store.restore(record(f"{lease}") for lease in range(20))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMS, str(ledger.home), f"{number}"],
            cwd=ROOT,
            env=ledger.variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    won = [process.communicate()[0].split() for process in processes]
    assert sorted(int(one) for leases in won for one in leases) == list(range(20))
    for number, leases in enumerate(won):
        assert {store.get(one).claimant.pid for one in leases} <= {number + 1}


def test_set_up_returns_into_the_hands_of_its_owner_only(store):
    store.add(record(state="opening"))
    assert not store.open("a", OTHER, reason="not mine")
    assert store.open("a", KERNEL, handle=b"new")
    assert store.open("a", KERNEL, handle=b"new")  # whose answer was lost
    assert store.get("a")[2:] == record(handle=b"new")[2:]
    assert store.claim("a", REAPER, never)
    assert not store.open("a", KERNEL, reason="too late")


def test_set_up_returns_while_its_owner_gives_up(store):
    store.add(record(state="opening"))
    assert store.claim("a", KERNEL, never)
    assert store.open("a", KERNEL, handle=b"new")
    assert (store.get("a").state, store.get("a").handle) == ("closing", b"new")


def test_a_lease_is_adopted_from_whom_one_thinks(store):
    store.add(record(state="kept", key="k"))
    assert [one.id for one in store.with_key("k")] == ["a"]
    assert not store.adopt("a", OTHER, REAPER)
    assert store.adopt("a", OTHER, KERNEL, state="open")
    assert not store.adopt("a", REAPER, KERNEL)
    assert [one.state for one in store.with_key("k")] == ["open"]
    assert store.get("a").owner == OTHER
    assert store.change("a", OTHER, reason="mine")
    assert not store.change("a", KERNEL, reason="no more")


def test_who_holds_a_lease_may_write(store):
    store.add(record())
    assert store.change("a", KERNEL, used=2.0)
    assert not store.change("a", REAPER, used=3.0)
    assert store.claim("a", REAPER, never)
    assert not store.change("a", KERNEL, used=4.0)
    assert store.change("a", REAPER, reason="mine")
    assert not store.close("a", 5.0, by=KERNEL)
    assert store.change("a", reason="asked for by somebody else")
    assert store.close("a", 5.0, by=REAPER)


def test_what_was_lost_is_restored_and_nothing_else(store):
    store.add(record("a", reason="newer"))
    store.restore([record("a"), record("b", state="closing", claimant=REAPER)])
    store.restore([])
    assert [one.reason for one in store.alive()] == ["newer", ""]


@pytest.mark.parametrize("strange", ["a\udcffb", "a\0b", "é\n'\"%s:x?"])
def test_what_is_no_text_is_kept_as_text(store, strange):
    store.add(record(name=strange, key=strange, notebook=strange, state="kept"))
    assert store.change("a", reason=strange)
    (found,) = store.with_key(strange)
    assert found.reason == found.name == found.key
    assert found.name in (strange, strange.replace("\0", "\\0"), "a\\udcffb")


def test_a_mark_is_another_one_as_soon_as_somebody_else_has_written(ledger, store):
    other = ledger.store(kept=True)
    marks = [other.mark()]
    store.add(record())
    marks.append(other.mark())
    store.alive()
    assert other.mark() == marks[-1]
    store.change("a", reason="x")
    marks.append(other.mark())
    store.close("a", 1.0)
    marks.append(other.mark())
    assert len(set(marks)) == 4
    other.let_go()


def test_a_step_that_breaks_off_holds_up_nobody(ledger, store):
    kept = ledger.store(kept=True)
    kept.add(record())

    def broken(_):
        raise KeyError

    assert kept.claim("a", KERNEL, broken)
    with pytest.raises(KeyError):
        kept.claim("a", OTHER, broken)
    assert store.change("a", reason="x")
    assert kept.get("a").tries == 1
    kept.let_go()


LEASES = st.sampled_from("ab")
OWNERS = st.sampled_from((KERNEL, OTHER, REAPER))
STATES = st.sampled_from(("opening", "open", "failed", "kept"))
STEPS = st.one_of(
    st.tuples(st.just("claim"), LEASES, OWNERS, st.sampled_from((never, lambda _: True))),
    st.tuples(st.just("open"), LEASES, OWNERS),
    st.tuples(st.just("adopt"), LEASES, OWNERS, OWNERS),
    st.tuples(st.just("change"), LEASES, st.none() | OWNERS, STATES, st.none()),  # as all do
    st.tuples(st.just("close"), LEASES, st.just(1000.0), st.just("x"), st.none() | OWNERS),
)


def taken(store, step):
    name, lease, *rest = step
    if name == "change":
        by, state, claimant = rest
        return store.change(lease, by, state=state, claimant=claimant)
    return getattr(store, name)(lease, *rest)


@pytest.fixture(scope="module")
def time_stands_still():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resnb.ledger.store.store.time_now", lambda: 1000.0)
        yield


@settings(max_examples=15)
@given(steps=st.lists(STEPS, max_size=6))
def test_both_kinds_of_store_do_the_same(
    running_server, tmp_path_factory, time_stands_still, steps
):
    """But that a lease, once it is taken from an owner who renews, is never that owner's again."""
    running_server.empty()
    home = tmp_path_factory.mktemp("pair")
    pair = (Store(home, kept=True), running_server.store(home, kept=True))
    try:
        for store in pair:
            store.restore([record("a", state="opening"), record("b")])
        taken_from = set()
        for step in steps:
            before = pair[0].get(step[1])
            answers = [taken(store, step) for store in pair]
            if step[0] == "claim" and answers[0] and before.owner != step[2]:
                taken_from.add(step[1])
            if answers[0] and not answers[1] and step[1] in taken_from:
                return
            assert answers[0] == answers[1], step
            assert pair[0].alive() == pair[1].alive()
            assert pair[0].history() == pair[1].history()
    finally:
        for store in pair:
            store.let_go()
