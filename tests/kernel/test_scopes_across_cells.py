"""``--with``: scopes that cells of a flow share."""

import pytest

from tests.kernel.client import unnumbered
from tests.kernel.conftest import with_ids


def test_the_tasks_of_a_cell_are_in_the_scope(cells):
    cells.run("%%flow etl --with Cluster(2)\nu = number(1)", "a")
    assert cells.value("members(etl)") == {"Cluster": ["number"]}
    cells.run("%flow run etl")
    assert cells.value("since()") == ["set up 2", "number 1", "clean up 2"]


def test_as_names_the_scope_and_its_handle(cells):
    cells.run("%%flow etl --with Cluster(2) as c\nu = use(c)", "a")
    cells.run("%flow run etl")
    assert cells.value("members(etl), u.value") == ({"c": ["use"]}, "cluster of 2 used")


@pytest.mark.parametrize(
    "clause", ["Cluster as c", "Cluster(2) as c", "Cluster( size=2 ) as c", "c"]
)
def test_other_cells_join(cells, clause):
    first = "size=2" if "size" in clause else "2"
    cells.run(f"%%flow etl --with Cluster({first}) as c\nu = use(c, 1)", "a")
    cells.run(f"%%flow etl --with {clause}\nv = use(c, 2)", "b")
    assert cells.value("members(etl)") == {"c": ["use", "use"]}
    cells.run("%flow run etl")
    happened = cells.value("since()")
    assert happened[0] == "set up 2"
    assert sorted(happened[1:3]) == ["use cluster of 2 1", "use cluster of 2 2"]
    assert happened[3:] == ["clean up 2"]


def test_parentheses_or_none(cells):
    cells.run("%%flow etl --with Cluster\nx = number(1)", "a")
    cells.run("%%flow etl --with Cluster()\ny = number(2)", "b")
    assert cells.value("members(etl)") == {"Cluster": ["number", "number"]}


@pytest.mark.parametrize("step", ["", " --step --run"])
@pytest.mark.parametrize("clause", ["Cluster", "Cluster(2)"])
def test_a_definition_is_not_its_resource(notebook, clause, step):
    said = notebook.refuse(f"%%flow etl --with {clause}{step}\nu = use(Cluster)", "a")
    assert said == (
        "MagicError: Cluster is the definition of the resource, and the cell uses it as the "
        f"resource itself: give that a name, --with {clause} as NAME"
    )


def test_a_cell_may_use_the_definition_of_its_scope_once_more(notebook):
    notebook.run(
        "%%flow etl --with Cluster\nwith Cluster.options(ttl='1h')(3) as c:\n    u = use(c)", "a"
    )
    notebook.run("%flow run etl")
    assert notebook.value("u.value") == "cluster of 3 used"


def test_a_resource_of_a_module(cells):
    cells.run("import types\nlib = types.SimpleNamespace(Cluster=Cluster)")
    cells.run("%%flow etl --with lib.Cluster(2) --run\nx = number(1)", "a")
    cells.run("%%flow etl --with lib.Cluster --run\ny = number(2)", "b")
    assert cells.value("members(etl), alive()") == (
        {"Cluster": ["number", "number"]},
        ["etl/Cluster open"],
    )


def test_two_scopes_of_one_resource_have_two_names(cells):
    cells.run("%%flow etl --with Cluster(1) as small\nx = use(small)", "a")
    cells.run("%%flow etl --with Cluster(9) as large\ny = use(large)", "b")
    cells.run("%flow run etl")
    assert cells.value("x.value, y.value") == ("cluster of 1 used", "cluster of 9 used")


def test_other_arguments_in_a_second_cell_are_refused(notebook):
    notebook.run("%%flow etl --with Cluster(2) as c\nu = use(c)", "a")
    line = notebook.refuse("%%flow etl --with Cluster(3) as c\nv = use(c)", "b")
    assert line == (
        "MagicError: --with Cluster(3): scope 'c' of flow 'etl' was opened as Cluster(2) by another "
        "cell; join it with --with Cluster as c, or change the arguments there"
    )


