"""The ready-made resources: used, cleaned up by anyone from plain data, and never beyond their own."""

import doctest
import importlib
import os
import signal
import socket
import subprocess
import sys
from itertools import chain, repeat
from types import SimpleNamespace

import docker
import psutil
import pytest

import resnb.resources
from resnb.errors import CleanupError, LedgerError, NothingMadeError, OptionError, ResnbError
from resnb.ledger.admin.queries import LedgerQueries
from resnb.ledger.owner import start_time
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import (
    DockerContainer,
    PostgresDatabase,
    Subprocess,
    TemporaryFolder,
    command,
)
from resnb.resources import process as process_module
from tests.ports import free_port
from tests.resources.elsewhere import elsewhere
from tests.resources.killed import becomes

SLEEP = [sys.executable, "-c", "print('ready', flush=True); import time; time.sleep(600)"]
_FAMILY = """
import os, signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
bare = subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"]})
far = subprocess.Popen(["sleep", "600"], start_new_session=True)
print("pids", bare.pid, far.pid, flush=True)
signal.pause()
"""
FAMILY = [sys.executable, "-c", _FAMILY]


@pytest.mark.parametrize("name", ["folder", "process", "shell"])
def test_the_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"resnb.resources.{name}")).failed == 0


def test_what_there_is():
    assert set(resnb.resources.__all__) <= set(dir(resnb.resources))
    for name in resnb.resources.__all__:
        assert getattr(resnb.resources, name).name == name
    with pytest.raises(AttributeError, match=r"has no 'Nothing'; it has .*Subprocess"):
        resnb.resources.Nothing  # noqa: B018


# ---- TemporaryFolder


