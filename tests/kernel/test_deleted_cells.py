"""Cells that the notebook no longer has, and ``%flow remove`` and ``%flow reset``."""

import pytest

from tests.kernel.client import unnumbered


@pytest.fixture
def lab(notebook):
    """Cells with ids, of a front end that says which cells were deleted, as JupyterLab does."""

    def run(source, cell=None, deleted=()):
        return notebook.kernel.run(source, cell, deleted=deleted)

    notebook.run = run
    return notebook


def test_tasks_of_deleted_cells_are_shown_as_such_and_leave_with_one_line(lab):
    lab.run("%%flow etl\nx = number(1)\ny = double(x)", "a")
    lab.run("%%flow etl\nz = number(3)", "b")
    shown = lab.run("%flow etl", "c", deleted=["a"])
    assert shown.texts == (
        "etl · not run yet\n○ number · cell deleted\n○ double · cell deleted ← number\n○ number-2"
    )
    hint = "2 tasks of deleted cells: %flow remove etl takes them out"
    assert shown.stdout == f"{hint}\n"
    assert lab.run("%flow", "c").stdout == f"etl: 3 tasks, not run yet, {hint}\n"
    assert lab.run("%flow run etl", "c").stdout == f"{hint}\n"
    assert lab.run("%flow remove etl", "c").stdout == "flow 'etl': removed `x` and `y`\n"
    assert lab.value("names(etl), 'x' in globals()") == (["number"], False)
    assert lab.run("%flow etl", "c").stdout == ""
    assert "no tasks of deleted cells" in lab.fail("%flow remove etl").message


def test_a_parameter_of_a_deleted_cell_takes_a_new_default(lab):
    lab.run("%%flow etl(n=1)\nx = number(n)", "a")
    lab.run("%%flow etl(n=1)\ny = double(n)", "b")
    shown = lab.fail("%%flow etl(n=2)\ny = double(n)", "b")
    assert "with another default, from another cell: change it there" in shown.message
    lab.run("%%flow etl(n=2)\ny = double(n)", "b", deleted=["a"])
    lab.run("%flow run etl", "c")
    assert lab.value("x.value, y.value") == (2, 4)
    lab.run(
        "%%flow etl\nfrom resnb import Parameter\nn = Parameter('n', default=5)\nz = number(n)",
        "d",
        ["b"],
    )
    lab.run("%flow run etl", "c")
    assert lab.value("x.value, y.value, z.value") == (5, 10, 5)


def test_a_parameter_with_the_same_default_stays_and_so_do_values(lab):
    lab.run("%%flow etl(n=1) --run\nx = number(n)", "a")
    lab.run("%%flow etl(n=1) --run\ny = double(n)", "b", deleted=["a"])
    assert lab.value("x.value, y.value") == (1, 2)
    assert lab.run("%flow remove etl", "c").stdout == "flow 'etl': removed `x`\n"
    assert lab.value("names(etl), y.value, n is list(etl.parameters())[0]") == (
        ["n", "double"],
        2,
        True,
    )
    lab.run("%%flow etl(n=3) --run\ny = double(n)", "b")
    assert lab.value("y.value, len(etl.parameters())") == (6, 1)


def test_a_failed_cell_leaves_the_parameters_of_deleted_cells_as_they_were(lab):
    lab.run("%%flow etl(n=1)\nx = number(n)", "a")
    lab.run("1", "b", deleted=["a"])
    lab.refuse("%%flow etl(n=2)\ny = nobody(n)", "b")
    lab.run("%flow run etl n=4", "c")
    assert lab.value("x.value") == 4


def test_a_deletion_that_is_undone(lab):
    lab.run("%%flow etl\nx = number(1)", "a")
    lab.run("1", "b", deleted=["a"])
    lab.run("%%flow etl\nx = number(2)", "a", deleted=["a"])
    assert "deleted" not in lab.run("%flow etl", "b", deleted=["a"]).texts  # sent once more
    lab.run("1", "b")  # the front end has emptied its list
    assert "deleted" in lab.run("%flow etl", "b", deleted=["a"]).texts
    lab.run("%flow remove etl", "b")
    lab.run("%%flow etl --run\nx = number(3)", "a")
    assert lab.value("names(etl), x.value") == (["number"], 3)


def test_what_a_front_end_sends_is_checked(lab):
    lab.run("%%flow etl\nx = number(1)", "a")
    for bad in ({"a": 1}, "a", [1, None, ["a"]], 5):
        assert "deleted" not in lab.run("%flow etl", "b", deleted=bad).texts


def test_open_scopes_are_cleaned_up_by_their_recipe(lab):
    lab.run("%%flow etl --with Cluster(2) as c --run\nx = use(c)", "a")
    lab.run("since()", "b")
    shown = lab.run("%flow remove etl", "b", deleted=["a"])
    assert shown.stdout == "flow 'etl': removed `x`\ncleaned up etl/c\n"
    assert lab.value("since(), alive(), members(etl), 'c' in globals()") == (
        ["clean up 2"],
        [],
        {},
        False,
    )
    lab.run("%%flow etl --with Cluster(3) as c --run\nx = use(c)", "a")  # it is back
    assert lab.value("alive()") == ["etl/c open"]


