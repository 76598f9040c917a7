"""``%resources``: what is unprotected says so; what is kept survives the kernel and is adopted."""

import os
import signal

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.kernel.client import LIMIT, Kernel, wait_for
from tests.ledger.worlds import end_sweepers

PLACE = """
%load_ext resnb
from pathlib import Path
from resnb import resource_manager, task

set_up = []

@resource_manager
class Place:
    def setup(self):
        folder = Path("place")
        folder.mkdir()
        set_up.append(folder)
        return str(folder.absolute())

    def cleanup(self, folder):
        Path(folder).rmdir()

class Thing:
    pass

@resource_manager
class Fragile:
    def setup(self): return Thing()
    def cleanup(self, thing): pass

@resource_manager
class Inside:
    dies_with_kernel = True
    def setup(self): return Thing()
    def cleanup(self, thing): pass

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


def test_what_only_this_kernel_can_clean_up_is_marked(begin):
    kernel = begin()
    kernel.run(
        "%%flow etl --with Fragile as f --with Inside as i --with Place as p --run\nx = use(p)"
    )
    assert kernel.run("%resources").stdout == (
        "etl/f  open  unprotected: a Thing cannot be found by another process: "
        "define handle() and attach()\n"
        "etl/i  open\n"
        "etl/p  open\n"
    )
    assert kernel.fail("%resources keep etl/f 5m").message.startswith(
        "resource 'etl/f' cannot be kept: a Thing cannot be found"
    )
    assert kernel.fail("%resources keep etl/i 5m").message == (
        "resource 'etl/i' cannot be kept: it lives inside the kernel's process"
    )
    assert kernel.fail("%resources keep etl/p 5m").message.startswith(
        "resource 'etl/p' cannot be kept: it may depend on 'etl/f': a Thing cannot be found"
    )


def test_what_ends_by_itself_says_so_when_it_is_kept(begin):
    """Nobody can put off what the provider does, neither this kernel nor a later one."""
    kernel = begin()
    kernel.run(
        "class Doomed(Place.definition):\n    self_destruct = '2h'\nDoomed = resource_manager(Doomed)"
    )
    kernel.run("%%flow etl --with Doomed as d --run\nx = use(d)")
    assert kernel.run("%resources keep etl/d 3h").stdout == (
        "etl/d: kept for 3h after this kernel's end; its self_destruct of 2h ends it anyhow\n"
    )
    kernel.run("%resources cleanup etl/d")


def test_the_list_says_that_the_ledger_keeps_a_secret(begin):
    kernel = begin()
    kernel.run(
        "@resource_manager\nclass Db:\n    def __init__(self, password): self.password = password\n"
        "    def setup(self): return 'db'\n    def cleanup(self, db): pass"
    )
    kernel.run("%resources open Db('hidden') as db")
    notice = "the ledger keeps what looks like secrets until this is cleaned up: "
    for listed in (kernel.run("%resources").stdout, kernel.run("!resnb ls").stdout):
        assert notice + "attribute 'password'" in listed
        assert "hidden" not in listed


def test_what_a_kept_resource_may_depend_on_is_kept_too(begin, home, tmp_path):
    places = """
    @resource_manager
    class Other:
        def setup(self):
            Path("other").mkdir()
            return str(Path("other").absolute())
        def cleanup(self, folder):
            Path(folder).rmdir()
    """
    kernel = begin()
    kernel.run(places)
    kernel.run("%%flow etl --with Other as o --with Place as p --run\nx = use(p)")
    kernel.run("%resources keep etl/p 10m")
    kernel.close()
    commands = LedgerCommands(home)
    wait_for(lambda: [one.state for one in commands.leases()] == ["kept"] * 2, "the reaper")
    assert commands.clean_up(commands.leases(), LIMIT) == []
    assert not (tmp_path / "place").exists()
    assert not (tmp_path / "other").exists()


def test_a_kept_resource_survives_its_kernel_and_is_adopted_by_the_next(begin, home, tmp_path):
    first = begin()
    first.run("%%flow etl --with Place as p --run\nx = use(p)")
    shown = first.run("%resources keep etl/p 10m")
    assert shown.stdout == "etl/p: kept for 10m after this kernel's end\n"
    shown = first.run("%resources keep etl/p 600")
    assert shown.stdout == "etl/p: kept for 10m after this kernel's end\n"
    first.close()
    assert (tmp_path / "place").exists()

    second = begin()
    commands = LedgerCommands(home)
    assert commands.wait(LIMIT) == []  # until its reaper has seen that the kernel has ended
    listed = second.run("%resources --all").stdout
    assert listed == f"etl/p  kept  {tmp_path}, whose kernel has ended\n"
    shown = second.run("%resources adopt etl/p")
    assert shown.stdout == "adopted etl/p: the next scope of that name uses it\n"
    assert second.run("%resources").stdout == "etl/p  open\n"
    second.run("%%flow etl --with Place as p --run\nx = use(p)")
    assert second.value("x.value, set_up") == (True, [])
    assert second.run("%resources cleanup").stdout == "cleaned up etl/p\n"
    assert not (tmp_path / "place").exists()
    assert second.fail("%resources adopt etl/p").error == "LedgerError"


OPENED = {
    "class": ("", "Place() as p"),
    "cell": (
        """%%resource place