def test_another_resource_under_the_same_name_is_refused(notebook):
    notebook.run("%%flow etl --with Cluster(2) as c\nu = use(c)", "a")
    line = notebook.refuse("%%flow etl --with Store as c\nv = use(c)", "b")
    assert "scope 'c' of flow 'etl' was opened as Cluster(2) by another cell" in line


def test_arguments_are_expressions_with_parameters_and_handles(cells):
    cells.run("sizes = {'small': 1}")
    cells.run("%%flow etl(n=2)\nm = double(n)", "a")
    cells.run(
        "%%flow etl --with Cluster(m) as c --with Cluster(sizes['small']) as d\nu = use(c)", "b"
    )
    cells.run("%flow run etl n=4")
    assert cells.value("since()") == [
        "double 4",
        "set up 8",
        "set up 1",
        "use cluster of 8 0",
        "clean up 1",
        "clean up 8",
    ]


def test_a_parameter_of_the_same_line(cells):
    cells.run("%%flow etl(n=2) --with Cluster(n) as c\nu = use(c)", "a")
    cells.run("%flow run etl n=3")
    assert cells.value("u.value") == "cluster of 3 used"


def test_the_first_is_the_outermost(cells):
    cells.run("%%flow etl --with Cluster(1) as c --with Store as s\nu = use(s)", "a")
    cells.run("%flow run etl")
    assert cells.value("since()") == [
        "set up 1",
        "set up store",
        "use store 0",
        "clean up store",
        "clean up 1",
    ]
    cells.run("%%flow etl --with Cluster as c --with Store as s\nv = use(c)", "b")
    cells.run("%%flow etl --with s\nw = use(s)", "c")
    assert cells.value("members(etl)") == {"c": [], "s": ["use", "use", "use"]}


def test_a_joined_inner_scope_is_inside_the_outer_one(cells):
    cells.run("%%flow etl --with Cluster(1) as c --with Store as s\nu = use(s)", "a")
    cells.run("%%flow etl --with s\nw = use(c)", "b")
    cells.run("%flow run etl")
    assert cells.value("w.value") == "cluster of 1 used"


def test_the_other_order_in_a_second_cell_is_refused(notebook):
    notebook.run("%%flow etl --with Cluster as c --with Store as s\nu = use(s)", "a")
    line = notebook.refuse("%%flow etl --with Store as s --with Cluster as c\nu = use(s)", "b")
    assert "scope 'c' was made outside scope 's'" in line


def test_the_scope_stays_when_its_first_cell_runs_again(cells):
    cells.run("%%flow etl --with Cluster(2) as c\nu = use(c)", "a")
    cells.run("%%flow etl --with c\nv = use(c)", "b")
    cells.run("%%flow etl --with Cluster(2) as c\nu = use(c, 5)", "a")
    assert cells.value("members(etl)") == {"c": ["use", "use"]}
    cells.run("%flow run etl")
    assert cells.value("v.value") == "cluster of 2 used"


def test_the_owner_changes_the_arguments(cells):
    cells.run("%%flow etl --with Cluster(2) as c\nu = use(c)", "a")
    cells.run("%%flow etl --with c\nv = use(c)", "b")
    cells.run("%%flow etl --with Cluster(3) as c\nu = use(c)", "a")
    cells.run("%flow run etl")
    assert cells.value("v.value") == "cluster of 3 used"
    cells.run("%%flow etl --with Cluster(3) as c\nw = use(c)", "d")


