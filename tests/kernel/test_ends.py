"""How a kernel ends: what is open is cleaned up inside it, and the truth is counted outside.

The things are folders and processes in sessions of their own, which survive the kernel unless
somebody ends them. Ends that leave the kernel no time (SIGKILL and the like) are the reaper's.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from resnb.ledger.kernel.keeper import KERNEL_END_BUDGET
from tests.kernel.client import LIMIT, Kernel, run_headless, wait_for

BUDGET = """
from resnb.ledger.kernel.keeper import Keeper
Keeper.close_all.__defaults__ = ({:g},)
"""
"""Sets how many seconds a kernel's end may take: a busy machine may stand still for the usual 2."""
THINGS = """
%load_ext resnb
import os, shutil, subprocess, threading
from resnb import resource_manager, task

@resource_manager
class Thing:
    def __init__(self, folder, slowly=0):
        self.folder, self.slowly = folder, slowly

    def setup(self):
        os.mkdir(self.folder)
        self.process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        with open(f"{self.folder}/pid", "w") as file:
            file.write(str(self.process.pid))

    def cleanup(self, resource):
        if self.slowly:
            with open(f"begun-{self.folder}", "w"):
                for _ in range(100 * self.slowly):
                    if not os.path.exists("go"):
                        threading.Event().wait(0.01)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)
        with open("cleaned", "a") as file:
            file.write(f"{self.folder}\\n")

@task
def work():
    with open("working", "w"):
        threading.Event().wait()
"""
CELL = """
%%resource thing(folder)
os.mkdir(folder)
process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
with open(f"{folder}/pid", "w") as file:
    file.write(str(process.pid))
yield process
process.kill()
process.wait()
shutil.rmtree(folder)
with open("cleaned", "a") as file:
    file.write(f"{folder}\\n")
"""
OPEN = "%%flow etl --with Thing('one') as one --with thing('two') as two --run\n# open"
SLOW = "%%flow etl --with Thing('one', slowly=30) as one --run\n# open"
BUSY = {
    "a plain cell": "open('working', 'w'); threading.Event().wait()",
    "a run": "%%flow etl --with two --run\nw = work()",
    "a run that makes them": (
        "%%flow etl --with Thing('one') as one --with thing('two') as two\nw = work()\n"
        "%flow run etl"
    ),
}


