"""What is called protected was rehearsed: the marks of real kernels, and what is left of them.

Each example leaked once although it was marked as protected. Now its mark says why it would leak,
or nothing is left when its kernel is killed.
"""

import ast
import os
import signal
import time

import psutil
import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.kernel.client import Kernel, wait_for
from tests.kernel.conftest import BEGIN

PATIENCE = 60.0
HEAD = """
import importlib.abc, importlib.util, os, subprocess, sys, tempfile, types
from pathlib import Path
from resnb import resource_manager
things = Path(os.environ["RESNB_TEST_THINGS"])
def start(**options):
    return subprocess.Popen(["sleep", "600"], start_new_session=True, **options)
def touched(name):
    (things / name).touch()
    return things / name
MODULE = '''
from pathlib import Path
class Thing:
    def __init__(self, path): self.path = str(path)
    def setup(self): Path(self.path).touch(); return self.path
    def cleanup(self, path): Path(path).unlink()
'''
"""
OPEN = "%%flow etl --with Thing() as thing --run\n# open"


class Notebook:
    """A kernel with a ledger and a folder of things of its own."""

    def __init__(self, folder, **variables):
        self.things, self.home = folder / "things", folder / "home"
        self.things.mkdir()
        variables |= {"RESNB_HOME": str(self.home), "RESNB_TEST_THINGS": str(self.things)}
        (folder / "notebooks").mkdir()
        self.kernel = Kernel(folder / "notebooks", BEGIN, env={**os.environ, **variables})
        self.kernel.run(HEAD)

    def open(self, *cells):
        """Open a `Thing` that these cells define."""
        is_own = any("def setup" in one for one in cells)  # else it is that of MODULE
        opens = OPEN if is_own else OPEN.replace("Thing()", "Thing(things / 'made')")
        for one in (*cells, opens):
            self.kernel.run(one)

    def mark(self):
        """What ``%resources`` says of it; empty if it is protected."""
        line = self.kernel.run("%resources").stdout.strip()
        state, _, mark = line.removeprefix("etl/thing").strip().partition("  ")
        assert state == "open", line
        return mark.strip()

    def kill(self):
        """Kill the kernel, and wait until nothing is left to do; gives what is left."""
        os.kill(self.kernel.pid, signal.SIGKILL)
        self.kernel.wait_until_gone()
        LedgerCommands(self.home).wait(PATIENCE)
        return sorted(one.name for one in self.things.iterdir())

    @property
    def reason(self):
        """Why the latest lease was closed."""
        return LedgerCommands(self.home).store.history()[0].reason


@pytest.fixture
def notebook(tmp_path):
    made = []

    def start(**variables):
        made.append(Notebook(tmp_path, **variables))
        return made[-1]

    yield start
    for one in made:
        one.kernel.close()
        commands = LedgerCommands(one.home)
        for lease in commands.store.alive():
            commands.store.close(lease.id, time.time())


LATER = """
@resource_manager
class Thing:
    def setup(self): return touched("later")
    def cleanup(self, path): remove(path)
"""


def test_a_name_that_a_later_cell_defines(notebook):
    one = notebook()
    one.open(LATER)
    assert one.mark() == "unprotected: cleanup() uses 'remove', which is not defined"
    one.kernel.run("def remove(path): path.unlink()")
    assert one.mark() == ""
    assert one.kill() == []


def test_a_clean_up_that_is_mended_later(notebook):
    one = notebook()
    one.open("def remove(path): print('not yet')", LATER)
    assert one.mark() == ""
    one.kernel.run("def remove(path): path.unlink()")
    assert one.mark() == ""
    assert one.kill() == []


