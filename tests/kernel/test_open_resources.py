"""Resources in ordinary cells: `with`, and `%resources open` until it is closed or the kernel ends."""

import os
import signal

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.kernel.client import Kernel, wait_for
from tests.ledger.worlds import end_sweepers

PLACE = """
%load_ext resnb
from pathlib import Path
from resnb import resource_manager, task

notes = []

@resource_manager
class Place:
    def __init__(self, name="place"):
        self.name = name

    def setup(self):
        folder = Path(self.name)
        folder.mkdir()
        notes.append(f"up {self.name}")
        return str(folder.absolute())

    def cleanup(self, folder):
        Path(folder).rmdir()
        try:
            notes.append(f"down {Path(folder).name}")
        except NameError:
            pass

@task
def use(place):
    return Path(place).exists()
"""


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "ledger"
    end_sweepers(tmp_path / "ledger")


@pytest.fixture
def begin(tmp_path, home):
    """Starts kernels on one ledger in one folder."""
    kernels = []

    def begin():
        kernels.append(Kernel(tmp_path, PLACE, env={**os.environ, "RESNB_HOME": str(home)}))
        return kernels[-1]

    yield begin
    for kernel in kernels:
        kernel.close()


def test_a_with_block_in_a_cell(begin, tmp_path):
    kernel = begin()
    shown = kernel.run("with Place() as place:\n    %resources\n    print(Path(place).exists())")
    assert shown.stdout == "Place  open\nTrue\n"
    assert kernel.value("notes") == ["up place", "down place"]
    shown = kernel.fail("with Place() as place:\n    1 / 0")
    assert shown.error == "ZeroDivisionError"
    assert kernel.run("%resources").stdout == "no resources are open\n"
    kernel.run("async with Place('b') as place:\n    assert Path(place).exists()")
    assert kernel.value("notes[-2:]") == ["up b", "down b"]
    assert kernel.value("repr(Place())") == (
        "<Place: not open yet; write `with Place(...) as x:`, or Place(...).open()>"
    )


def test_what_a_block_holds_is_left_to_it(begin):
    kernel = begin()
    kernel.run(
        "from threading import Event, Thread\n"
        "begun, over = Event(), Event()\n"
        "def work():\n"
        "    with Place():\n"
        "        begun.set(); over.wait()\n"
        "thread = Thread(target=work); thread.start(); begun.wait(60)"
    )
    for line in ("%resources cleanup", "%resources cleanup Place"):
        assert kernel.fail(line).message == (
            "Place: held by a `with` block, which cleans it up at its end"
        )
    kernel.run("over.set(); thread.join()")
    assert kernel.value("notes") == ["up place", "down place"]


def test_the_registered_kinds(begin, tmp_path):
    kernel = begin()
    shown = kernel.run("%resources kinds").stdout.splitlines()
    calls = shown[::2]
    assert [one.split("(")[0] for one in calls] == sorted(one.split("(")[0] for one in calls)
    assert "folder(prefix='', parent=None)" in calls
    assert all(one.startswith("    ") for one in shown[1::2])
    kernel.run("%resources open folder(prefix='x-', parent='.') as made")
    assert kernel.value("made.name.startswith('x-')")
    kernel.run("%%flow etl --with folder(parent='.') as inner --run --quiet\ny = use(inner)", "a")
    assert kernel.value("y.value")
    kernel.run("%resources cleanup")
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == ["ledger"]


def test_open_binds_the_live_thing_and_close_unbinds_it(begin, tmp_path):
    kernel = begin()
    assert kernel.run("%resources open Place('a') as here").stdout == "here is open\n"
    assert kernel.value("here") == str(tmp_path / "a")
    assert kernel.run("%resources").stdout == "here  open\n"
    again = "%resources open Place( 'a' ) as here"
    assert kernel.run(again).stdout == "here is open already\n"
    shown = kernel.run("name = 'b'\n%resources open Place(name) as here --ttl 2h")
    assert shown.stdout == "cleaned up here\nhere is open\n"
    assert kernel.value("(here, notes)") == (str(tmp_path / "b"), ["up a", "down a", "up b"])
    assert kernel.run("%resources close here").stdout == "cleaned up here\n"
    assert kernel.value("'here' in globals()") is False
    assert kernel.run("%resources close").stdout == "nothing is open for ordinary cells\n"
    assert kernel.run("%resources open Place").stdout == (
        "Place is open; no variable has its value: `as NAME` would bind one\n"
    )
    assert kernel.run("%resources cleanup").stdout == "cleaned up Place\n"


def test_a_definition_that_has_changed_opens_anew(begin):
    kernel = begin()
    cell = "%%resource spot(name='s')\nPath(name).mkdir()\nyield name\nPath(name).rmdir()"
    kernel.run(cell)
    kernel.run("%resources open spot as s")
    kernel.run(cell + "\nnotes.append('new')")
    assert kernel.run("%resources open spot as s").stdout == "cleaned up s\ns is open\n"
    assert kernel.value("notes") == []
    kernel.run("%resources close s")
    assert kernel.value("notes") == ["new"]


def test_a_set_up_that_fails_leaves_no_variable(begin):
    kernel = begin()
    kernel.run("%resources open Place('a') as here")
    shown = kernel.fail("%resources open Place('a/b/c') as here")
    assert shown.error == "FileNotFoundError"
    assert kernel.value("'here' in globals()") is False
    assert kernel.value("notes") == ["up a", "down a"]