class Things:
    """The things that cells have made in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {
            path.parent.name: psutil.Process(int(path.read_text())) for path in folder.glob("*/pid")
        }

    def left(self):
        """The names of those that are there still, in whole or in part."""
        there = {name for name, process in self.processes.items() if is_alive(process)}
        return there | {name for name in self.processes if (self.folder / name).exists()}

    def cleaned(self):
        """The names of those that were cleaned up, in order, as often as they were."""
        path = self.folder / "cleaned"
        return path.read_text().split() if path.exists() else []


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(tmp_path, THINGS)
    kernel.run(CELL)
    kernel.run(BUDGET.format(LIMIT))
    yield kernel
    (tmp_path / "go").touch()
    for process in Things(tmp_path).processes.values():
        process.kill()
    kernel.close()


def opened(kernel, cell=OPEN, count=2):
    kernel.run(cell)
    things = Things(kernel.folder)
    assert len(things.left()) == count
    return things


def begin(kernel, cell):
    """Begin a cell that does not end by itself."""
    request = kernel.send(cell)
    wait_for((kernel.folder / "working").exists, "the cell to be at work")
    return request


# ---- the ends; each gives when the kernel was asked to end


def request(kernel):
    """The request alone, without the signals by which the manager follows it up."""
    kernel.client.shutdown()


def shutdown(kernel):
    kernel.manager.shutdown_kernel()


def restart(kernel):
    kernel.manager.restart_kernel()


def sigterm(kernel):
    os.kill(kernel.pid, signal.SIGTERM)


def sighup(kernel):
    os.kill(kernel.pid, signal.SIGHUP)


def by_exit(kernel):
    kernel.send("exit()")


ENDS = [shutdown, restart, sigterm, sighup]


def end(kernel, how):
    """End the kernel and wait until it has ended."""
    process = psutil.Process(kernel.pid)
    how(kernel)
    wait_for(lambda: not is_alive(process), "the end")


@pytest.mark.sample(3)
@pytest.mark.parametrize("how", [*ENDS, by_exit])
def test_idle(kernel, how):
    things = opened(kernel)
    end(kernel, how)
    assert things.left() == set()
    assert sorted(things.cleaned()) == ["one", "two"]


@pytest.mark.sample(2)
@pytest.mark.parametrize("how", ENDS)
def test_while_a_flow_runs(kernel, how):
    things = opened(kernel)
    begin(kernel, BUSY["a run"])
    end(kernel, how)
    assert things.left() == set()
    assert sorted(things.cleaned()) == ["one", "two"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("how", [shutdown, sigterm])
def test_while_a_plain_cell_runs(kernel, how):
    things = opened(kernel)
    begin(kernel, BUSY["a plain cell"])
    end(kernel, how)
    assert things.left() == set()
    assert sorted(things.cleaned()) == ["one", "two"]


def test_while_a_run_goes_on_in_the_background(kernel):
    kernel.run("%%flow etl --with Thing('one') as one --with thing('two') as two\nw = work()")
    begin(kernel, "run = etl.start()")
    things = Things(kernel.folder)
    end(kernel, sigterm)
    assert things.left() == set()


def test_exit_in_the_cell_that_opened_them(kernel):
    kernel.run("from resnb import Flow\nThing = Thing.options(lifetime='kernel')")
    kernel.send("with Flow('etl') as flow, Thing('one'): pass\nflow.run()\nexit()")
    kernel.wait_until_gone()
    assert Things(kernel.folder).cleaned() == ["one"]  # so its process has ended, too
    assert not (kernel.folder / "one").exists()


@pytest.mark.sample(1)
@pytest.mark.parametrize("how", [request, sigterm, by_exit])
def test_a_slow_clean_up_does_not_keep_the_kernel_from_ending(kernel, how):
    things = opened(kernel, SLOW, 1)
    kernel.run(BUDGET.format(KERNEL_END_BUDGET))
    end(kernel, how)
    assert things.left() == {"one"}  # the next part is the reaper's
    wait_for((kernel.folder / "begun-one").exists, "the clean-up to begin")


def test_a_signal_in_the_middle_of_a_clean_up_lets_it_finish(kernel):
    things = opened(kernel, SLOW, 1)
    kernel.send("%flow close etl")
    wait_for((kernel.folder / "begun-one").exists, "the clean-up to begin")
    process = psutil.Process(kernel.pid)
    sigterm(kernel)
    (kernel.folder / "go").touch()
    wait_for(lambda: not is_alive(process), "the end")
    assert things.left() == set()
    assert things.cleaned() == ["one"]


def test_nbclient(tmp_path):
    cells = [THINGS, CELL, BUDGET.format(LIMIT), OPEN]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    pids = nbformat.v4.new_code_cell(
        "print(*(open(f'{name}/pid').read() for name in ('one', 'two')))"
    )
    notebook.cells.append(pids)
    run_headless(notebook, tmp_path)
    found = [int(pid) for pid in notebook.cells[-1].outputs[0].text.split()]
    assert len(found) == 2
    assert not [pid for pid in found if psutil.pid_exists(pid) and is_alive(psutil.Process(pid))]
    assert sorted(Things(tmp_path).cleaned()) == ["one", "two"]
    assert not Path(tmp_path, "one").exists()


# ---- forked children inherit handlers and hooks, but nothing that is open


CHILDREN = {
    "a pool that is terminated": """
        import multiprocessing, signal
        pool = multiprocessing.get_context("fork").Pool(2)
        assert pool.apply(signal.getsignal, [signal.SIGTERM]) == signal.SIG_DFL
        pool.terminate()
        pool.join()
        """,
    "a child that gets SIGTERM": """
        import signal
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(write, b"!")  # Python forgets signals that come before this
            threading.Event().wait(30)
            os._exit(1)
        os.read(read, 1)
        os.kill(pid, signal.SIGTERM)
        assert os.waitpid(pid, 0)[1] == signal.SIGTERM
        """,
    "a child of multiprocessing": """
        import multiprocessing, sys
        child = multiprocessing.get_context("fork").Process(target=sys.exit)
        child.start()
        child.join()
        """,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks beside threads, in the kernel
def test_the_end_of_a_forked_child_leaves_the_parents_things_open(kernel):
    things = opened(kernel)
    for name, child in CHILDREN.items():
        kernel.run(child)
        assert things.left() == {"one", "two"}, name
    kernel.run("%flow close etl")
    assert things.left() == set()
    assert sorted(things.cleaned()) == ["one", "two"]


SCRIPT = """
from resnb import Flow

with Flow("etl") as flow, Thing("one"):
    work()
run = flow.start()
while not os.path.exists("working"):
    threading.Event().wait(0.005)
child = os.fork()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print("alive:", os.path.exists("one"), run.state.name)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_that_ends_by_sys_exit(tmp_path):
    """In a script, for IPython would keep such a child of a cell alive."""
    script = tmp_path / "script.py"
    things = THINGS.replace("%load_ext resnb", "import sys")
    script.write_text(things + BUDGET.format(LIMIT) + SCRIPT)
    command = [sys.executable, script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive: True Running\n"), done.stderr
    assert Things(tmp_path).cleaned() == ["one"]
    assert not (tmp_path / "one").exists()
