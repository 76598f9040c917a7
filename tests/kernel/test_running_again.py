"""Running a cell again: its tasks are replaced, later cells follow, and a cell that fails changes nothing."""

import pytest

from tests.kernel.client import unnumbered
from tests.kernel.conftest import with_ids, without_ids


def test_the_tasks_are_replaced(cells):
    cells.run("%%flow etl\nx = number(1)\ny = double(x)", "a")
    cells.run("%%flow etl\nx = number(2)\ny = double(x)", "a")
    assert cells.value("names(etl)") == ["number", "double"]
    cells.run("%flow run etl")
    assert cells.value("y.value, since()") == (4, ["number 2", "double 2"])


def test_edges_from_later_cells_follow(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\ny = double(x)\nz = add(y, x)", "b")
    cells.run("%%flow etl\nx = add(2, 3)", "a")
    assert cells.value("arrows(etl)") == ["add -> add", "add -> double", "double -> add"]
    cells.run("%flow run etl")
    assert cells.value("z.value") == 15


def test_edges_follow_into_collections_and_mapped_arguments(cells):
    cells.run("%%flow etl\nx = number([1, 2])\ny = number(3)", "a")
    cells.run("%%flow etl\nd = double.map(x)\ne = number({'y': [y]})", "b")
    cells.run("%%flow etl\nx = number([5])\ny = number(6)", "a")
    cells.run("%flow run etl")
    assert cells.value("d.value, e.value") == ([10], {"y": [6]})


def test_edges_follow_that_pass_no_value(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\ny = number(2, upstream_tasks=[x])", "b")
    cells.run("%%flow etl\nx = double(1)", "a")
    assert cells.value("arrows(etl)") == ["double -> number"]


def test_the_identity_is_the_name_not_the_task(cells):
    cells.run("%%flow etl\nx = number(1)\ny = number(2)", "a")
    cells.run("%%flow etl\nz = add(x, y)", "b")
    cells.run("%%flow etl\ny = number(20)\nx = double(5)", "a")
    cells.run("%flow run etl")
    assert cells.value("z.value") == 30
    assert cells.value("arrows(etl)") == ["double -> add", "number -> add"]


@with_ids
def test_tasks_without_a_name_follow_by_their_ordinal(cells):
    cells.run("%%flow etl\nxs = [number(1), number(2)]", "a")
    cells.run("%%flow etl\nz = add(*xs)", "b")
    cells.run("%%flow etl\nxs = [number(10), number(20)]", "a")
    cells.run("%flow run etl")
    assert cells.value("z.value") == 30


def test_handles_of_other_cells_stay_good(cells):
    """A variable that holds a replaced handle holds the new one."""
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("alias = x")
    cells.run("%%flow etl\nx = number(7)", "a")
    cells.run("%%flow etl\ny = double(alias)", "b")
    cells.run("%flow run etl")
    assert cells.value("y.value, alias is x") == (14, True)


@with_ids
def test_vanished_tasks_take_their_dependants_along_and_say_so(cells):
    cells.run("%%flow etl\nx = number(1)\ny = number(2)", "a")
    cells.run("%%flow etl\nz = double(y)\nt = add(x, 1)", "b")
    cells.run("%%flow etl\nw = add(z, t)", "c")
    shown = cells.run("%%flow etl\nx = number(1)", "a")
    assert unnumbered(shown.stdout) == (
        "'z' and 'w' were removed: they used `y`, which this cell no longer defines; run cells [] "
        "and [] again\n"
    )
    assert cells.value("names(etl)") == ["number", "add"]


@with_ids
def test_a_dependant_that_has_left_comes_back_with_its_cell(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\ny = double(x)", "b")
    cells.run("%%flow etl\nz = number(5)", "a")
    assert cells.value("names(etl)") == ["number"]
    cells.run("%%flow etl\ny = double(z)", "b")
    cells.run("%flow run etl")
    assert cells.value("y.value") == 10


@without_ids
def test_without_ids_other_names_are_another_cell(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\nz = number(5)", "a")
    assert cells.value("names(etl)") == ["number", "number"]


@without_ids
def test_without_ids_never_the_text_alone(cells):
    cells.run("%%flow etl\nnumber(1)", "a")
    cells.run("%%flow etl\nnumber(1)", "b")
    assert cells.value("names(etl)") == ["number", "number"]


@with_ids
def test_a_copied_cell_is_another_cell(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\nx = number(1)", "copy of a")
    assert cells.value("names(etl)") == ["number", "number"]
    cells.run("%%flow etl\nx = number(2)", "a")
    cells.run("%flow run etl")
    assert cells.value("sorted(since())") == ["number 1", "number 2"]


def test_a_cell_that_was_run_without_an_id_is_known_when_it_has_one(notebook):
    notebook.kernel.run("%%flow etl\nx = number(1)", None)
    notebook.kernel.run("%%flow etl\nx = number(2)", "a")
    assert notebook.value("names(etl)") == ["number"]
    notebook.kernel.run("%%flow etl\nx = number(3)", None)
    notebook.run("%flow run etl")
    assert notebook.value("since()") == ["number 3"]


def test_a_moved_cell_keeps_its_place_in_another_flow(cells):
    """A cell that names another flow now adds to that; what it added before stays where it is."""
    cells.run("%%flow one\nx = number(1)", "a")
    cells.run("%%flow two\nx = number(2)", "a")
    assert cells.value("names(one), names(two)") == (["number"], ["number"])


@with_ids
def test_a_name_that_is_read_and_bound_again(cells):
    """Load, then clean, under one name; each run again, in whatever order."""
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\nx = double(x)", "b")
    cells.run("%%flow etl\nx = double(x)", "b")
    assert cells.value("arrows(etl)") == ["number -> double"]
    cells.run("%%flow etl\nx = number(5)", "a")
    assert cells.value("arrows(etl)") == ["number -> double"]
    cells.run("%%flow etl\nx = double(x)", "b")
    cells.run("%%flow etl\ny = add(x, 1)", "c")
    cells.run("%flow run etl")
    assert cells.value("y.value, len(names(etl))") == (11, 3)


@without_ids
def test_a_name_that_is_read_and_bound_again_makes_another_cell_without_ids(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\nx = double(x)", "b")
    cells.run("%%flow etl\nx = double(x)", "c")
    cells.run("%flow run etl")
    assert cells.value("arrows(etl), x.value") == (["double -> double", "number -> double"], 4)


def test_a_name_that_is_bound_twice_in_one_cell(cells):
    cells.run("%%flow etl\nx = number(1)\nx = double(x)\nx = double(x)", "a")
    cells.run("%%flow etl\ny = add(x, 0)", "b")
    cells.run("%%flow etl\nx = number(2)\nx = double(x)\nx = double(x)", "a")
    assert cells.value("len(names(etl))") == 4
    cells.run("%flow run etl")
    assert cells.value("y.value") == 8


@pytest.mark.parametrize("body", ["x = number(3)\n1 / 0", "x = nothing", "x = number(1, 2, 3)"])
def test_a_cell_that_raises_leaves_graph_and_names(cells, body):
    cells.run("%%flow etl\nx = number(1)\ny = double(x)", "a")
    cells.run("%%flow etl\nz = add(y, x)", "b")
    cells.run("before = None; before = everything()")
    cells.fail(f"%%flow etl\nq = double(x)\nextra = 4\n{body}", "a")
    assert cells.value("before == everything()")
    cells.run("%flow run etl")
    assert cells.value("z.value") == 3


def test_a_cell_that_raises_the_first_time_makes_no_flow(cells):
    cells.run("before = None; before = everything()")
    cells.fail("%%flow etl(n=3)\nx = number(n)\n1 / 0", "a")
    assert cells.value("before == everything()")
    assert cells.run("%flow").stdout == "no flows yet: build one with %%flow NAME\n"


def test_a_cell_that_raised_can_be_mended_and_run(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.fail("%%flow etl\nx = number(2)\n1 / 0", "a")
    cells.run("%%flow etl\nx = number(3)", "a")
    cells.run("%flow run etl")
    assert cells.value("since()") == ["number 3"]


def test_a_cell_that_needs_its_own_vanished_task_is_refused(notebook):
    notebook.run("%%flow etl\nx = number(1)", "a")
    notebook.run("keep = x")
    line = notebook.refuse("%%flow etl\ny = double(keep)", "a")
    assert "'double' needs a task that this cell defined when it ran before" in line


def test_the_order_of_the_flow_is_kept(cells):
    cells.run("%%flow etl\nx = number(1)\ny = double(1)", "a")
    cells.run("%%flow etl\nz = add(x, 1)", "b")
    cells.run("%%flow etl\nx = add(0, 0)\ny = number(2)\nw = double(3)" if cells.with_ids
              else "%%flow etl\nx = add(0, 0)\ny = number(2)", "a")  # fmt: skip
    tail = ["double"] if cells.with_ids else []
    assert cells.value("[one.name for one in etl.nodes]") == ["add", "number", *tail, "add"]


def test_parameters_of_a_cell_are_replaced(cells):
    cells.run("%%flow etl(n=1)\nx = number(n)", "a")
    cells.run("%%flow etl\ny = double(n)", "b")
    cells.run("%%flow etl(n=2)\nx = number(n)", "a")
    cells.run("%flow run etl")
    assert cells.value("sorted(since())") == ["double 2", "number 2"]


@with_ids
def test_a_vanished_parameter_takes_its_dependants_along(cells):
    cells.run("%%flow etl(n=1)\nx = number(n)", "a")
    cells.run("%%flow etl\ny = double(n)", "b")
    shown = cells.run("%%flow etl\nx = number(5)", "a")
    assert unnumbered(shown.stdout) == (
        "'y' was removed: it used `n`, which this cell no longer defines; run cell [] again\n"
    )
    assert cells.value("names(etl)") == ["number"]


def test_reference_tasks_follow(cells):
    cells.run("%%flow etl\nx = number(1)\ny = boom()", "a")
    cells.run("etl.set_reference_tasks([x])")
    cells.run("%%flow etl\nx = number(2)\ny = boom()", "a")
    assert cells.value("[one.name for one in etl.reference_tasks()]") == ["number"]
    cells.run("%flow run etl")  # what y does does not count


def test_values_of_replaced_tasks_and_of_what_depends_on_them_are_forgotten(cells):
    cells.run("%%flow etl\nx = number(1)\nother = number(9)", "a")
    cells.run("%%flow etl\ny = double(x)", "b")
    cells.run("%flow run etl")
    cells.run("%%flow etl\nx = number(2)\nother = number(9)", "a")
    shown = cells.fail("y.value")
    assert shown.message == (
        "task 'double' has no value yet: run the flow (%flow run etl, or flow.run())"
    )
    assert cells.value("repr(y.state)") == "<Pending>"


def test_a_cell_of_the_running_flow_is_refused(notebook):
    notebook.run("go = threading.Event()\n@task\ndef wait(): go.wait()")
    notebook.run("%%flow etl\nx = wait()", "a")
    notebook.run("run = etl.start()")
    line = notebook.refuse("%%flow etl\nx = number(1)", "a")
    assert "flow 'etl' is running: wait until it has ended, or %flow cancel etl" in line
    notebook.run("go.set(); run.wait()")


BLOCK = """
%%flow etl
{before}
with Cluster(2) as c:
    u = use(c)
"""


def test_a_block_in_a_body_is_replaced_with_its_scope(cells):
    cells.run(BLOCK.format(before=""), "a")
    cells.run("%%flow etl\nd = add(u, '!')", "b")
    cells.run(BLOCK.format(before="n = [number(1), number(2)]") if cells.with_ids
              else BLOCK.format(before="number(1)"), "a")  # fmt: skip
    assert cells.value("members(etl), arrows(etl)") == ({"Cluster": ["use"]}, ["use -> add"])
    cells.run("%flow run etl")
    assert cells.value("d.value, [x for x in since() if x[:3] not in ('num', 'add')]") == (
        "cluster of 2 used!",
        ["set up 2", "use cluster of 2 0", "clean up 2"],
    )


@with_ids
def test_a_block_that_vanished_is_gone_with_its_scope(cells):
    cells.run(BLOCK.format(before=""), "a")
    cells.run("%%flow etl\nd = add(u, '!')", "b")
    shown = cells.run("%%flow etl\nn = number(1)", "a")
    assert unnumbered(shown.stdout) == (
        "'d' was removed: it used `u`, which this cell no longer defines; run cell [] again\n"
    )
    assert cells.value("members(etl), names(etl)") == ({}, ["number"])


def test_a_cell_of_another_flow_can_be_built_while_one_runs(notebook):
    notebook.run("go = threading.Event()\n@task\ndef wait(): go.wait()")
    notebook.run("%%flow other\nw = wait()", "a")
    notebook.run("run = other.start()")
    assert "number" in notebook.run("%%flow etl\nx = number(1)", "b").texts
    notebook.run("go.set(); run.wait()")
