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
    nobody,
    start_time,
    status_by_ids,
    this_process,
)
from tests.ledger.worlds import seen


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
    assert seen(me) == ALIVE


def test_a_stopped_process_is_alive(child):
    os.kill(child.pid, signal.SIGSTOP)
    assert seen(owner_of(child.pid)) == ALIVE


def test_a_zombie_is_dead(child):
    owner = owner_of(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert seen(owner) == DEAD


def test_a_process_that_is_gone_is_dead(child):
    owner = owner_of(child.pid)
    child.kill()
    child.wait()
    assert seen(owner) == DEAD


def test_a_reused_pid_is_dead(child):
    owner = owner_of(child.pid)
    assert seen(owner._replace(started=owner.started - 1)) == DEAD


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"boot": "another"}, DEAD),
        ({"machine": "another"}, ALIVE),
        ({"namespace": "another"}, UNKNOWN),
    ],
)
def test_without_a_lock_one_boot_and_namespace_can_be_told(other, expected):
    assert seen(this_process()._replace(**other)) == expected


def test_without_a_lock_another_machine_cannot_be_told():
    me = this_process()
    assert status_by_ids(me._replace(boot="another"), me, is_shared=True) == UNKNOWN


def test_nobody_is_dead_on_its_machine():
    me = this_process()
    assert status_by_ids(nobody(me), me, is_shared=True) == DEAD
    assert status_by_ids(nobody(me)._replace(machine="another"), me, is_shared=True) == UNKNOWN


def test_text_and_back():
    me = this_process()
    assert from_text(me.to_text()) == me


@pytest.mark.parametrize("text", ["", "[]", "{}", '["a", "b", "c", "4", 5]', "null", "[1]"])
def test_nonsense_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        from_text(text)
