"""Every kind of resource that is marked safe is cleaned up by its recipe, in a fresh interpreter.

A notebook makes the thing and is killed; the reaper's cleaner gets the bytes and nothing else; what
is left is counted outside: processes by a variable that they inherited, files in a folder.
"""

import base64
import contextlib
import json
import os
import selectors
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from benchmarks.crash.engine import NoEngineError, client, engine
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.record import Environment
from tests.ledger.records import record
from tests.ledger.things import command_of

ROOT = Path(__file__).parents[3]
MARK = "RESNB_TEST_THINGS"
TRACKER = "multiprocessing.resource_tracker"  # ends by itself, somewhat later
PATIENCE = 60.0

START = """
import os, subprocess, sys, threading
from pathlib import Path
from resnb import resource, resource_manager
things = Path(os.environ["RESNB_TEST_THINGS"])
def start():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
def stop(process):
    process.terminate()
    process.wait(60)
"""

KINDS = {
    "class with a plain resource": """
@resource_manager
class machine:
    def setup(self):
        (things / "plain").touch()
        return things / "plain"
    def cleanup(self, path): path.unlink()
""",
    "class with handle and attach": """
class Connection:
    def __init__(self, path): self.path, self.lock = path, threading.Lock()
@resource_manager
class machine:
    def setup(self):
        (things / "connected").touch()
        return Connection(things / "connected")
    def handle(self, connection): return str(connection.path)
    def attach(self, handle): return Connection(Path(handle))
    def cleanup(self, connection):
        with connection.lock: connection.path.unlink()
""",
    "class with what set-up puts on it": """
@resource_manager
class machine:
    def setup(self):
        self.process, self.path = start(), things / "path"
        self.path.touch()
    def cleanup(self, resource):
        stop(self.process)
        self.path.unlink()
""",
    "class with slots": """
@resource_manager
class machine:
    __slots__ = ("path", "lease")
    def setup(self):
        self.path = things / self.lease.id
        self.path.touch()
    def cleanup(self, resource):
        assert self.path.name == self.lease.id
        self.path.unlink()
""",
    "class with a process": """
@resource_manager
class machine:
    def setup(self): return start()
    def cleanup(self, process): stop(process)
""",
    "class with a process of multiprocessing": """
import multiprocessing, time
@resource_manager
class machine:
    def setup(self):
        process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
        process.start()
        return process
    def cleanup(self, process):
        process.terminate()
        process.join(60)
        process.close()
""",
    "class with a process of asyncio": """
import asyncio
@resource_manager
class machine:
    async def setup(self):
        return await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
    async def cleanup(self, process):
        process.terminate()
        await process.wait()
""",
    "class with a temporary folder": """
import tempfile
@resource_manager
class machine:
    def setup(self): return tempfile.TemporaryDirectory(dir=things)
    def cleanup(self, folder): folder.cleanup()
""",
    "class with helpers, a global and a module beside the notebook": """
import beside
suffix = ".txt"
def named(name): return things / (name + suffix)
def removed(name): beside.removed(named(name))
@resource_manager
class machine:
    def __init__(self, name): self.name = name
    def setup(self): named(self.name).touch()
    def cleanup(self, resource): removed(self.name)
""",
    "class of a module beside the notebook": "from beside import Machine\nmachine = resource_manager(Machine)",
    "class with env": """
@resource_manager
class machine:
    env = ("RESNB_TEST_WHERE",)
    def setup(self):
        self.path = things / "of-env"
        self.path.touch()
    def cleanup(self, resource): Path(os.environ["RESNB_TEST_WHERE"], "of-env").unlink()
""",
    "cell with a process": "%%resource machine\nprocess = start()\nyield process\nstop(process)",
    "cell with try and finally": "%%resource machine\nprocess = start()\ntry:\n    yield\nfinally:\n    stop(process)",
    "cell with folder, variables and its own imports": """%%resource machine(name, count=2)
import tempfile
def path(number): return things / f"{name}-{number}-{lease.id}"
folder = tempfile.TemporaryDirectory(dir=things)
numbers = list(range(count))
for number in numbers:
    path(number).touch()
yield folder.name
for number in numbers:
    path(number).unlink()
folder.cleanup()
""",
    "cell that awaits": """%%resource machine
import asyncio
process = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
yield process
process.terminate()
await process.wait()
""",
    "cell with handle and attach": """%%resource machine
class Connection:
    def __init__(self, path): self.path, self.lock = path, threading.Lock()
def handle(connection): return str(connection.path)
def attach(handle): return Connection(Path(handle))
other = things / "other"
other.touch()
connection = Connection(things / "connected")
connection.path.touch()
yield connection
with connection.lock:
    connection.path.unlink()
other.unlink()
""",
    "cell that yields two with handle and attach": """%%resource machine
def handle(both): return [one.pid for one in both]
def attach(pids):
    import psutil
    return [psutil.Process(pid) for pid in pids]
one, other = start(), start()
yield one, other
for process in (one, other):
    stop(process)
""",
    "cell with commands": """%%resource machine(name="of-shell")
path = things / name
!touch {path}
yield path
there = !ls {things}
!rm $path.parent/{there[0]}
!false
""",
    "generator function of a cell": """
@resource
def machine():
    process = start()
    try:
        yield process
    finally:
        stop(process)
""",
    "generator function in a function": """
def made(name):
    path = things / name
    @resource
    def machine():
        path.touch()
        yield path
        path.unlink()
    return machine
machine = made("inner")
""",
    "generator function of a module beside the notebook": "from beside import generator as machine",
    "async generator function": """
@resource
async def machine():
    import asyncio
    process = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
    yield process
    process.terminate()
    await process.wait()
""",
}
ARGUMENTS = {
    "class with helpers, a global and a module beside the notebook": ["helped"],
    "cell with folder, variables and its own imports": ["of-cell"],
}
LOGS = {"cell with commands": "!false: exit code 1\n"}
BESIDE = """
import os
from pathlib import Path
from resnb import resource
things = Path(os.environ.get("RESNB_TEST_THINGS", "/nowhere"))
class Machine:
    def setup(self):
        (things / "module").touch()
        return things / "module"
    def cleanup(self, path): removed(path)
def removed(path): path.unlink()
@resource
def generator():
    path = things / "generated"
    path.touch()
    yield path
    removed(path)
"""