folder = Path('place').absolute()
folder.mkdir()
set_up.append(folder)
yield str(folder)
folder.rmdir()
""",
        "place as p",
    ),
}


@pytest.mark.parametrize("form", OPENED)
def test_what_was_opened_for_ordinary_cells_is_bound_once_it_is_adopted(
    begin, home, tmp_path, form
):
    cell, opened = OPENED[form]
    first = begin()
    if cell:
        first.run(cell)
    first.run(f"%resources open {opened} --keep 10m")
    first.close()
    assert (tmp_path / "place").exists()

    second = begin()
    if cell:
        second.run(cell)
    assert LedgerCommands(home).wait(LIMIT) == []
    assert second.run("%resources adopt p").stdout == "adopted p: p is bound to it\n"
    assert second.value("p") == str(tmp_path / "place")
    assert second.run(f"%resources open {opened}").stdout == "p is open already\n"
    second.run("%%flow etl --with p --run\nx = use(p)")
    assert second.value("x.value, set_up") == (True, [])
    second.run("%flow close etl")
    assert second.run("%resources close p").stdout == "cleaned up p\n"
    assert not (tmp_path / "place").exists()
    assert second.value("'p' in globals()") is False


def test_what_has_no_value_elsewhere_cannot_be_adopted(begin, home, tmp_path):
    first = begin()
    first.run(
        "%%resource place\nfolder = Path('place').absolute()\nfolder.mkdir()\nyield Thing()\n"
        "folder.rmdir()"
    )
    first.run("%resources open place as p --keep 10m")
    first.close()
    second = begin()
    assert LedgerCommands(home).wait(LIMIT) == []
    assert second.fail("%resources adopt p").message == (
        "resource 'p' could not be adopted: only the kernel that opened it knows what its cell "
        "yields: yield a variable, or define handle and attach"
    )
    wait_for(lambda: not (tmp_path / "place").exists(), "the reaper")


def test_what_is_adopted_takes_no_variable_from_anybody(begin, home, tmp_path):
    first = begin()
    first.run("%resources open Place() as p --keep 10m")
    first.close()
    second = begin()
    assert LedgerCommands(home).wait(LIMIT) == []
    second.run("p = 'mine'")
    said = second.run("%resources adopt p").stdout
    assert said == "adopted p: the next scope of that name uses it\n"
    assert second.value("p") == "mine"
    assert second.run("%resources open Place() as p").stdout == "p is open\n"
    assert second.value("p, set_up") == (str(tmp_path / "place"), [])


@pytest.mark.long
def test_a_kept_resource_that_nobody_adopts_is_cleaned_up_when_asked(begin, home, tmp_path):
    kernel = begin()
    kernel.run("%%flow etl --with Place as p --run\nx = use(p)")
    kernel.run("%resources keep etl/p 10m")
    kernel.close()
    commands = LedgerCommands(home)
    assert commands.wait(LIMIT) == []
    assert (tmp_path / "place").exists()
    assert commands.clean_up(commands.find("etl/p"), LIMIT) == []
    assert not (tmp_path / "place").exists()


def test_a_command_cleans_up_in_a_kernel_that_is_alive(begin, home, tmp_path):
    kernel = begin()
    kernel.run("%%flow etl --with Place as p --run\nx = use(p)")
    commands = LedgerCommands(home)
    assert commands.clean_up(commands.find("etl/p"), LIMIT) == []
    assert not (tmp_path / "place").exists()
    assert kernel.run("%resources").stdout == "no resources are open\n"
    (closed,) = commands.leases(closed=True)
    assert closed.record.reason == "cleaned up"  # by the kernel, where the live object is


@pytest.mark.long
def test_what_a_command_keeps_survives_an_orderly_end(begin, home, tmp_path):
    kernel = begin()
    kernel.run("%%flow etl --with Place as p --run\nx = use(p)")
    commands = LedgerCommands(home)
    commands.keep("etl/p", 600.0)
    kernel.manager.shutdown_kernel()
    wait_for(lambda: [one.state for one in commands.leases()] == ["kept"], "its end to be noted")
    assert (tmp_path / "place").exists()
    assert commands.clean_up(commands.leases(), LIMIT) == []
    assert not (tmp_path / "place").exists()


@pytest.mark.sample(1)
@pytest.mark.parametrize("end", ["shutdown", "SIGKILL"])
def test_the_same_cell_takes_over_what_somebody_has_kept_for_it(begin, home, tmp_path, end):
    cell = "%%flow etl --with Place as p --run\nx = use(p)"
    first = begin()
    first.run(cell)
    commands = LedgerCommands(home)
    commands.keep("etl/p", 600.0)
    if end == "shutdown":
        first.manager.shutdown_kernel()
    else:
        os.kill(first.pid, signal.SIGKILL)
        first.wait_until_gone()
    wait_for(lambda: [one.state for one in commands.leases()] == ["kept"], "the reaper")

    second = begin()
    second.run(cell)
    assert second.value("x.value, set_up") == (True, [])
    assert [one.state for one in commands.leases()] == ["open"]
    second.run("%resources cleanup")
    assert not (tmp_path / "place").exists()


SLOW = """
@resource_manager
class Slow:
    def setup(self):
        folder = Path("place")
        folder.mkdir()
        set_up.append(folder)
        return str(folder.absolute())

    def cleanup(self, folder):
        import pathlib, threading
        while not pathlib.Path("go").exists():
            threading.Event().wait(0.05)
        pathlib.Path(folder).rmdir()
