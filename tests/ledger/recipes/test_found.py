"""What stands in for a resource in another process: complete, and honest about what it cannot see."""

import asyncio
import multiprocessing
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from resnb.ledger.kernel.lease import Lease
from resnb.ledger.reaper.cleanup_main import _Lease
from resnb.ledger.recipes import found_objects, found_process, handles
from resnb.ledger.recipes.found_objects import FoundContainer, FoundFolder
from resnb.ledger.recipes.found_process import (
    FoundAsyncPipe,
    FoundAsyncProcess,
    FoundPipe,
    FoundProcess,
    OutOfSightError,
    here,
)
from resnb.ledger.recipes.handles import Ended, EndsWithKernel, FoundLease
from resnb.ledger.recipes.pickling import pickled

OF_THE_KERNEL = {
    "abandon", "around", "began", "catch_up", "changed", "close", "cut_short", "entry", "fence",
    "follow",
    "follow_rehearsal", "forget", "hand_over", "in_use", "is_closed_by_reaper", "is_lost",
    "is_with_reaper", "last_used", "leave", "limits", "look_again", "manager",
    "protection", "release_thread", "resume", "retired", "set_up", "thread", "users",
    "wait_for_reaper", "wait_for_rehearsal", "why_not_kept",
}  # fmt: skip
"""What a lease has for the kernel, and not for the code of a manager."""


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")} | (
        {"__enter__", "__exit__"} & set(dir(thing))
    )


@pytest.fixture
def process():
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(["sleep", "600"], text=True, **options) as one:
        yield one
        one.kill()


def again(value):
    """A value as another process gets it."""
    return pickle.loads(pickled(value).data)


def test_a_found_process_has_all_that_popen_has(process):
    found = again(process)
    assert type(found) is FoundProcess
    unknown = {"pipesize", "encoding", "errors"}  # how its pipes are made
    assert public(process) - public(found) <= unknown
    assert (found.pid, found.args) == (process.pid, ["sleep", "600"])
    assert found.stdin.write("quit\n") == 5
    found.stdin.flush()
    assert (list(found.stdout), found.stdout.read(), found.stderr) == ([], "", None)
    assert found.exitcode is None
    with found, found.stdout:
        found.kill()
        process.wait()
        assert found.communicate("more", timeout=60) == ("", None)
    assert (found.exitcode, found.returncode, found.poll()) == (0, 0, 0)
    assert again(found).args == found.args


def test_a_pipe_has_all_that_code_calls():
    assert {"read", "readline", "readlines", "write", "writelines", "flush", "close"} <= public(
        FoundPipe()
    )
    streams = public(asyncio.StreamReader) & public(asyncio.StreamWriter)
    used = {"read", "readline", "readexactly", "drain", "wait_closed", "at_eof", "write", "close"}
    assert used | streams <= public(FoundAsyncPipe())


def test_a_found_process_has_all_that_one_of_multiprocessing_has():
    process = multiprocessing.get_context("spawn").Process(target=print, name="worker")
    assert public(process) - public(FoundProcess(os.getpid(), 1)) == set()


def test_a_found_process_has_all_that_one_of_asyncio_has():
    async def main():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
        )
        found = again(process)
        assert type(found) is FoundAsyncProcess
        assert public(process) <= public(found)
        found.stdin.write(b"quit\n")
        await found.stdin.drain()
        assert found.returncode is None
        found.terminate()
        await process.wait()
        assert await found.wait() == 0
        assert await found.communicate() == (None, None)

    asyncio.run(main())


def test_a_found_folder_has_all_that_a_temporary_folder_has():
    with tempfile.TemporaryDirectory() as folder:
        made = tempfile.TemporaryDirectory(dir=folder)
        found = again(made)
        assert public(made) <= public(found)
        with found as name:
            assert name == made.name
        assert not list(Path(folder).iterdir())
        made.cleanup()


def test_leases_have_all_that_code_of_managers_may_use():
    wanted = public(Lease) | {"id", "name", "state", "reason"}
    for one in (FoundLease("the-lease", "etl/thing"), _Lease("the-lease", "etl/thing")):
        assert wanted - public(one) <= OF_THE_KERNEL
        assert (one.id, one.name, one.state, one.resource) == (
            "the-lease",
            "etl/thing",
            "closing",
            None,
        )
        assert one.record("whatever") is None


ELSEWHERE = {
    "another container": {"namespace": "pid:[1]"},
    "another machine": {"machine": "other", "boot": "other"},
}


@pytest.fixture(params=ELSEWHERE)
def elsewhere(request, monkeypatch):
    """Moves this process to another place."""

    def move():
        there = here()._replace(**ELSEWHERE[request.param])
        for module in (found_process, found_objects):
            monkeypatch.setattr(module, "here", lambda: there)

    return move


def test_a_process_that_cannot_be_seen_is_not_called_ended(process, elsewhere):
    data = pickled(process).data
    elsewhere()
    found = pickle.loads(data)
    for act in (found.poll, found.kill, found.wait, found.is_alive):
        with pytest.raises(
            OutOfSightError, match=rf"process {process.pid} cannot be seen from here"
        ):
            act()
    assert process.poll() is None


def test_a_folder_that_cannot_be_seen_is_not_called_removed(tmp_path, elsewhere):
    found = FoundFolder(str(tmp_path / "gone"))
    elsewhere()
    with pytest.raises(OutOfSightError, match="cannot be seen from here"):
        found.cleanup()
    (tmp_path / "gone").mkdir()  # a shared one
    found.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_a_boot_is_gone(process, monkeypatch):
    data = pickled(process).data
    there = here()._replace(boot="a later one", namespace="pid:[1]")
    monkeypatch.setattr(found_process, "here", lambda: there)
    monkeypatch.setattr(found_process, "start_time", lambda _: None)
    assert pickle.loads(data).poll() == 0


def test_a_container_of_another_machine_is_not_called_removed(monkeypatch):
    import docker

    class Engine:
        containers = property(lambda self: self)

        def get(self, _):
            raise docker.errors.NotFound("none")

    monkeypatch.setattr(docker, "from_env", Engine)
    found = FoundContainer("0123456789abcdef")
    assert found.remove(force=True) is None
    there = here()._replace(machine="other")
    monkeypatch.setattr(found_objects, "here", lambda: there)
    with pytest.raises(OutOfSightError, match="container 0123456789ab cannot be seen from here"):
        found.remove(force=True)


# ---- what ends with the kernel


def test_what_outlives_its_kernel_is_ended_after_a_grace(process, monkeypatch, capsys):
    monkeypatch.setattr(handles, "GRACE", 0.01)
    left = again(Ended("LocalCluster", [FoundProcess(process.pid, again(process).started)]))
    reaped = []
    monkeypatch.setattr(
        FoundProcess,
        "wait",
        lambda self, timeout=None: reaped.append(timeout) or process.wait(timeout),
    )
    EndsWithKernel().cleanup(left)
    assert process.returncode == -9
    said = f"process {process.pid} of the LocalCluster outlived its kernel: ending it\n"
    assert capsys.readouterr().out == said


def test_what_has_ended_with_its_kernel_is_not_waited_for():
    with Ended("LocalCluster", [FoundProcess(os.getpid(), 1)]) as left:
        left.close()
        left.shutdown()
        assert left.anything() is None
