"""``--with Database.map(urls) as db``: mapped scopes that span cells, and a kernel that is killed."""

import os
import signal

import pytest

from resnb.ledger.store.store import Store
from tests.kernel.client import Kernel, wait_for

DATABASE = """
from resnb import unmapped

@resource_manager
class Database:
    def __init__(self, url, timeout=None):
        self.url = url
    def setup(self):
        if self.url in broken:
            raise OSError(self.url)
        happened.append(f"set up {self.url}")
        return f"<{self.url}>"
    def cleanup(self, resource):
        print("closing", self.url)
        happened.append(f"clean up {self.url}")

@task
def load(db):
    return f"rows of {db}"

@task
def listed(dbs):
    return list(dbs)

broken = set()
"""


@pytest.fixture
def cells(cells):
    cells.run(DATABASE)
    return cells


def sorted_since(cells):
    return cells.value("sorted(since())")


UP, DOWN = ["set up a", "set up b"], ["clean up a", "clean up b"]


def test_a_scope_that_spans_cells(cells):
    cells.run(
        "%%flow etl --with Database.map(['a', 'b'], unmapped(3)) as db\nx = load.map(db)", "a"
    )
    cells.run("%%flow etl --with Database as db\ny = listed(db)", "b")
    assert cells.value("members(etl)") == {"db": ["load", "listed"]}
    cells.run("%flow run etl")
    assert cells.value("x.value, y.value") == (["rows of <a>", "rows of <b>"], ["<a>", "<b>"])
    assert sorted_since(cells) == DOWN + UP
    assert cells.value("alive()") == []


def test_it_stays_open_after_a_part_and_is_closed(cells):
    cells.run("%%flow etl --with Database.map(['a', 'b']) as db --run\nx = load.map(db)", "a")
    assert cells.value("sorted(alive())") == ["etl/db[0] open", "etl/db[1] open"]
    assert cells.value("db.value") == ["<a>", "<b>"]
    cells.run("%%flow etl --with db --run\ny = listed(db)", "b")
    assert cells.value("y.value") == ["<a>", "<b>"]
    assert sorted_since(cells) == UP
    assert cells.run("%resources").stdout == "etl/db[0]  open\netl/db[1]  open\n"
    assert "1 open scope" in cells.run("%flow").stdout
    shown = cells.run("%flow close etl")
    assert shown.stdout == ("closing b\nclosing a\ncleaned up etl/db[0]\ncleaned up etl/db[1]\n")
    assert cells.value("alive()") == []


def test_one_item_is_cleaned_up_and_set_up_again(cells):
    cells.run("%%flow etl --with Database.map(['a', 'b']) as db --run\nx = load.map(db)", "a")
    cells.run("since()")
    assert cells.run("%resources cleanup etl/db[0]").stdout == "closing a\ncleaned up etl/db[0]\n"
    cells.run("%%flow etl --with db --run\ny = listed(db)", "b")
    assert cells.value("since()") == ["clean up a", "set up a"]
    assert cells.value("y.value") == ["<a>", "<b>"]
    shown = cells.run("%resources cleanup etl/db")
    assert shown.stdout.endswith("cleaned up etl/db[0]\ncleaned up etl/db[1]\n")


def test_a_set_up_that_failed_is_tried_again_by_running_the_cell_again(cells):
    cell = "%%flow etl --with Database.map(['a', 'b']) as db --run\nx = load.map(db)"
    cells.run("broken.add('b')")
    assert "(item 1): OSError: b" in cells.fail(cell, "a").message
    assert cells.value("alive()") == ["etl/db[0] open"]
    cells.run("broken.clear()")
    cells.run(cell, "a")
    assert cells.value("since()") == ["set up a", "set up b"]
    assert cells.value("x.value") == ["rows of <a>", "rows of <b>"]
    cells.run("%flow close etl")


def test_other_arguments_close_what_is_open_and_may_be_for_one(cells):
    cells.run("%%flow etl --with Database.map(['a', 'b']) as db --run\nx = listed(db)", "a")
    cells.run("since()")
    cells.run("%%flow etl --with Database('c') as db --run\nx = listed(db)", "a")
    assert sorted_since(cells) == [*DOWN, "set up c"]
    assert cells.value("x.value") == ["<", "c", ">"]
    cells.run("%%flow etl --with Database.map('xyz'[:0].split()) as db --run\nx = listed(db)", "a")
    assert cells.value("since(), x.value") == (["clean up c"], [])
    cells.run("%flow close etl")


def test_items_that_the_flow_computes(cells):
    cells.run("%%flow etl(urls=['a'])\nmore = listed(urls)", "a")
    cells.run("%%flow etl --with Database.map(more) as db\nx = load.map(db)", "b")
    cells.run("%flow run etl urls=['a','b']")
    assert cells.value("x.value") == ["rows of <a>", "rows of <b>"]
    assert "set up db = Database (mapped)" in cells.run("%flow plan etl").stdout


@pytest.mark.parametrize(
    ("clause", "text"),
    [
        ("Database.map as db", "lacks what to map over: write Database.map(...), or Database to"),
        ("Database.map(3) as db", "cannot be mapped over url=3"),
        ("Database.map(['a']).as_executor() as db", "is mapped, so no single resource of it"),
    ],
)
def test_what_is_refused(notebook, clause, text):
    notebook.run(DATABASE)
    assert text in notebook.refuse(f"%%flow etl --with {clause}\nx = load.map(db)", "a")


START = """
%load_ext resnb
import subprocess
from pathlib import Path
from resnb import resource, task

@resource
def machine(name):
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    Path(name).write_text(str(process.pid))
    yield process
    process.kill()
    process.wait()
    Path(name + ".cleaned").touch()

pid = task(lambda process: process.pid, name="pid")
"""


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_reaper_cleans_up_every_item_of_a_kernel_that_is_killed(tmp_path, ledger_home):
    kernel = Kernel(tmp_path, START)
    try:
        kernel.run("%%flow etl --with machine.map(['a', 'b', 'c']) as m --run\npids = pid.map(m)")
        pids = [int((tmp_path / name).read_text()) for name in "abc"]
        assert kernel.value("pids.value") == pids
        records = sorted(Store(ledger_home).alive(), key=lambda one: one.name)
        assert [one.name for one in records] == ["etl/m[0]", "etl/m[1]", "etl/m[2]"]
        assert {(one.unprotected, one.notice) for one in records} == {("", "")}
        assert all(is_alive(one) for one in pids)
        os.kill(kernel.pid, signal.SIGKILL)
        for name, one in zip("abc", pids, strict=True):
            wait_for((tmp_path / f"{name}.cleaned").exists, "the reaper")
            wait_for(lambda one=one: not is_alive(one), "the end of the process")
        wait_for(lambda: not Store(ledger_home).alive(), "the end of the leases")
    finally:
        kernel.close()


def test_items_whose_arguments_have_changed_are_opened_anew_and_the_others_used_again(cells):
    cells.run("@task\ndef urls(first): return [first, 'y']")
    cells.run(
        "%%flow etl(first='x') --with Database.map(urls(first)) as db --run\nr = load.map(db)", "a"
    )
    cells.run("since()")
    cells.run("%flow run etl first='z'")
    happened = cells.value("since()")
    assert sorted(happened) == ["clean up x", "clean up y", "clean up z", "set up z"]
    assert happened.index("clean up x") < happened.index("set up z")
    assert cells.value("r.value") == ["rows of <z>", "rows of <y>"]