HALF_MADE = {
    "class with find": """
@resource_manager
class machine:
    def setup(self):
        (things / self.lease.id).touch()
        raise RuntimeError
    def find(self, lease_id): return things / lease_id if (things / lease_id).exists() else None
    def cleanup(self, path): path.unlink()
""",
    "class that records": """
@resource_manager
class machine:
    def setup(self):
        process = start()
        self.lease.record(process)
        raise RuntimeError
    def cleanup(self, process): stop(process)
""",
    "cell with find": """%%resource machine(folder=things)
import os
ending = ".txt"
def named(lease_id): return Path(folder, lease_id + ending)
def find(lease_id):
    path = named(lease_id)
    return path if os.path.exists(path) else None
path = named(lease.id)
path.touch()
raise RuntimeError
yield path
path.unlink()
""",
    "cell with an async find of several variables": """%%resource machine
async def find(lease_id):
    found = sorted(things.glob(f"{lease_id}-*"))
    return {"one": found[0], "other": found[1]} if found else None
one, other = things / f"{lease.id}-1", things / f"{lease.id}-2"
one.touch(), other.touch()
raise RuntimeError
yield
one.unlink()
other.unlink()
""",
    "cell that records its only variable": """%%resource machine
process = start()
lease.record(process)
raise RuntimeError
yield process.pid
stop(process)
""",
    "cell that records several variables": """%%resource machine
process, path = start(), things / "recorded"
path.touch()
lease.record({"process": process, "path": path})
raise RuntimeError
yield process
stop(process)
path.unlink()
""",
    "cell that records for attach": """%%resource machine
def attach(pid):
    import psutil
    return psutil.Process(pid)
process = start()
lease.record(process.pid)
raise RuntimeError
yield process
stop(process)
""",
}


@pytest.fixture
def things(tmp_path):
    """The folder of the things, beside a notebook's folder; what is left is removed."""
    for name in ("things", "notebook"):
        (tmp_path / name).mkdir()
    (tmp_path / "notebook" / "beside.py").write_text(BESIDE)
    yield tmp_path / "things"
    for process in processes(tmp_path / "things"):
        with contextlib.suppress(psutil.NoSuchProcess):  # such as the tracker, which ends itself
            process.kill()


