"""The server notices what has ended by its lock, or by its process, and reads no ledger for that."""

import os
import signal
import subprocess
import sys

import pytest

from resnb.ledger.liveness import Presence, new_file
from resnb.server.lock_watch import GRACE, LockWatch
from resnb.server.sweeps import Sweeps
from tests.ledger.holder import ROOT, Holder


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def holder(tmp_path):
    one = Holder(tmp_path)
    yield one
    one.end()


@pytest.fixture
def watch(tmp_path, clock):
    return LockWatch(tmp_path, clock=clock)


def test_what_has_ended_is_due_after_its_reapers_time_and_once(watch, holder, clock):
    assert [watch.is_due() for _ in range(3)] == [False] * 3
    holder.kill()
    assert not watch.is_due()
    clock.now += GRACE
    assert [watch.is_due() for _ in range(2)] == [True] * 2  # until a sweep has seen it
    watch.swept()
    clock.now += 1e6
    assert not watch.is_due()


def test_the_time_of_a_kernels_end_is_remembered(tmp_path, clock, holder):
    pid = holder.process.pid
    kernels = {pid: "kernel", os.getpid(): "this one"}
    watch = LockWatch(tmp_path, lambda: kernels, clock, wall=lambda: 5e9 + clock.now)
    for _ in range(2):
        watch.is_due()
    assert watch.ended_kernels == {}
    holder.kill()
    ended = clock.now
    watch.is_due()
    clock.now += 100
    watch.is_due()
    assert watch.ended_kernels == {pid: 5e9 + ended}


def test_a_stopped_process_has_not_ended(watch, holder, clock):
    os.kill(holder.process.pid, signal.SIGSTOP)
    for _ in range(3):
        clock.now += GRACE
        assert not watch.is_due()


def test_what_ends_before_it_was_looked_at_is_due_all_the_same(watch, holder, clock):
    holder.kill()
    for is_due in (False, False, True):
        assert watch.is_due() is is_due
        clock.now += GRACE


LATE = """
import fcntl, os, sys
fcntl.lockf(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


def test_a_process_that_locks_its_file_late_is_alive(watch, tmp_path, clock):
    path, _ = new_file(tmp_path)
    assert [watch.is_due() for _ in range(2)] == [False] * 2
    late = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LATE, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        late.stdout.readline()
        assert not watch.is_due()
        clock.now += GRACE
        assert not watch.is_due()
    finally:
        late.kill()
        late.communicate()
    assert not watch.is_due()
    clock.now += GRACE
    assert watch.is_due()


def test_an_orderly_end_is_nothing_to_sweep_for(watch, holder, clock):
    watch.is_due()
    holder.tell("presence.release()")
    for _ in range(3):
        assert not watch.is_due()
        clock.now += GRACE


def test_this_process_keeps_its_own_lock(watch, tmp_path, clock):
    presence = Presence(tmp_path)
    try:
        for _ in range(3):
            assert not watch.is_due()
            clock.now += GRACE
        code = f"from resnb.server.lock_watch import *; w = LockWatch(Path({str(tmp_path)!r}))"
        probe = f"{code}; w.is_due(); w.is_due(); print([*w._ended.values()])"
        seen = subprocess.check_output([sys.executable, "-c", probe], text=True, cwd=ROOT)
        assert seen == "[None]\n"  # it is still held
    finally:
        presence.release()


def test_a_kernel_of_the_server_is_watched_by_its_process_where_locks_say_nothing(tmp_path, clock):
    kernel = subprocess.Popen(["sleep", "3600"])
    kernels = {kernel.pid: "k"}
    watch = LockWatch(tmp_path, lambda: kernels, clock)
    try:
        assert [watch.is_due() for _ in range(2)] == [False] * 2
    finally:
        kernel.kill()
        kernel.wait()
    kernels.clear()  # the server has started another one in its place
    assert not watch.is_due()
    clock.now += GRACE
    assert watch.is_due()
    watch.swept()
    assert not watch.is_due()


def test_only_files_that_are_held_are_tried_again(watch, tmp_path, clock, monkeypatch):
    tried = []
    monkeypatch.setattr(
        "resnb.server.lock_watch.is_locked", lambda path, _: tried.append(path.name)
    )
    for _ in range(3):
        new_file(tmp_path)
    assert watch.is_due() is False
    assert tried == []
    watch.is_due()
    assert len(tried) == 3
    watch.is_due()
    assert len(tried) == 3


def test_a_sweep_that_could_not_tell_is_tried_again(watch, holder, clock):
    answers = [True, False, True]
    sweeps = Sweeps(None, watch, 1e9, sweep=lambda: answers.pop(0))
    sweeps._look()  # at the start
    holder.kill()
    sweeps._look()
    clock.now += GRACE
    sweeps._look()
    assert answers == [True]
    sweeps._look()
    assert answers == []
    sweeps._look()