def test_a_scope_that_another_cell_is_in_stays_open(lab):
    lab.run("%%flow etl --with Cluster(2) as c --run\nx = use(c)", "a")
    lab.run("%%flow etl --with c --run\ny = use(c)", "b")
    assert lab.run("%flow remove etl", "c", deleted=["a"]).stdout == "flow 'etl': removed `x`\n"
    assert lab.value("alive(), members(etl)") == (["etl/c open"], {"c": ["use"]})
    shown = lab.run("%flow remove etl c", "c")
    assert unnumbered(shown.stdout) == (
        "flow 'etl': removed scope 'c'\n`y` was removed too: it used that; its cell is []\n"
        "cleaned up etl/c\n"
    )


def test_a_scope_that_a_deleted_cell_opened_takes_new_arguments(lab):
    lab.run("%%flow etl --with Cluster(2) as c --run\nx = use(c)", "a")
    lab.run("%%flow etl --with c --run\ny = use(c)", "b")
    message = lab.fail("%%flow etl --with Cluster(3) as c --run\ny = use(c)", "b").message
    assert "or change the arguments there" in message
    lab.run("since()", "c", deleted=["a"])
    lab.run("%%flow etl --with Cluster(3) as c --run\ny = use(c)", "b")
    assert lab.value("since()[:2], alive()") == (["clean up 2", "set up 3"], ["etl/c open"])


def test_remove_a_task_or_a_cell(lab):
    lab.run("%%flow etl\nx = number(1)\nw = number(2)", "a")
    lab.run("%%flow etl\ny = double(x)\ndouble(w)", "b")
    shown = lab.run("%flow remove etl x", "c")
    assert unnumbered(shown.stdout) == (
        "flow 'etl': removed `x`\n`y` was removed too: it used that; its cell is []\n"
    )
    assert lab.value("names(etl)") == ["number", "double"]
    number = lab.value("max(n for n, text in enumerate(In) if 'double(w)' in text)")
    assert lab.run(f"%flow remove etl [{number}]", "c").stdout == "flow 'etl': removed 'double'\n"
    assert lab.value("names(etl)") == ["number"]
    lab.run("%%flow etl\ny = double(w)", "b")
    assert lab.value("names(etl)") == ["number", "double"]


def test_reset_empties_a_flow_and_cells_build_it_again(lab):
    lab.run("%%flow etl(n=1) --with Cluster(2) as c --run\nx = use(c)\ny = number(n)", "a")
    shown = lab.run("%flow reset etl", "b")
    assert shown.stdout == ("flow 'etl': removed `n`, scope 'c', `x` and `y`\ncleaned up etl/c\n")
    assert lab.value("names(etl), alive(), n if 'n' in globals() else None") == ([], [], None)
    assert lab.run("%flow", "b").stdout == "etl: 0 tasks, not run yet\n"
    lab.run("%%flow etl(n=2) --run\ny = number(n)", "a")
    assert lab.value("y.value") == 2


def test_flows_of_python_lose_tasks_too(lab):
    lab.run("with Flow('mine') as flow:\n    one = number(1)\n    two = double(one)")
    assert lab.run("%flow remove mine double").stdout == "flow 'mine': removed 'double'\n"
    assert lab.run("%flow reset mine").stdout == "flow 'mine': removed 'number'\n"
    assert lab.value("names(flow)") == []


def test_one_of_several_tasks_of_one_name_is_removed_by_what_views_call_it(lab):
    lab.run("with Flow('mine') as flow:\n    number(1)\n    number(2)")
    assert (
        "has 2 tasks 'number': name a variable or a cell ('number' and 'number-2')"
        in lab.refuse("%flow remove mine number")
    )
    assert lab.run("%flow remove mine number-2").stdout == "flow 'mine': removed 'number-2'\n"
    assert lab.run("%flow remove mine number").stdout == "flow 'mine': removed 'number'\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("remove etl nubmer", "has no task or scope 'nubmer'; did you mean 'number'?"),
        ("remove etl zzz", "has no task or scope 'zzz'; there is x, y and number"),
        ("remove etl number", "has 2 tasks 'number': name a variable or a cell (`x` and `y`)"),
        ("remove etl [99]", "cell [99] is no part of flow 'etl': there is ["),
        ("remove nope", "there is no flow 'nope'"),
        ("remove etl x y", "unexpected 'y'"),
        ("reset etl x", "unexpected 'x'"),
    ],
)
def test_what_cannot_be_removed_is_refused(lab, line, words):
    lab.run("%%flow etl\nx = number(1)\ny = number(1)", "a")
    assert words in lab.refuse(f"%flow {line}")


def test_nothing_is_removed_from_a_flow_that_runs(lab):
    lab.run(
        """
        begun, go = threading.Event(), threading.Event()
        @task
        def waits():
            begun.set()
            go.wait(60)
        """
    )
    lab.run("%%flow etl\nx = waits()", "a")
    lab.run("run = etl.start(); begun.wait(60)", "b")
    assert "flow 'etl' is running" in lab.fail("%flow reset etl").message
    lab.run("1", "b", deleted=["a"])
    lab.run("go.set(); run.wait(60)", "b")
    assert lab.value("run.state.name") == "Success"
