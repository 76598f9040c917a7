"""Who holds a lease: reused pids, zombies, stopped processes, other boots and namespaces."""

import os
import signal
import subprocess
import sys

import pytest

from resnb.ledger.owner import (
    ALIVE,
    DEAD,
    UNKNOWN,
    from_text,
    start_time,
    status,
    this_process,
)


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.stdin.close()
    process.wait()


def owner_of(pid):
    return this_process()._replace(pid=pid, started=start_time(pid))


def test_this_process_is_alive():
    me = this_process()
    assert me.pid == os.getpid()
    assert status(me, me) == ALIVE


def test_a_stopped_process_is_alive(child):
    os.kill(child.pid, signal.SIGSTOP)
    assert status(owner_of(child.pid), this_process()) == ALIVE


def test_a_zombie_is_dead(child):
    owner = owner_of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert status(owner, this_process()) == DEAD


def test_a_process_that_is_gone_is_dead(child):
    owner = owner_of(child.pid)
    child.kill()
    child.wait()
    assert status(owner, this_process()) == DEAD


def test_a_reused_pid_is_dead(child):
    owner = owner_of(child.pid)
    assert status(owner._replace(started=owner.started - 1), this_process()) == DEAD


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"boot": "another"}, DEAD),
        ({"machine": "another"}, UNKNOWN),
        ({"machine": "another", "boot": "another"}, UNKNOWN),
        ({"namespace": "another"}, UNKNOWN),
    ],
)
def test_what_cannot_be_seen_is_unknown(other, expected):
    me = this_process()
    assert status(me._replace(**other), me) == expected


def test_text_and_back():
    me = this_process()
    assert from_text(me.to_text()) == me


@pytest.mark.parametrize("text", ["", "[]", "{}", '["a", "b", "c", "4", 5]', "null", "[1]"])
def test_nonsense_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        from_text(text)
