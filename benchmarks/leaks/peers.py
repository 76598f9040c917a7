"""The peers: the cell in which each holds the pretend machine, and the parts that all cells use."""

from typing import Final, NamedTuple

PARTS: Final = """
import os, shutil, signal, subprocess, sys, threading, time
from pathlib import Path

TRIAL, TAG = Path({trial!r}), {tag!r}

def mark(what):
    (TRIAL / what).touch()

def step():
    deadline = time.monotonic() + {step!r}
    while time.monotonic() < deadline:
        threading.Event().wait(0.01)
        if (TRIAL / "raise").exists():
            (TRIAL / "raise").rename(TRIAL / "raised")
            raise RuntimeError("an error")

def pids(name):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{{TAG}}-{{name}}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found

def make(name="machine"):
    mark("set-up")
    step()
    (TRIAL / "things" / name).mkdir(parents=True)
    sleeper = [sys.executable, "-IS", "-c", "import signal; signal.pause()", f"{{TAG}}-{{name}}"]
    subprocess.Popen(sleeper, start_new_session=True)
    step()
    step()
    return name

def work():
    mark("use")
    for _ in range(3):
        step()

def delete(name="machine"):
    mark("clean-up")
    step()
    for pid in pids(name):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(TRIAL / "things" / name, ignore_errors=True)
    step()
    step()

def leave():
    while not (TRIAL / "exit").exists():
        threading.Event().wait(0.01)
    os._exit(1)
"""
WITH: Final = """
from contextlib import contextmanager

@contextmanager
def machine():
    name = make()
    try:
        yield name
    finally:
        delete(name)

with machine():
    work()
"""
ATEXIT: Final = """
import atexit
name = make()
atexit.register(delete, name)
work()
"""
PYTEST: Final = '''
import pytest
(TRIAL / "test_it.py").write_text("""
import pytest
from parts import *

@pytest.fixture
def machine():
    name = make()
    yield name
    delete(name)

def test_it(machine):
    work()
""")
pytest.main(["-q", "-p", "no:resnb", "-p", "no:cacheprovider", str(TRIAL / "test_it.py")])
'''
PREFECT_1: Final = """
from prefect import Flow, resource_manager, task

@resource_manager
class Machine:
    def setup(self):
        return make()
    def cleanup(self, name):
        delete(name)

@task
def use(name):
    work()

with Flow("trial") as flow:
    with Machine() as name:
        use(name)
flow.run()
"""
PREFECT_3: Final = """
from prefect import flow, task

up, use, down = task(lambda: make()), task(lambda name: work()), task(lambda name: delete(name))

@flow
def trial():
    name = up()
    try:
        use(name)
    finally:
        down(name)

trial()
"""
AIRFLOW: Final = """
from datetime import datetime
from airflow.decorators import dag, setup, task, teardown
from airflow.utils import db

db.initdb()

@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False)
def trial():
    @setup
    def up():
        return make()
    @task
    def use(name):
        work()
    @teardown
    def down(name):
        delete(name)
    name = up()
    use(name) >> down(name).as_teardown(setups=name)

trial().test()
"""
RESNB: Final = """
%load_ext resnb
from resnb import resource_manager

@resource_manager
class Machine:
    find_for = "5s"  # a trial has no time for the usual 15 minutes
    def setup(self):
        return make(self.lease.id)
    def find(self, lease):
        return lease if pids(lease) or (TRIAL / "things" / lease).exists() else None
    def cleanup(self, name):
        delete(name)

with Machine():
    work()
"""


class Peer(NamedTuple):
    """A way to clean up: its name in the table, its interpreter's name, and its cell."""

    title: str
    python: str
    cell: str


PEERS: Final = (
    Peer("plain `with`, `try/finally`", "resnb", WITH),
    Peer("`atexit`", "resnb", ATEXIT),
    Peer("pytest fixture", "resnb", PYTEST),
    Peer("Prefect 1.4.1, `resource_manager`", "prefect1", PREFECT_1),
    Peer("Prefect 3, `try/finally`", "prefect3", PREFECT_3),
    Peer("Airflow 2, `@setup` and `@teardown`", "airflow", AIRFLOW),
    Peer("**resnb**", "resnb", RESNB),
)
