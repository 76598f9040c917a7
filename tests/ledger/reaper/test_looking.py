"""What an interrupted set-up may have made is looked for, for as long as it may still come."""

import threading

import pytest

from resnb.ledger.clock import now
from resnb.ledger.reaper import decisions
from resnb.ledger.reaper.decisions import LOOKING, claimed_at
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.store.home import made_private
from resnb.ledger.store.store import Store
from tests.ledger.reaper.test_sweeps import left_by_a_dead_kernel
from tests.ledger.recipes.recipes import Late, Many, Stays
from tests.ledger.things import until


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(decisions, "FIRST_LOOK", 0.1)
    return made_private(tmp_path / "ledger")


def half_made(home, path, find_for, recipe=Late):
    """A lease whose set-up was interrupted; somebody looks for what it made until that ends."""
    one = left_by_a_dead_kernel(recipe(str(path)), None)
    Store(home).add(one._replace(handle=None, can_find=True, find_for=find_for, state="opening"))

    def look():
        store = Store(home, kept=True)
        Reaper(store).run()
        store.let_go()

    thread = threading.Thread(target=look)
    thread.start()
    return thread


def is_looked_for(store):
    (one,) = store.alive()
    return one.state == "closing" and one.claimant is None and one.reason


def test_what_is_made_long_after_the_first_look_is_found(home, tmp_path):
    thing = tmp_path / "thing"
    reaper = half_made(home, thing, 600.0)
    store = Store(home)
    assert until(lambda: is_looked_for(store)) == LOOKING
    thing.touch()
    until(lambda: not thing.exists())
    assert until(lambda: is_looked_for(store)) == f"cleaned up what was found, and {LOOKING}"
    (one,) = store.alive()
    store.change(one.id, find_for=0.5)  # which is over by the next look
    reaper.join()
    (one,) = store.history()
    assert one.reason == "cleaned up by the reaper"


def test_in_the_end_it_says_that_nothing_was_found_in_that_time(home, tmp_path):
    half_made(home, tmp_path / "thing", 2.0).join()
    (one,) = Store(home).history()
    assert one.reason == "nothing was found in 2 s"


def test_what_is_still_found_after_its_clean_up_is_cleaned_up_after_growing_pauses(home, tmp_path):
    cleaned = tmp_path / "cleaned"
    reaper = half_made(home, cleaned, 600.0, Stays)
    store = Store(home)
    tries, pauses = [], []
    for number in (1, 2):
        until(lambda: is_looked_for(store) and store.alive()[0].tries >= number)  # noqa: B023
        (one,) = store.alive()
        tries.append(one.tries)
        pauses.append(one.next_try - claimed_at(one))
        store.change(one.id, next_try=now(), find_for=600.0 if number < 2 else 0.0)
    reaper.join()
    assert tries == [1, 2]
    assert all(pause >= 2**number for number, pause in zip(tries, pauses, strict=True))
    assert len(cleaned.read_text()) <= 8


def test_of_many_things_each_is_found_however_short_the_look_is(home, tmp_path):
    things = tmp_path / "things"
    things.mkdir()
    for number in range(30):
        (things / str(number)).touch()
    half_made(home, things, 0.05, Many).join()
    assert not list(things.iterdir())
    (one,) = Store(home).history()
    assert one.reason == "cleaned up by the reaper"