def test_a_folder(tmp_path):
    with TemporaryFolder(prefix="a-", parent=tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith("a-")
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("1")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_its_own_is_left_alone(tmp_path):
    held = TemporaryFolder(parent=tmp_path).open("one")
    manager = held.lease.manager
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    other, folder = elsewhere(
        "folder", manager, {**manager.handle(held.value), "path": str(foreign)}
    )
    with pytest.raises(CleanupError, match="is not the folder of this lease"):
        other.cleanup(folder)
    assert foreign.exists()
    held.close()


# ---- Subprocess


def test_a_process_and_its_log():
    with Subprocess(SLEEP, ready_line="rea+dy") as process:
        assert process.returncode is None
        assert process.log.read_text() == "ready\n"
        assert process.log.stat().st_mode & 0o777 == 0o600
        assert os.getsid(process.pid) == process.pid
        assert repr(process) == "<RunningProcess: running>"
    assert process.returncode == -signal.SIGTERM
    assert not process.log.exists()


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_whole_family_is_ended(monkeypatch):
    graces, wait = chain([0.5], repeat(60.0)), process_module._wait  # SIGKILL cannot be ignored

    def within(*args):
        monkeypatch.setattr(process_module, "GRACE", next(graces))
        return wait(*args)

    monkeypatch.setattr(process_module, "_wait", within)
    with Subprocess(FAMILY, ready_line="pids") as process:
        family = [psutil.Process(int(pid)) for pid in process.log.read_text().split()[1:]]
        assert all(one.is_running() for one in family)
    assert process.returncode == -9
    assert becomes(lambda: [one.pid for one in family if is_alive(one)], []) == []


def test_a_process_is_ready_when_its_port_is_open():
    port = free_port()
    server = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with Subprocess(server, ready_port=port), socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_process_that_ends_before_it_is_ready():
    line = "import sys; print('no port', file=sys.stderr); sys.exit(3)"
    with (
        pytest.raises(ResnbError, match="ended with exit code 3 before it was ready: no port"),
        Subprocess([sys.executable, "-c", line], ready_line="ready"),
    ):
        pass
    with pytest.raises(OptionError, match="Subprocess needs a command"), Subprocess([]):
        pass
    with (
        pytest.raises(ResnbError, match="'no-such-program' cannot be started: No such file or dir"),
        Subprocess(["no-such-program"]),
    ):
        pass


class EndsMeanwhile:
    """A process that prints its last line and ends just when it is asked whether it has."""

    pid = 0

    def __init__(self, log):
        self.log = log

    def poll(self):
        self.log.write_text("no luck\n")
        return 3


def test_the_last_words_of_a_process_that_ends_between_two_looks(tmp_path):
    log = tmp_path / "log"
    log.touch()
    manager = Subprocess.definition(["x"], ready_line="ready")
    with pytest.raises(ResnbError, match="exit code 3 before it was ready: no luck"):
        manager.ready(process_module.RunningProcess(EndsMeanwhile(log), log))


def test_a_process_is_looked_at_after_its_grace_too(monkeypatch, tmp_path):
    """Who waits may stand still: what has ended by then has ended."""
    looks = iter([True, False])
    other = SimpleNamespace(is_running=lambda: next(looks), status=lambda: "running")
    clock = SimpleNamespace(monotonic=iter([0.0, 1.0, 100.0]).__next__)
    monkeypatch.setattr(process_module, "time", clock)
    log = tmp_path / "log"
    process = process_module.RunningProcess(EndsMeanwhile(log), log)
    assert process_module._wait(process, [other]) == []


def test_variables_and_folder_of_a_process(tmp_path):
    with Subprocess("sh -c 'echo $NAME; pwd'", None, "/", {"NAME": 3}, tmp_path) as process:
        assert process.log.read_text() == f"3\n{tmp_path}\n"


def test_a_process_from_plain_data():
    held = Subprocess(SLEEP, ready_line="ready", env={"TOKEN": "secret"}).open("one")
    manager, process = held.lease.manager, held.value
    assert b"secret" not in kinds.arguments_of(kinds.find("process"), manager)
    other, found = elsewhere("process", manager, manager.handle(process))
    assert (found.pid, found.returncode, found.log) == (process.pid, None, process.log)
    assert other.find(manager.lease.id).pid == process.pid
    other.cleanup(found)
    other.cleanup(found)
    assert found.returncode is not None
    assert other.find(manager.lease.id) is None
    assert not process.log.exists()
    assert becomes(lambda: process.returncode is not None)
    held.close()


def test_a_process_that_is_not_its_own_is_left_alone():
    held = Subprocess(SLEEP, ready_line="ready").open("one")
    manager = held.lease.manager
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as foreign:
        pointing = {"pid": foreign.pid, "started": start_time(foreign.pid)}
        other, found = elsewhere("process", manager, {**manager.handle(held.value), **pointing})
        other.lease = FoundLease("0" * 32)
        with pytest.raises(CleanupError, match=f"process {foreign.pid} is not of this lease"):
            other.cleanup(found)
        assert foreign.poll() is None
        assert held.value.returncode is None
        foreign.kill()
    held.close()


def test_a_process_that_clears_its_variables_is_ended():
    """Such as what is started by `env -i`, or by a script that cleans up after itself."""
    held = Subprocess(["env", "-i", "sh", "-c", "echo ready; sleep 600"], ready_line="ready").open(
        "one"
    )
    manager, process = held.lease.manager, held.value
    other, found = elsewhere("process", manager, manager.handle(process))
    other.cleanup(found)
    assert becomes(lambda: process.returncode is not None)
    assert not process.log.exists()
    held.close()


def test_a_process_that_cannot_be_ended_is_no_success(monkeypatch):
    """One of another user, say."""
    held = Subprocess(SLEEP, ready_line="ready").open("one")
    with monkeypatch.context() as patch:
        patch.setattr("resnb.resources.process.GRACE", 0.1)
        for name in ("terminate", "kill"):
            patch.setattr(psutil.Process, name, lambda _: None)
        other, found = elsewhere(
            "process", held.lease.manager, held.lease.manager.handle(held.value)
        )
        with pytest.raises(CleanupError, match="cannot be ended, not even by SIGKILL"):
            other.cleanup(found)
    held.close()


def test_a_process_of_another_machine_is_out_of_sight():
    held = Subprocess(SLEEP).open("one")
    manager = held.lease.manager
    handle = {**manager.handle(held.value), "place": ["another", "boot", "namespace"]}
    other, found = elsewhere("process", manager, handle)
    with pytest.raises(CleanupError, match="of another container or machine"):
        other.cleanup(found)
    held.close()


@pytest.mark.parametrize("handle", [{"pid": 1}, {"pid": "1"}, "1", {"pid": 1, "x": 1}])
def test_a_handle_off_the_schema_is_refused(handle):
    with pytest.raises(LedgerError, match="its handle cannot be trusted"):
        kinds.find("process").handle_data(handle)


# ---- command


def test_a_command(tmp_path):
    up, down = "echo $RESNB_LEASE > made; echo made", 'rm "$RESNB_OUTPUT"; echo $N > removed'
    with command(up, down, env={"N": 7}, cwd=tmp_path) as printed:
        assert printed == "made"
        assert len((tmp_path / "made").read_text().strip()) == 32
    assert (tmp_path / "removed").read_text() == "7\n"
    assert not (tmp_path / "made").exists()


def test_a_command_that_fails_is_taken_back(tmp_path, capfd):
    with (
        pytest.raises(ResnbError, match=r"command: up='echo .*' ended with exit code 3: no luck"),
        command("echo no luck >&2; exit 3", "touch down", cwd=tmp_path),
    ):
        pass
    assert (tmp_path / "down").exists()


def test_a_command_from_plain_data(tmp_path):
    held = command("echo x", "echo $RESNB_OUTPUT$N > down", {"N": 1}, tmp_path).open("one")
    manager = held.lease.manager
    other, printed = elsewhere("command", manager, held.value)
    other.cleanup(printed)
    assert (tmp_path / "down").read_text() == "x1\n"
    held.close()
    assert kinds.find("command").runs_commands
    assert not kinds.find("process").runs_commands


def test_a_subclass_with_its_own_clean_up_is_no_kind():
    """Whether the kind is made by a class or by a function."""
    for one in (Subprocess, command):
        own = type("Own", (one.definition,), {})
        arguments = {Subprocess: ["x"], command: ["up", "down"]}[one]
        assert kinds.kind_of(own(*arguments)) is None
        assert kinds.kind_of(one.definition(*arguments)).name == one.definition.kind


def no_engine(**_):
    """What `docker.from_env` does where none answers; it would leave a socket open, too."""
    raise docker.errors.DockerException("Connection refused")


@pytest.mark.parametrize(
    ("use", "fault"),
    [
        (lambda: DockerContainer("tiny"), "no engine answers"),
        (
            lambda: PostgresDatabase("postgresql://127.0.0.1:1/x"),
            "the server cannot be reached: .*",
        ),
        (
            lambda: TemporaryFolder(parent="/proc/none"),
            "no folder can be made in /proc/none: No su",
        ),
        (lambda: Subprocess("no-such-program"), "'no-such-program' cannot be started: No such"),
        (lambda: Subprocess("true", cwd="/nowhere"), "cannot be started: .*directory: /nowhere"),
    ],
)
def test_what_cannot_begin_has_made_nothing(monkeypatch, use, fault):
    monkeypatch.setattr("docker.from_env", no_engine)
    with pytest.raises(NothingMadeError, match=fault), use():
        pass


# ---- what cannot be reached

UNREACHABLE = {
    "docker": (("redis:7",), {}, "no engine answers"),
    "postgres": (("postgresql://me:secret@127.0.0.1:1/x",), {}, "cannot be reached"),
    "kubernetes_job": (("image", "command"), {}, "no Kubernetes cluster is known by /nowhere"),
    "s3_prefix": (("bucket",), {"region": "eu-central-1"}, "AWS asks for credentials"),
}


@pytest.mark.parametrize("kind", UNREACHABLE)
def test_where_nobody_answers_nothing_is_left(monkeypatch, kind):
    for one in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(one)
    for name in ("KUBECONFIG", "HOME"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("docker.from_env", no_engine)
    arguments, options, said = UNREACHABLE[kind]
    with pytest.raises(NothingMadeError, match=said) as caught:
        kinds.find(kind).manager(*arguments, **options).open("unreached")
    assert "secret" not in str(caught.value)
    assert "unreached" not in [one.name for one in LedgerQueries().leases()]
