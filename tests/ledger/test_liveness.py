"""Who is alive: a process's lock answers, whatever its ids say and wherever one looks from."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resnb.ledger.liveness import (
    SECOND_LOOK,
    UNUSED_AFTER,
    Liveness,
    Presence,
    folder_of,
    remove_unused,
    wait_until_free,
)
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN, from_text, this_process
from tests.ledger.holder import Holder
from tests.ledger.records import record

ROOT = Path(__file__).parents[2]
UNSHARE = shutil.which("unshare")


@pytest.fixture
def holding(tmp_path):
    holders = []

    def start(**options):
        holders.append(Holder(tmp_path, **options))
        return holders[-1]

    yield start
    for one in holders:
        one.end()


def elsewhere(owner):
    """`owner`, whose ids are those of a machine and namespace that nobody here knows."""
    return owner._replace(machine="another", boot="another", namespace="another", pid=1, started=1)


def looking(home, *, is_shared=False, **options):
    return Liveness(home, is_shared=is_shared, **options)


@pytest.fixture(params=["as it is", "as if elsewhere"])
def seen(request):
    """The lock answers the same, whether the ids can be looked up here or not."""
    return (lambda owner: owner) if request.param == "as it is" else elsewhere


def test_a_process_is_alive_as_long_as_it_holds_its_lock(tmp_path, holding, seen):
    one = holding()
    assert looking(tmp_path).status(seen(one.owner)) == ALIVE
    one.kill()
    assert looking(tmp_path).status(seen(one.owner)) == DEAD


def test_a_stopped_process_is_alive(tmp_path, holding, seen):
    one = holding()
    one.process.send_signal(signal.SIGSTOP)
    assert looking(tmp_path).status(seen(one.owner)) == ALIVE


def test_a_zombie_is_dead(tmp_path, holding, seen):
    one = holding()
    one.process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, one.process.pid, os.WEXITED | os.WNOWAIT)
    assert looking(tmp_path).status(seen(one.owner)) == DEAD


def test_a_fork_neither_holds_the_lock_nor_releases_it(tmp_path, holding):
    one = holding()
    one.tell(
        "end, keep = os.pipe(); child = os.fork(); child or (os.close(keep), os.read(end, 1), os._exit(0))"
    )
    assert looking(tmp_path).status(one.owner) == ALIVE
    one.tell("other = os.fork(); other or (presence.release(), os._exit(0)); os.waitpid(other, 0)")
    assert looking(tmp_path).status(one.owner) == ALIVE
    one.kill()  # and the first child, which has the descriptor, lives on until its pipe ends
    assert looking(tmp_path).status(one.owner) == DEAD


def test_exec_ends_the_process_that_held_the_lock(tmp_path, holding, seen):
    one = holding()
    code = "print('new', flush=True); input()"
    one.process.stdin.write(f"os.execv({sys.executable!r}, ['python', '-c', {code!r}])\n")
    one.process.stdin.flush()
    assert one.process.stdout.readline() == "new\n"
    assert looking(tmp_path).status(seen(one.owner)) == DEAD


@pytest.mark.skipif(UNSHARE is None or os.geteuid() != 0, reason="needs root and unshare")
@pytest.mark.parametrize("proc", [["--mount-proc"], []], ids=["own /proc", "foreign /proc"])
def test_another_pid_namespace_is_seen_from_here(tmp_path, holding, proc):
    one = holding(before=[UNSHARE, "--fork", "--pid", "--kill-child", *proc])
    assert one.owner.pid != one.process.pid
    assert looking(tmp_path).status(one.owner) == ALIVE
    one.kill()  # which the system tells the namespace's first process a moment later
    wait_until_free(folder_of(tmp_path) / one.owner.lock.name)
    assert looking(tmp_path).status(one.owner) == DEAD


def test_this_process_is_alive_and_never_opens_its_own_file(tmp_path):
    presence = Presence(tmp_path)
    try:
        look = looking(tmp_path).status
        assert look(presence.owner) == ALIVE
        assert seen_by_another(tmp_path, presence.owner) == ALIVE  # so the look has kept the lock
    finally:
        presence.release()
    assert list(folder_of(tmp_path).iterdir()) == []


def seen_by_another(home, owner):
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from resnb.ledger.liveness import Liveness
from resnb.ledger.owner import from_text
print(Liveness(Path({str(home)!r}), is_shared=False).status(from_text({owner.to_text()!r})))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_several_who_look_do_not_get_into_each_others_way(tmp_path, holding):
    one = holding()
    one.kill()
    path = folder_of(tmp_path) / one.owner.lock.name
    with path.open("rb+") as file:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_SH)  # another one that looks just now
        assert seen_by_another(tmp_path, one.owner) == DEAD


@pytest.mark.parametrize("loss", ["gone", "replaced"])
def test_where_the_lock_says_nothing_ids_decide_on_this_machine_alone(tmp_path, holding, loss):
    one = holding()
    path = folder_of(tmp_path) / one.owner.lock.name
    path.rename(tmp_path / "old")
    if loss == "replaced":
        path.write_bytes(b"")
    look = looking(tmp_path, is_shared=True).status
    assert look(one.owner) == ALIVE
    assert look(elsewhere(one.owner)) == UNKNOWN
    assert look(one.owner._replace(namespace="another")) == UNKNOWN
    one.kill()
    assert look(one.owner) == DEAD


def test_a_folder_of_one_machine_outlives_its_boots(tmp_path, holding):
    one = holding()
    (folder_of(tmp_path) / one.owner.lock.name).unlink()
    assert looking(tmp_path).status(one.owner._replace(boot="earlier")) == DEAD


def test_a_lock_of_another_machine_must_be_free_for_a_while(tmp_path, holding):
    one, now = holding(), [0.0]
    look = looking(tmp_path, is_shared=True, clock=lambda: now[0]).status
    there = one.owner._replace(boot="another")
    assert look(there) == ALIVE
    one.kill()
    assert look(there) == UNKNOWN
    now[0] = SECOND_LOOK / 2
    assert look(there) == UNKNOWN
    now[0] = SECOND_LOOK
    assert look(there) == DEAD


def test_a_lock_that_a_network_lost_for_a_moment_counts_anew(tmp_path, holding):
    one, now = holding(), [0.0]
    look = looking(tmp_path, is_shared=True, clock=lambda: now[0]).status
    there, path = one.owner._replace(boot="another"), folder_of(tmp_path) / one.owner.lock.name
    one.tell("import fcntl; fcntl.lockf(presence._descriptor, fcntl.LOCK_UN)")
    assert look(there) == UNKNOWN
    one.tell("fcntl.lockf(presence._descriptor, fcntl.LOCK_EX)")
    now[0] = SECOND_LOOK
    assert look(there) == ALIVE
    one.tell("fcntl.lockf(presence._descriptor, fcntl.LOCK_UN)")
    assert path.exists()
    assert look(there) == UNKNOWN


def test_a_file_that_cannot_be_looked_at_tells_nothing(tmp_path, holding, monkeypatch):
    one = holding()

    def stale(*_):
        raise OSError(116, "stale file handle")

    monkeypatch.setattr("os.open", stale)
    assert looking(tmp_path).status(one.owner) == UNKNOWN


def test_one_can_wait_for_the_end(tmp_path, holding):
    one = holding()
    other = holding()
    other.process.stdin.write(
        "from resnb.ledger.liveness import wait_until_free; print('waiting', flush=True); "
        f"wait_until_free(Path({str(folder_of(tmp_path) / one.owner.lock.name)!r}))\n"
    )
    other.process.stdin.flush()
    assert other.process.stdout.readline() == "waiting\n"
    one.kill()
    assert other.process.stdout.readline() == "done\n"
    wait_until_free(folder_of(tmp_path) / "missing")  # comes back at once


def test_only_old_files_that_nobody_locks_or_names_are_removed(tmp_path, holding):
    alive, named, unused = holding(), holding(), holding()
    named.kill()
    unused.kill()
    names = {one.owner.lock.name for one in (alive, named)}
    left = [record(owner=named.owner)]
    created = (folder_of(tmp_path) / unused.owner.lock.name).stat().st_mtime
    for young in (alive, named):  # as if it had ended, which it has not, or is still named
        remove_unused(tmp_path, left, created + 10, [young.owner.lock])
    assert len(list(folder_of(tmp_path).iterdir())) == 3
    remove_unused(tmp_path, left, created + UNUSED_AFTER + 10)
    assert {one.name for one in folder_of(tmp_path).iterdir()} == names


def test_the_file_of_a_process_that_has_ended_is_removed_at_once(tmp_path, holding):
    one = holding()
    one.kill()
    remove_unused(tmp_path, [], 0.0, [one.owner.lock])
    assert list(folder_of(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", '["a","b","c",1]', '["a","b","c",1,2]', '["a","b","c",1,2,["../x",3]]',
     '["a","b","c",1,2,["' + "0" * 32 + '","3"]]', "{}", "null"],
)  # fmt: skip
def test_what_is_no_owner_is_refused(text):
    with pytest.raises(ValueError, match=r"owner|JSON|Expecting"):
        from_text(text)


def test_an_owner_is_what_it_was_written_as(tmp_path):
    presence = Presence(tmp_path)
    presence.release()
    assert from_text(presence.owner.to_text()) == presence.owner
    assert from_text(this_process().to_text()) == this_process()
    assert json.loads(this_process().to_text())[5] is None