"""


def test_a_set_up_waits_until_the_one_before_is_cleaned_up(begin, home, tmp_path):
    cell = "%%flow etl --with Slow as p --run\nx = use(p)"
    first = begin()
    first.run(SLOW)
    first.run(cell)
    os.kill(first.pid, signal.SIGKILL)
    first.wait_until_gone()

    second = begin()
    second.run(SLOW)
    second.run(
        "import threading\n"
        "from resnb.ledger.kernel.keeper import KEEPER\n"
        "wait_before = KEEPER.predecessors._host.pause\n"
        "def pause(seconds):\n"
        "    Path('go').touch()\n"
        "    wait_before(seconds)\n"
        "KEEPER.pause = pause"
    )
    ran = second.run(cell)
    assert second.value("x.value, len(set_up)") == (True, 1)
    assert ran.stderr.splitlines() == [
        "etl/p: the one before is being cleaned up; set-up waits for that, up to 60 s"
    ]
    second.run("%resources cleanup")
    assert LedgerCommands(home).leases() == []


def test_an_error_of_set_up_names_who_holds_the_same(begin, home):
    cell = "%%flow etl --with Place as p --run\nx = use(p)"
    first = begin()
    first.run(cell)
    (held,) = LedgerCommands(home).leases()
    second = begin()
    failed = second.fail(cell)
    assert "FileExistsError" in failed.message + failed.error
    assert (
        f"there is already: etl/p ({held.record.id[:8]}, open, process {first.pid}); it may hold "
        f"what this set-up needs"
    ) in failed.message
    assert first.value("x.value")


@pytest.mark.sample(1)
@pytest.mark.parametrize("end", ["shutdown", "SIGTERM", "SIGKILL"])
def test_the_same_cell_takes_over_what_was_kept_even_from_a_running_flow(
    begin, home, tmp_path, end
):
    cell = '%%flow etl --with Place.options(keep="10m") as p\nx = wait_or_use(p)'
    task = """
    import threading
    @task
    def wait_or_use(place):
        Path("began").touch()
        while Path("wait").exists():
            threading.Event().wait(0.05)
        return Path(place).exists()
    """
    (tmp_path / "wait").touch()
    first = begin()
    first.run(task)
    first.run(cell)
    first.run("run = etl.start()")
    wait_for((tmp_path / "began").exists, "the task")
    if end == "shutdown":
        first.manager.shutdown_kernel()
    else:
        os.kill(first.pid, getattr(signal, end))
        first.wait_until_gone()
    commands = LedgerCommands(home)
    wait_for(lambda: [one.state for one in commands.leases()] == ["kept"], "the reaper")
    assert (tmp_path / "place").exists()

    (tmp_path / "wait").unlink()
    second = begin()
    second.run(task)
    second.run(cell)
    second.run("%flow run etl")
    assert second.value("x.value, set_up") == (True, [])
    assert commands.leases() == []
    assert not (tmp_path / "place").exists()


def test_each_item_of_a_mapped_scope_is_taken_over_by_itself(begin, home, tmp_path):
    places = """
    from resnb import unmapped
    @resource_manager(keep="10m")
    class Named:
        def __init__(self, name):
            self.name = name
        def setup(self):
            folder = Path(self.name)
            folder.mkdir()
            set_up.append(self.name)
            return str(folder.absolute())
        def cleanup(self, folder):
            Path(folder).rmdir()
    """
    cell = "%%flow etl --with Named.map({}) as p --run\nx = use.map(p)"
    first = begin()
    first.run(places)
    first.run(cell.format(["a", "b"]))
    os.kill(first.pid, signal.SIGKILL)
    first.wait_until_gone()
    commands = LedgerCommands(home)
    wait_for(lambda: {one.state for one in commands.leases()} == {"kept"}, "the reaper")
    assert sorted(one.name for one in commands.leases()) == ["etl/p[0]", "etl/p[1]"]

    second = begin()
    second.run(places)
    second.run(cell.format(["a", "c"]))  # the second item has another argument
    assert second.value("x.value, set_up") == ([True, True], ["c"])
    second.run("%flow close etl")
    assert [one.name for one in commands.leases()] == ["etl/p[1]"]
    assert [(tmp_path / name).exists() for name in "abc"] == [False, True, False]
    assert commands.clean_up(commands.leases(), LIMIT) == []
    assert not (tmp_path / "b").exists()


LEAKY = """
@resource_manager
class Leaky:
    def setup(self):
        Path("leaked").touch()
        raise ConnectionError("no answer")
    def cleanup(self, thing):
        pass
