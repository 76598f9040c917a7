"""What a reaper asks its kernel about a lease that seems idle, and what follows from the answer.

The kernel is the test, at the other end of the socket; the clock is turned by hand.
"""

import json
import socket

import pytest

from resnb.errors import LedgerError
from resnb.ledger.clock import now
from resnb.ledger.liveness import Liveness
from resnb.ledger.owner import ALIVE
from resnb.ledger.reaper import ledger_memory, reaper
from resnb.ledger.reaper.decisions import FENCE_AFTER
from resnb.ledger.store.home import made_private
from resnb.ledger.store.store import Store
from tests.ledger.records import KERNEL, record


class World:
    """A reaper, its kernel and their clock."""

    def __init__(self, home, channel, kernel):
        self.began = self.time = now()
        self.store = Store(home)
        self.fenced = []
        self.kernel = kernel
        kernel.settimeout(0.0)
        self.reaper = reaper.Reaper(self.store, KERNEL, channel)

    def begin(self, **values):
        self.store.add(record(created=self.began, used=self.began, **values))

    def look(self, after=0.0):
        """Let the reaper look `after` so many seconds; gives what it asks."""
        self.time += after
        self.reaper._act()
        try:
            lines = self.kernel.recv(100_000).decode().splitlines()
        except BlockingIOError:
            return []
        return [message[2] for message in map(json.loads, lines) if message[0] == "close"]

    def answer(self, text):
        self.kernel.sendall(f"used {text}\n".encode())
        self.hear()

    def hear(self):
        for key, _ in self.reaper._selector.select(0):
            key.data()

    def is_fenced(self):
        return bool(self.fenced)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(Liveness, "status", lambda *_: ALIVE)
    kernel, channel = socket.socketpair()
    with kernel, channel:
        world = World(made_private(tmp_path / "ledger"), channel, kernel)
        monkeypatch.setattr(reaper, "now", lambda: world.time)
        monkeypatch.setattr(ledger_memory, "now", lambda: world.time)
        monkeypatch.setattr(world.reaper._cleanups, "begin", world.fenced.append)
        yield world
        world.reaper._presence.release()


def test_a_kernel_that_answers_is_asked_again_however_little_later_the_use_was(world):
    world.begin(idle_timeout=1.0)
    assert world.look(1.01) == ["idle"]
    world.answer("a 0.99")
    assert world.look(0.5) == ["idle"]
    for _ in range(20):  # four times as long as a kernel that hangs gets
        world.answer("a 0.99")
        assert world.look(1.0) == ["idle"]
        assert not world.is_fenced()


def test_what_is_in_use_all_the_time_is_asked_about_once_in_its_limit(world):
    world.begin(idle_timeout=4.0)
    assert world.look(4.0) == ["idle"]
    world.answer("a 0.0")
    assert world.look(0.5) == []
    assert world.store.get("a").used == pytest.approx(world.began + 4.0)
    assert world.look(3.3) == []
    assert world.look(0.3) == ["idle"]


def test_a_kernel_that_does_not_answer_is_fenced(world):
    world.begin(idle_timeout=1.0)
    assert world.look(1.0) == ["idle"]
    world.look(FENCE_AFTER - 0.1)
    assert not world.is_fenced()
    world.look(0.1)
    assert world.is_fenced()


def test_what_somebody_asks_for_meanwhile_the_kernel_is_told_too(world):
    world.begin(idle_timeout=1.0)
    assert world.look(1.0) == ["idle"]
    world.store.change("a", request="cleanup")
    world.answer("a 0.5")
    assert world.look(0.5) == ["request"]


def test_an_answer_counts_while_the_ledger_cannot_be_written(world, monkeypatch):
    world.begin(idle_timeout=1.0)
    assert world.look(1.0) == ["idle"]

    def fails(*_, **__):
        raise LedgerError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(world.store, "change", fails)
        full.setattr(world.store, "claim", fails)
        for _ in range(20):
            world.answer("a 0.0")
            world.look(0.9)
            assert not world.is_fenced()
    world.look(0.05)
    assert world.store.get("a").used > world.began + 10.0


def test_a_reaper_that_was_replaced_takes_no_silence_for_an_answer(world):
    world.begin(idle_timeout=1.0)
    assert world.look(1.0) == ["idle"]
    world.kernel.shutdown(socket.SHUT_WR)
    world.hear()
    world.look(FENCE_AFTER + 1.0)
    assert not world.is_fenced()


@pytest.mark.parametrize("text", ["a", "a soon", "", "another 0.1"])
def test_an_answer_that_makes_no_sense_is_none(world, text):
    world.begin(idle_timeout=1.0)
    assert world.look(1.0) == ["idle"]
    world.answer(text)
    world.look(FENCE_AFTER)
    assert world.is_fenced()