def test_a_flow_joins_what_is_open(begin):
    kernel = begin()
    kernel.run("%resources open Place('a') as here")
    kernel.run("%%flow etl --with here --quiet\nx = use(here)", "one")
    assert kernel.value("isinstance(here, str)")
    kernel.run("%flow run etl")
    assert kernel.value("(x.value, notes)") == (True, ["up a"])
    kernel.run("%%flow etl --with here --run --quiet\ny = use(here)", "two")
    assert kernel.value("(y.value, Path(here).exists())") == (True, True)
    assert kernel.run("%resources").stdout == "here  open\n"
    kernel.run("%resources open Place('b') as here")
    kernel.run("%%flow etl --with here --quiet\nx = use(here)", "one")
    kernel.run("%flow run etl")
    assert kernel.value("(x.value, notes)") == (True, ["up a", "down a", "up b"])
    kernel.run("%resources close here")
    shown = kernel.fail("%flow run etl")
    assert "resource 'here' is closed: open it again before the flow runs" in shown.message


def test_only_cells_that_read_the_variable_are_use(begin):
    kernel = begin()
    kernel.run("def look(): return here")
    kernel.run("%resources open Place('a') as here --idle-timeout 1h")
    last = (
        "from resnb.ledger.kernel.keeper import KEEPER\n"
        "def last(): return [one.last for one in KEEPER.activity.own.values()][0]"
    )
    kernel.run(last)
    first = kernel.value("last()")
    kernel.run("1 + 1")
    assert kernel.value("last()") == first
    kernel.run("print(here)")
    second = kernel.value("last()")
    assert second > first
    kernel.run("look()")
    assert kernel.value("last()") > second


def test_a_cell_inside_a_cell_does_not_end_its_use(begin):
    kernel = begin()
    kernel.run("from resnb.ledger.kernel.keeper import KEEPER")
    kernel.run("%resources open Place('a') as here --idle-timeout 1h")
    kernel.run(
        "here\n"
        "get_ipython().run_cell('1 + 1')\n"
        "busy = [one.is_busy for one in (KEEPER.activity, *KEEPER.activity.own.values())]"
    )
    assert kernel.value("busy") == [True, True]
    assert kernel.value("[one.is_busy for one in KEEPER.activity.own.values()]") == [False]


@pytest.mark.sample(1)
@pytest.mark.parametrize("line", ["%resources open Place as here", "held = Place().open()"])
def test_kill_9_leaves_nothing(begin, home, tmp_path, line):
    kernel = begin()
    kernel.run(line)
    assert (tmp_path / "place").exists()
    os.kill(kernel.value("__import__('os').getpid()"), signal.SIGKILL)
    wait_for(lambda: not (tmp_path / "place").exists(), "the clean-up")
    wait_for(lambda: not LedgerCommands(home).leases(), "the end of its lease")


def test_what_is_kept_survives_a_restart_and_is_found_again(begin, tmp_path):
    kernel = begin()
    kernel.run("%resources open Place as here --keep 10m")
    kernel.close()
    assert (tmp_path / "place").exists()
    kernel = begin()
    assert kernel.run("%resources open Place as here --keep 10m").stdout == "here is open\n"
    assert kernel.value("(here, notes)") == (str(tmp_path / "place"), [])
    kernel.run("%resources close here")
    assert not (tmp_path / "place").exists()


MISTAKES = {
    "%resources open": "the resource is missing",
    "%resources open Plase as here": "there is no such resource (known: Place); did you mean Place?",
    "%resources open Place(1, 2)": "takes 1 argument (name), but 2 were given",
    "%resources open Place --tll 2h": "unknown option '--tll'; the nearest is --ttl",
    "%resources open Place as 3": "after `as` stands a variable: '3' is none",
    "%resources open Place.map('ab') as x": "only a flow maps a resource",
    "%resources open use as x": "%resources open use: FunctionTask is no resource",
    "%resources close nothing": "no resource 'nothing' was opened by %resources open",
}


def test_mistakes_are_one_line(begin):
    kernel = begin()
    for cell, words in MISTAKES.items():
        shown = kernel.fail(cell)
        assert words in shown.message, cell
        assert "\n" not in shown.message
    assert kernel.value("notes") == []


def test_what_a_set_up_raises_shows_the_lines_of_its_cell(begin):
    kernel = begin()
    kernel.run("%%resource Slip\nnumber = 1\nnumber / 0\nyield number")
    shown = kernel.fail("%resources open Slip as slip")
    assert "    number / 0\n" in shown.traceback
    assert shown.traceback.endswith("ZeroDivisionError: division by zero")
    shown = kernel.fail("%resources open folder(parent='/proc/none') as made")
    assert shown.traceback == (
        "NothingMadeError: TemporaryFolder: no folder can be made in /proc/none: "
        "No such file or directory"
    )
    assert "\nmade " not in kernel.run("%resources").stdout


def test_what_a_library_raises_at_once_is_one_line(begin):
    kernel = begin()
    kernel.run("import json\nfrom resnb import resource\nloaded = resource(json.loads)")
    assert kernel.fail("%resources open loaded('[') as text").traceback == (
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 2 (char 1)"
    )