def processes(things):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(things) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def left(things):
    """What there is, told by the machine itself."""
    commands = [command_of(one.pid) for one in processes(things)]
    ours = [one for one in commands if one and TRACKER not in one]  # one that ends has none
    return [*ours, *map(str, things.iterdir())]


def notebook(things, cells, args=()):
    """What the ledger holds when a notebook was killed; the things are still there."""
    order = {"cells": [textwrap.dedent(one) for one in cells], "name": "machine", "args": args}
    folder = things.parent / "notebook"
    report, log = things.parent / "report", things.parent / "log"
    with log.open("w") as output:  # no pipe, which the things would inherit
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("notebook_stub.py")), str(report)],
            input=json.dumps(order),
            cwd=folder,
            env={**os.environ, MARK: str(things), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
            stdout=output,
            stderr=output,
            text=True,
            check=False,
        )
    assert done.returncode == -9, log.read_text()
    return json.loads(report.read_text())


def cleaned_up(things, said):
    """Clean up as the reaper does; gives its result, and what the recipe wrote into its log."""
    folder = things.parent / "notebook"
    path = (str(folder), str(ROOT), *sys.path)
    variables = (("RESNB_TEST_WHERE", str(things)),)
    kept = record(
        "the-lease",
        environment=Environment(sys.executable, sys.prefix, path, str(folder), variables),
        recipe=base64.b64decode(said["recipe"]),
        handle=said["handle"] and base64.b64decode(said["handle"]),
        find_for=0.2,
    )
    log = things.parent / "cleaner.log"
    with log.open("wb") as output, selectors.DefaultSelector() as selector:
        cleaning = CleanupProcess(things.parent, kept, output, selector)
        while (result := cleaning.result()) is None:
            if cleaning.awaits_order:
                cleaning.give_order({"path": str(things / "none"), "timeout": 1.0, "steps": []})
            for key, _ in selector.select(cleaning.ask_within()):
                key.data()
    lines = log.read_text().splitlines(keepends=True)
    return (*result, "".join(one for one in lines if "cleaned up by the reaper" not in one))


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_open_is_cleaned_up_elsewhere(things, kind):
    said = notebook(things, [START, KINDS[kind]], ARGUMENTS.get(kind, ()))
    assert said["faults"] == []
    assert left(things), "the thing is not there"
    result, reason, log = cleaned_up(things, said)
    assert (result, reason) == ("cleaned", "")
    assert log == LOGS.get(kind, "")
    assert left(things) == []


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", HALF_MADE)
def test_what_is_half_made_is_cleaned_up_elsewhere(things, kind):
    said = notebook(things, [START, HALF_MADE[kind]])
    assert said["faults"] == []
    assert said["can_find"] is ("find" in kind)
    assert left(things), "the thing is not there"
    assert cleaned_up(things, said) == ("cleaned", "", "")
    assert left(things) == []


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", [one for one in HALF_MADE if "find" in one])
def test_where_nothing_is_half_made_nothing_is_found(things, kind):
    said = notebook(things, [START, HALF_MADE[kind]])
    for one in things.iterdir():
        one.unlink()
    assert cleaned_up(things, said) == ("nothing", "", "")


# ---- what dies with the kernel

DYING = {
    "class with a cluster": """
from dask.distributed import LocalCluster
@resource_manager
class machine:
    def setup(self): return LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0")
    def cleanup(self, cluster): cluster.close()
""",
    "class with a client, and the cluster put on it": """
from dask.distributed import Client, LocalCluster
@resource_manager
class machine:
    def setup(self):
        self.cluster = LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0")
        self.client = Client(self.cluster)
        return self.client
    def cleanup(self, client):
        self.client.close()
        self.cluster.close()
""",
    "cell with a client": """%%resource machine
from dask.distributed import Client
client = Client(n_workers=1, dashboard_address="127.0.0.1:0")
yield client
client.close()
""",
    "cell that cannot be split": """%%resource machine
from dask.distributed import Client, LocalCluster
with LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0") as cluster, Client(cluster) as client:
    yield client
""",
    "contextmanager": """
from contextlib import contextmanager
from dask.distributed import Client, LocalCluster
@resource
@contextmanager
def machine():
    with LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0") as cluster, Client(cluster) as client:
        yield client
""",
    "declared": """%%resource machine --dies-with-kernel
numbers = list(range(9))
yield iter(numbers)
""",
}


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "kind",
    [pytest.param(one, marks=pytest.mark.long if "client" in one else ()) for one in DYING],
)
def test_what_is_said_to_die_with_the_kernel_does(things, kind):
    said = notebook(things, [START, DYING[kind]])
    assert said["dies"] is True
    _, alive = psutil.wait_procs(processes(things), PATIENCE)
    assert alive == []


