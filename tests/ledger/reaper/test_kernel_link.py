"""Whether a reaper can tell by a lock that its kernel is alive."""

import itertools
import time

import pytest

from resnb.ledger.liveness import Presence
from resnb.ledger.owner import ALIVE, DEAD
from resnb.ledger.reaper import kernel_link
from resnb.ledger.reaper.kernel_link import is_seen


@pytest.fixture
def kernel(tmp_path):
    presence = Presence(tmp_path)
    yield presence.owner
    presence.release()


def statuses(monkeypatch, *some):
    """What the system says of the kernel, one look after the other; the last one stays."""
    left = list(some)

    def said(*_, **__):
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(kernel_link, "status_by_ids", said)


def test_a_lock_that_is_held_is_seen(tmp_path, kernel, monkeypatch):
    monkeypatch.setattr(kernel_link, "is_locked", lambda *_: True)
    statuses(monkeypatch, ALIVE)
    assert is_seen(kernel, tmp_path)


def test_a_kernel_that_is_being_killed_has_let_go_of_its_lock_before_it_is_dead(
    tmp_path, kernel, monkeypatch
):
    monkeypatch.setattr(kernel_link, "is_locked", lambda *_: False)
    statuses(monkeypatch, *[ALIVE] * 20, DEAD)
    assert is_seen(kernel, tmp_path)


def test_one_that_is_slow_to_look_does_not_take_that_for_time_that_was_given(
    tmp_path, kernel, monkeypatch
):
    """A process that stands still on a busy machine has not looked meanwhile."""
    monkeypatch.setattr(kernel_link, "is_locked", lambda *_: False)
    monkeypatch.setattr(time, "monotonic", itertools.count(step=1000.0).__next__)
    statuses(monkeypatch, ALIVE, ALIVE, ALIVE, DEAD)
    assert is_seen(kernel, tmp_path)


def test_a_lock_that_is_free_although_its_kernel_lives_on_tells_nothing(
    tmp_path, kernel, monkeypatch
):
    monkeypatch.setattr(kernel_link, "is_locked", lambda *_: False)
    monkeypatch.setattr(kernel_link, "_LOOKS", 5)
    statuses(monkeypatch, ALIVE)
    assert not is_seen(kernel, tmp_path)


def test_a_lock_that_cannot_be_looked_at_is_not_waited_for(tmp_path, kernel, monkeypatch):
    def fails(*_):
        raise OSError

    monkeypatch.setattr(kernel_link, "is_locked", fails)
    statuses(monkeypatch, ALIVE, DEAD)
    assert not is_seen(kernel, tmp_path)
