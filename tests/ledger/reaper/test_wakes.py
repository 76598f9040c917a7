"""While a clean-up runs, the reaper sleeps until its pipe, its end or a limit wakes it."""

import os

import pytest

from resnb.ledger.reaper import reaper
from resnb.ledger.store.home import made_private
from resnb.ledger.store.store import Store
from tests.ledger.reaper.test_sweeps import left_by_a_dead_kernel
from tests.ledger.recipes.recipes import Waits

LONG = 0.4
"""A wait that is not one of many, in seconds."""


@pytest.mark.parametrize("wakes", ["the end of its process", "the end of its pipe"])
def test_a_clean_up_that_takes_its_time_is_not_polled(tmp_path, monkeypatch, wakes):
    monkeypatch.setattr(reaper, "LOOK_EVERY", 1000.0)
    if wakes == "the end of its pipe":
        monkeypatch.delattr(os, "pidfd_open")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    store = Store(made_private(tmp_path / "ledger"))
    store.add(left_by_a_dead_kernel(Waits(), str(pipe)))
    one = reaper.Reaper(store)
    select, waits = one._selector.select, []

    def watched(timeout):
        running = one._cleanups.running.values()
        is_on = any(one._has_order and one._report in one._watched for one in running)
        if is_on and timeout and not waits:
            pipe.write_text("go on")
        if is_on and timeout:
            waits.append(timeout)
        return select(timeout)

    one._selector.select = watched
    one.run()
    assert store.alive() == []
    assert not pipe.exists()
    assert waits
    assert min(waits) >= LONG