BESIDE_A_CLUSTER = """%%resource machine
from dask.distributed import Client, LocalCluster
cluster = LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0")
client = Client(cluster)
process = start()
yield client
client.close()
cluster.close()
stop(process)
"""


def test_what_outlives_the_kernel_beside_a_cluster_is_cleaned_up(things):
    said = notebook(things, [START, BESIDE_A_CLUSTER])
    assert (said["dies"], said["faults"]) == (False, [])
    assert cleaned_up(things, said) == ("cleaned", "", "")
    _, alive = psutil.wait_procs(processes(things), PATIENCE)
    assert alive == []


# ---- containers

CONTAINERS = {
    "class with a container": """
import docker
@resource_manager
class machine:
    def setup(self):
        return docker.from_env().containers.run("tiny", "sleep 600", detach=True, labels={"things": str(things)})
    def cleanup(self, container):
        container.kill()
        container.remove()
        container.remove()  # one that is gone does not mind
""",
    "cell with a container": """%%resource machine
import docker
container = docker.from_env().containers.run("tiny", "sleep 600", detach=True, labels={"things": str(things)})
yield container.id
container.remove(force=True)
""",
}


@pytest.fixture(scope="module")
def docker():
    """What speaks the Docker API here."""
    try:
        with engine(), contextlib.closing(client()) as found:
            yield found
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINER ENGINE: {error}")


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_container_is_cleaned_up_elsewhere(docker, things, kind):
    mine = {"all": True, "filters": {"label": f"things={things}"}}
    try:
        said = notebook(things, [START, CONTAINERS[kind]])
        assert said["faults"] == []
        assert [one.status for one in docker.containers.list(**mine)] == ["running"]
        assert cleaned_up(things, said) == ("cleaned", "", "")
        assert docker.containers.list(**mine) == []
    finally:
        for one in docker.containers.list(**mine):
            one.remove(force=True)


# ---- what cannot be loaded, what fails


def test_a_recipe_that_cannot_be_loaded_is_in_the_wrong_environment(things):
    kind = "generator function of a module beside the notebook"
    said = notebook(things, [START, KINDS[kind]])
    (things.parent / "notebook" / "beside.py").unlink()
    result, reason, log = cleaned_up(things, said)
    assert (result, reason) == (
        "wrong environment",
        "its recipe cannot be loaded: ModuleNotFoundError: No module named 'beside'",
    )
    assert log.startswith("Traceback")


def test_a_clean_up_that_misses_an_attribute_fails_and_says_which(things):
    kind = """
@resource_manager
class machine:
    def setup(self): self.guard = threading.Lock()
    def cleanup(self, resource): self.guard.acquire()
"""
    said = notebook(things, [START, kind])
    assert said["faults"] == [
        "attribute 'guard' (lock) does not pickle: TypeError: cannot pickle '_thread.lock' object"
    ]
    result, reason, _ = cleaned_up(things, said)
    assert (result, reason) == (
        "failed",
        "AttributeError: 'machine' object has no attribute 'guard'",
    )


def test_a_traceback_elsewhere_shows_the_line_of_the_cell(things):
    cell = "%%resource machine\nfirst = 1\nyield first\nsecond = first - 1\nprint(first / second)"
    said = notebook(things, [START, cell])
    result, reason, log = cleaned_up(things, said)
    assert (result, reason) == ("failed", "ZeroDivisionError: division by zero")
    assert ", line 5, in machine\n    print(first / second)\n" in log


def test_a_record_that_leaves_a_variable_out_says_which(things):
    cell = """%%resource machine
one, other = 1, 2
lease.record(one)
raise RuntimeError
yield
print(one, other)
"""
    result, reason, _ = cleaned_up(things, notebook(things, [START, cell]))
    assert result == "failed"
    assert reason == (
        "CleanupError: resource 'machine': its clean-up uses one, other, too: let find, attach and "
        "lease.record give {'one': one, 'other': other}"
    )