OWN = """
@resource_manager
class Thing:
    def setup(self):
        self.made = touched("own")
        return self.made
    def cleanup(self, path): {}
"""
MENDED = {
    "a method of the class": "Thing.resource_class.cleanup = lambda self, path: path.unlink()",
    "the class": OWN.format("path.unlink()"),
    "what it holds": "how.append(Path.unlink)",
    "the class, which could not clean up what the old one has made": OWN.replace(
        "made", "called"
    ).format("print(self.called)"),
}
BEFORE = {
    "a method of the class": "pass",
    "the class": "pass",
    "what it holds": "[one(path) for one in how]",
    "the class, which could not clean up what the old one has made": "path.unlink()",
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("what", MENDED)
def test_what_a_later_cell_mends(notebook, what):
    one = notebook()
    one.open("how = []", OWN.format(BEFORE[what]))
    assert one.mark() == ""
    one.kernel.run(MENDED[what])
    assert one.mark() == ""
    assert one.kill() == []


def test_a_recipe_is_written_again_only_if_it_is_another_one(notebook):
    one = notebook()
    one.open("how = []", OWN.format("[one(path) for one in how]"))
    one.mark()
    rows = LedgerCommands(one.home).store
    before = rows.alive()
    for cell in ("1 + 1", "other = 2", "def start(): return 3"):
        one.kernel.run(cell)
        assert one.mark() == ""
        assert rows.alive() == before


UNPROTECTED = {
    "a module that it imports late": (
        """
        @resource_manager
        class Thing:
            def setup(self): return touched("late")
            def cleanup(self, path):
                import not_there
                not_there.remove(path)
        """,
        "cleanup() imports 'not_there', which is not there",
    ),
    "a name of a module, which is not there": (
        """
        Path("late.py").write_text("def remove(path): path.unlink()")
        @resource_manager
        class Thing:
            def setup(self): return touched("late")
            def cleanup(self, path):
                from late import remove, removed
                removed(path)
        """,
        "cleanup() imports 'removed' of 'late', which has no such name",
    ),
    "what a method of another class refers to": (
        """
        class Api:
            def remove(self, path): gone(path)
        api = Api()
        @resource_manager
        class Thing:
            def setup(self): return touched("deep")
            def cleanup(self, path): api.remove(path)
        """,
        "remove() uses 'gone', which is not defined",
    ),
    "a handle that has not what the resource has": (
        """
        @resource_manager
        class Thing:
            def setup(self): return touched("handle")
            def handle(self, path): return str(path)
            def cleanup(self, path): path.unlink()
        """,
        "cleanup() uses 'unlink' of a str, which has no such attribute",
    ),
    "a module made in memory": (
        """
        made = types.ModuleType("made")
        exec(MODULE, vars(made))
        sys.modules["made"] = made
        Thing = resource_manager(made.Thing)
        """,
        "its recipe cannot be loaded: ModuleNotFoundError: No module named 'made'",
    ),
    "a module of an import hook": (
        """
        class Hook(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
            def find_spec(self, name, path, target=None):
                if name == "hooked":
                    return importlib.util.spec_from_loader(name, self)
            def get_source(self, name): return MODULE
        sys.meta_path.append(Hook())
        import hooked
        Thing = resource_manager(hooked.Thing)
        """,
        "its recipe cannot be loaded: ModuleNotFoundError: No module named 'hooked'",
    ),
    "a module of spec_from_file_location": (
        """
        Path("other").mkdir()
        Path("other", "located.py").write_text(MODULE)
        spec = importlib.util.spec_from_file_location("located", "other/located.py")
        sys.modules["located"] = located = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(located)
        Thing = resource_manager(located.Thing)
        """,
        "its recipe cannot be loaded: ModuleNotFoundError: No module named 'located'",
    ),
    "a module in a folder that was removed": (
        """
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "removed.py").write_text(MODULE)
            sys.path.insert(0, folder)
            import removed
        Thing = resource_manager(removed.Thing)
        """,
        "its recipe cannot be loaded: ModuleNotFoundError: No module named 'removed'",
    ),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", UNPROTECTED)
def test_what_would_leak_is_called_unprotected(notebook, kind):
    one = notebook()
    cell, why = UNPROTECTED[kind]
    one.open(cell)
    assert one.mark() == f"unprotected: {why}"


PROTECTED = {
    "a path that was removed from sys.path": """
        Path("lib").mkdir()
        Path("lib", "shifted.py").write_text(MODULE)
        sys.path.insert(0, os.path.abspath("lib"))
        import shifted
        sys.path.pop(0)
        Thing = resource_manager(shifted.Thing)
        """,
    "a relative path in sys.path, and another folder since": """
        Path("lib").mkdir()
        Path("lib", "shifted.py").write_text(MODULE)
        sys.path.insert(0, "lib")
        import shifted
        os.chdir(things.parent)
        Thing = resource_manager(shifted.Thing)
        """,
    "a module beside the notebook, and another folder since": """
        Path("shifted.py").write_text(MODULE)
        import shifted
        os.chdir(things.parent)
        Thing = resource_manager(shifted.Thing)
        """,
    "a relative handle, and another folder during set-up": """
        os.chdir(things)
        @resource_manager
        class Thing:
            def setup(self):
                Path("there").mkdir()
                os.chdir("there")
                Path("relative").touch()
                return Path("relative")
            def cleanup(self, path):
                path.unlink(missing_ok=True)
                Path("../there").rmdir()
        """,
    "a relative handle of before, and another folder during set-up": """
        os.chdir(things)
        @resource_manager
        class Thing:
            def setup(self):
                path = Path("relative")
                path.touch()
                os.chdir("/")
                return {"all": [path]}
            def cleanup(self, paths): paths["all"][0].unlink(missing_ok=True)
        """,
    "a variable that set-up sets": """
        @resource_manager
        class Thing:
            env = ("RESNB_TEST_SET",)
            def setup(self): os.environ["RESNB_TEST_SET"] = str(touched("of-env"))
            def cleanup(self, _): os.unlink(os.environ["RESNB_TEST_SET"])
        """,
    "a module in a folder that set-up adds": """
        Path("lib").mkdir()
        Path("lib", "added.py").write_text("def remove(path): path.unlink()")
        @resource_manager
        class Thing:
            def setup(self):
                sys.path.append(os.path.abspath("lib"))
                return touched("added")
            def cleanup(self, path):
                import added
                added.remove(path)
        """,
    "a process with stdin, in a block": """
        @resource_manager
        class Thing:
            def setup(self):
                touched("process")
                return start(stdin=subprocess.PIPE, text=True)
            def cleanup(self, process):
                with process:
                    process.stdin.write("quit")
                    process.stdin.close()
                    process.kill()
                (things / "process").unlink()
        """,
    "a process of multiprocessing, and its exit code": """
        import multiprocessing, time
        @resource_manager
        class Thing:
            def setup(self):
                touched("process")
                context = multiprocessing.get_context("spawn")
                process = context.Process(target=time.sleep, args=(600,), name="sleeper")
                process.start()
                return process
            def cleanup(self, process):
                assert process.name == "sleeper" and process.ident == process.pid
                if process.exitcode is None:
                    process.terminate()
                    process.join()
                (things / "process").unlink()
        """,
    "the name of its lease": """
        @resource_manager
        class Thing:
            def setup(self):
                touched(self.lease.name.replace("/", "-"))
            def cleanup(self, _):
                (things / self.lease.name.replace("/", "-")).unlink()
        """,
    "what it asks for before it uses it": """
        @resource_manager
        class Thing:
            def setup(self): return touched("careful")
            def cleanup(self, path):
                try:
                    import not_there
                except ImportError:
                    not_there = None
                if hasattr(self, "process"):
                    self.process.kill()
                path.unlink()
        """,
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", PROTECTED)
def test_nothing_is_left_of_what_is_called_protected(notebook, kind):
    one = notebook()
    one.open(PROTECTED[kind])
    assert one.mark() == ""
    assert list(one.things.iterdir()), "the thing is not there"
    assert one.kill() == []
    assert one.reason == "cleaned up by the reaper"


VARIABLES = {
    "PYTHONHOME": "/nowhere",
    "PYTHONSTARTUP": "/nowhere",
    "PYTHONSAFEPATH": "1",
    "PYTHONINSPECT": "1",
    "PYTHONIOENCODING": "no-such-encoding",
    "PYTHONPLATLIBDIR": "nowhere",
}


@pytest.mark.sample(1)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_of_the_interpreter_does_not_break_the_clean_up(notebook, variable):
    one = notebook()
    one.kernel.run(f"os.environ[{variable!r}] = {VARIABLES[variable]!r}")
    one.kernel.run("def remove(path): path.unlink()")
    one.open(LATER)
    assert one.mark() == ""
    assert one.kill() == []


def test_a_relative_path_in_the_kernel_is_cleaned_up_where_it_was_made(notebook):
    one = notebook()
    one.open(
        """
        import shutil
        os.chdir(things)
        @resource_manager
        class Thing:
            def setup(self):
                Path("relative").mkdir()
                return "relative"
            def cleanup(self, path): shutil.rmtree(path, ignore_errors=True)
        """
    )
    one.kernel.run("os.chdir('/')")
    one.kernel.finish(one.kernel.send("%flow close etl"))
    assert one.kill() == []
    assert one.reason == "cleaned up by the reaper"


def test_a_setting_turns_rehearsals_off(notebook):
    one = notebook(RESNB_REHEARSAL="off")
    one.open(LATER)
    assert one.mark() == ""
    assert LedgerCommands(one.home).store.alive()[0].rehearsal == ""


def test_a_setting_that_means_nothing_is_refused_before_anything_is_created(notebook):
    one = notebook(RESNB_REHEARSAL="maybe")
    one.kernel.run(LATER)
    assert "RESNB_REHEARSAL='maybe' means nothing" in one.kernel.fail(OPEN).traceback
    assert list(one.things.iterdir()) == []


BUSY = """
import ctypes
from dask.distributed import LocalCluster
@resource_manager
class Thing:
    def setup(self): return LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0")
    def cleanup(self, cluster): cluster.close()
def hold(path):
    Path(path).touch()
    ctypes.PyDLL(None).sleep(600)  # in C, without letting go of the interpreter
"""
HOLD = """
from dask.distributed import Client
from resnb.run.memory import memory_of
cluster = memory_of(etl).open_leases
cluster = next(iter(cluster.values())).resource
client = Client(cluster)
future = client.submit(hold, str(things / "held"))
print([nanny.pid for nanny in cluster.workers.values()])
"""


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_that_outlive_their_kernel_are_ended_before_it_is_said_that_they_died(notebook):
    one = notebook()
    one.open(BUSY)
    (pid,) = ast.literal_eval(one.kernel.run(HOLD).stdout)
    worker = psutil.Process(pid)
    wait_for((one.things / "held").exists, "the worker to be busy")
    one.kill()
    assert not is_alive(worker)
    assert one.reason == "died with its kernel"