"""


def test_what_a_failed_set_up_may_have_made_is_unknown_until_somebody_has_looked(begin, home):
    kernel = begin()
    kernel.run(LEAKY)
    kernel.fail("%%flow etl --with Leaky as p --run\nx = use(p)")
    assert kernel.run("%resources").stdout == (
        "etl/p  unknown  its set-up failed, and nothing tells what it made: it may have leaked; "
        "look for it, then: resnb forget etl/p\n"
    )
    commands = LedgerCommands(home)
    (listed,) = commands.leases()
    assert (listed.state, listed.record.name) == ("unknown", "etl/p")
    assert listed.remedy.startswith(
        f"it may have leaked: look for what it made, then: resnb forget {listed.short_id}"
    )
    kernel.close()
    assert [one.record.id for one in commands.wait(LIMIT)] == [listed.record.id]
    assert [one.state for one in commands.sweep(LIMIT)] == ["unknown"]
    commands.forget("etl/p")
    assert commands.wait(LIMIT) == commands.leases() == []


def test_a_set_up_that_surely_made_nothing_is_not_listed(begin, home):
    kernel = begin()
    kernel.run(LEAKY.replace('Path("leaked").touch()', "Path(folder).touch()"))
    shown = kernel.fail("%%flow etl --with Leaky as p --run\nx = use(p)")
    assert "name 'folder' is not defined" in shown.message
    assert kernel.run("%resources").stdout == "no resources are open\n"
    assert [one.state for one in LedgerCommands(home).leases()] == []


FOUND_LATER = """
    def find(self, lease_id):
        return None
"""


def test_what_a_failed_set_up_may_still_make_is_looking_until_the_reaper_has_looked(begin, home):
    kernel = begin()
    kernel.run(LEAKY + FOUND_LATER)
    kernel.fail("%%flow etl --with Leaky as p --run\nx = use(p)")
    line = "etl/p  looking  looking for what set-up may still make\n"
    assert kernel.run("%resources").stdout == line
    assert " · looking" in kernel.run("etl").texts
    commands = LedgerCommands(home)
    (listed,) = commands.leases()
    assert (listed.state, listed.kernel, listed.remedy) == ("looking", "alive", "")
    commands.store.close(listed.record.id, 3000.0, "nothing was found in 900 s")
    assert kernel.run("%resources").stdout == "no resources are open\n"
    wait_for(lambda: " · closed" in kernel.run("etl").texts, "the reaper's word to be heard")