def test_an_open_lease_is_cleaned_up_by_its_old_recipe_first(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("since()")
    cells.run("%%flow etl --with Cluster(3) as c --run\nu = use(c)", "a")
    assert cells.value("since()") == ["clean up 2", "set up 3", "use cluster of 3 0"]
    assert cells.value("alive()") == ["etl/c open"]


def test_the_old_recipe_is_that_of_the_old_class(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run(
        """
        @resource_manager
        class Cluster:
            def __init__(self, size): self.size = size
            def setup(self): happened.append(f"new set up {self.size}")
            def cleanup(self, resource): happened.append(f"new clean up {self.size}")
        since()
        """
    )
    cells.run("%%flow etl --with Cluster(3) as c --run\nu = number(1)", "a")
    cells.run("%flow close etl")
    assert cells.value("since()") == ["clean up 2", "new set up 3", "number 1", "new clean up 3"]


def test_a_class_that_was_defined_anew_counts_when_the_cell_runs_again(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run(
        """
        @resource_manager
        class Cluster:
            def __init__(self, size): pass
            def setup(self): return "new"
            def cleanup(self, resource): happened.append("clean up new")
        since()
        """
    )
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    assert cells.value("since(), u.value") == (["clean up 2", "use new 0"], "new used")


@pytest.mark.parametrize(
    "change",
    [
        "%%flow etl --with Cluster(3) as c --run\nu = number(1)",
        "%%resource Cluster(size)\nyield 'cluster of 3'",
    ],
)
def test_values_that_depend_on_the_resource_are_computed_anew(cells, change):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = number(1)", "a")
    cells.run("%%flow etl --with c --run\nv = use(c)\nw = number(v)\nother = number(9)", "b")
    cells.run(change, "a")
    cells.run("since()")
    cells.run("%%flow etl --with c --run\nx = add(w, '!')\ny = add(other, 1)", "d")
    assert cells.value("w.value") == "cluster of 3 used"
    assert "number 9" not in cells.value("since()")


def test_a_cell_that_raises_leaves_the_open_lease(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("since(); before = None; before = everything()")
    cells.fail("%%flow etl --with Cluster(3) as c --run\nu = use(c)\n1 / 0", "a")
    assert cells.value("before == everything(), since(), alive()") == (True, [], ["etl/c open"])
    assert cells.value("c.value, u.value") == ("cluster of 2", "cluster of 2 used")


def test_a_scope_goes_with_its_last_cell(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = number(1)", "a")
    cells.run("since()")
    cells.run("%%flow etl\nu = number(1)", "a")
    assert cells.value("members(etl), since(), alive()") == ({}, ["clean up 2"], [])


def test_a_scope_stays_for_another_cell(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = number(1)", "a")
    cells.run("%%flow etl --with c --run\nv = use(c)", "b")
    cells.run("%%flow etl\nu = number(1)", "a")
    assert cells.value("members(etl), alive()") == ({"c": ["use"]}, ["etl/c open"])


@with_ids
def test_a_scope_whose_argument_vanished_leaves_and_is_cleaned_up(cells):
    cells.run("%%flow etl\nn = number(2)", "a")
    cells.run("%%flow etl --with Cluster(n) as c --run\nu = use(c)", "b")
    cells.run("since()")
    shown = cells.run("%%flow etl\nm = number(2)", "a")
    assert unnumbered(shown.stdout) == (
        "scope 'c' and 'u' were removed: they used `n`, which this cell no longer defines; run "
        "cell [] again\n"
    )
    assert cells.value("members(etl), since(), alive()") == ({}, ["clean up 2"], [])
    cells.run("%%flow etl --with Cluster(m) as c --run\nu = use(c)", "b")
    assert cells.value("since()") == ["number 2", "set up 2", "use cluster of 2 0"]


def test_a_resource_used_outside_its_scope_names_the_remedy(notebook):
    notebook.run("%%flow etl --with Cluster(2) as c\nu = use(c)", "a")
    line = notebook.refuse("%%flow etl\nv = use(c)", "b")
    assert "uses resource 'c' outside its scope" in line
    assert line.endswith("--with Cluster as c")


def test_options_of_a_resource_on_the_line(cells):
    cells.run('%%flow etl --with Cluster.options(ttl="2h")(2) as c\nu = use(c)', "a")
    assert cells.value("[scope.options.ttl for scope in etl.scopes]") == [7200.0]


def test_a_scope_around_mapped_tasks(cells):
    cells.run("%%flow etl --with Cluster(2) as c\nxs = double.map([1, 2, 3])", "a")
    cells.run("%%flow etl --with c --run\nt = number(xs)", "b")
    assert cells.value("t.value, since()[0], alive()") == ([2, 4, 6], "set up 2", ["etl/c open"])
