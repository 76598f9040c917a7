"""``--run``: what runs for one cell, which values are used again, which scopes stay open."""

import pytest


def test_only_what_the_cell_added_and_what_it_needs(cells):
    cells.run("%%flow etl\nx = number(1)\ny = number(2)", "a")
    cells.run("%%flow etl --run\nz = double(x)", "b")
    assert cells.value("since(), z.value") == (["number 1", "double 1"], 2)
    assert cells.value("repr(y.state)") == "<Pending>"


def test_what_it_needs_directly_and_not(cells):
    cells.run("%%flow etl(n=3)\nw = number(n)\nx = double(w)\ny = double(x)\nz = double(y)", "a")
    cells.run("%%flow etl --run\nt = add(y, w)", "b")
    assert cells.value("since(), t.value") == (["number 3", "double 3", "double 6", "add 12 3"], 15)


def test_values_of_unchanged_tasks_are_used_again(cells):
    cells.run("%%flow etl --run\nx = number(1)", "a")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    assert cells.value("since()") == ["number 1", "double 1", "double 1"]


def test_values_of_a_whole_run_are_used_again(cells):
    cells.run("%%flow etl(n=1)\nx = number(n)", "a")
    cells.run("%flow run etl n=5")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    assert cells.value("since(), y.value") == (["number 5", "double 5"], 10)


def test_a_changed_task_runs_again_when_something_needs_it(cells):
    cells.run("%%flow etl --run\nx = number(1)", "a")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    cells.run("%%flow etl\nx = number(5)", "a")
    cells.run("since()")
    cells.run("%%flow etl --run\nz = add(y, 1)", "c")
    assert cells.value("since(), z.value") == (["number 5", "double 5", "add 10 1"], 11)


def test_values_that_are_no_longer_needed_are_not_computed(cells):
    cells.run("%%flow etl\nx = number(1)\ny = double(x)", "a")
    cells.run("%flow run etl")
    cells.run("since()")
    cells.run("%%flow etl --run\nz = double(y)", "b")
    assert cells.value("since()") == ["double 2"]


def test_mapped_tasks_and_skipped_ones(cells):
    cells.run(
        """
        from resnb import signals

        @task
        def skip(): raise signals.SKIP("not today")
        """
    )
    cells.run("%%flow etl --run\nxs = double.map([1, 2])\ns = skip()", "a")
    cells.run("since()")
    cells.run("%%flow etl --run\ny = number(xs)\nz = number(s)", "b")
    assert cells.value("since(), y.value, repr(z.state)[:8]") == (
        ["number [2, 4]"],
        [2, 4],
        "<Skipped",
    )


def test_a_cell_that_adds_nothing_runs_nothing(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    assert "etl" in cells.run("%%flow etl --run\nextra = 5", "b").texts
    assert cells.value("since()") == []


def test_a_parameter_without_default_is_asked_for(cells):
    shown = cells.fail("%%flow etl(n) --run\nx = number(n)", "a")
    assert shown.message.startswith("flow 'etl' needs parameter 'n'")
    cells.run("%flow run etl n=2")
    cells.run("%%flow etl --run\ny = double(n)", "b")
    assert cells.value("y.value") == 4


# ---- scopes


def test_the_scopes_stay_open_for_the_next_cells(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c, 1)", "a")
    assert cells.value("since(), alive(), c.value") == (
        ["set up 2", "use cluster of 2 1"],
        ["etl/c open"],
        "cluster of 2",
    )
    cells.run("%%flow etl --with c --run\nv = use(c, 2)", "b")
    assert cells.value("since()") == ["use cluster of 2 2"]


def test_nested_scopes_stay_open_together(cells):
    cells.run("%%flow etl --with Cluster(2) as c --with Store as s --run\nu = use(c, s)", "a")
    assert cells.value("alive()") == ["etl/c open", "etl/s open"]
    cells.run("%%flow etl --with s --run\nv = use(c)", "b")
    assert cells.value("alive()") == ["etl/c open", "etl/s open"]
    cells.run("since()")
    cells.run("%flow close etl")
    assert cells.value("since(), alive()") == (["clean up store", "clean up 2"], [])


def test_an_outer_scope_stays_open_when_only_the_inner_one_is_joined(cells):
    cells.run("%%flow etl --with Cluster(2) as c --with Store as s\nu = use(c, s)", "a")
    cells.run("%%flow etl --with s --run\nv = use(c)", "b")
    assert cells.value("since(), alive()") == (
        ["set up 2", "set up store", "use cluster of 2 0"],
        ["etl/c open", "etl/s open"],
    )


def test_a_scope_that_is_needed_but_not_named_is_cleaned_up(cells):
    cells.run("%%flow etl --with Cluster(2) as c\nu = use(c)\nother = use(c, 9)", "a")
    cells.run("%%flow etl --run\nv = number(u)", "b")
    assert cells.value("[one for one in since() if 'number' not in one]") == [
        "set up 2",
        "use cluster of 2 0",
        "clean up 2",
    ]
    assert cells.value("v.value, alive()") == ("cluster of 2 used", [])


def test_its_clean_up_waits_for_the_part_of_it_that_runs(cells):
    """The last task of the scope is not wanted, so the one before it is the last."""
    cells.run(
        """
        closed = threading.Event()

        @resource_manager
        class Door:
            def cleanup(self, resource): closed.set()

        @task
        def closed_meanwhile():
            return closed.wait(0.2)
        """
    )
    cells.run("%%flow etl --with Door\nu = closed_meanwhile()\nlast = number(u)", "a")
    cells.run("%%flow etl --run\nv = number(u)", "b")
    assert cells.value("v.value, closed.is_set(), alive()") == (False, True, [])


def test_its_set_up_comes_first_although_the_value_before_is_kept(cells):
    """The first task of the scope has its value, so the one after it waits for set-up."""
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = number(1)", "a")
    cells.run("%flow close etl")
    cells.run("since()")
    cells.run("%%flow etl --with c --run\nv = double(u)", "b")
    assert cells.value("since()") == ["set up 2", "double 1"]


def test_a_scope_that_was_cleaned_up_by_hand_is_set_up_again(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("%resources cleanup etl/c")
    cells.run("since()")
    cells.run("%%flow etl --with c --run\nv = use(c)", "b")
    assert cells.value("since(), alive()") == (["set up 2", "use cluster of 2 0"], ["etl/c open"])


def test_a_scope_that_was_cleaned_up_by_hand_is_cleaned_up_again(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("%%flow etl --with c\nv = use(c)", "b")
    cells.run("%resources cleanup etl/c")
    cells.run("%%flow etl --run\nw = number(v)", "d")
    assert cells.value("alive()") == []


def test_a_block_in_the_body_closes_with_the_cells_part_of_the_run(cells):
    cells.run("%%flow etl --run\nwith Cluster(2) as c:\n    u = use(c)", "a")
    assert cells.value("since(), alive()") == (["set up 2", "use cluster of 2 0", "clean up 2"], [])


def test_a_block_in_the_body_inside_a_shared_scope(cells):
    cells.run("%%flow etl --with Store as s --run\nwith Cluster(2) as c:\n    u = use(c, s)", "a")
    assert cells.value("since(), alive()") == (
        ["set up store", "set up 2", "use cluster of 2 store", "clean up 2"],
        ["etl/s open"],
    )


def test_a_scope_without_tasks_opens(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\n# nothing yet", "a")
    assert cells.value("since(), alive()") == (["set up 2"], ["etl/c open"])


# ---- failures


def test_a_failed_run_raises_and_keeps_the_scope_open(cells):
    shown = cells.fail("%%flow etl --with Cluster(2) as c --run\nu = boom(c)", "a")
    assert shown.error == "FlowFailed"
    assert shown.message == "flow 'etl' failed: task 'boom': ValueError: no luck"
    assert "✗ boom" in shown.texts
    assert cells.value("alive(), c.value") == (["etl/c open"], "cluster of 2")
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    assert cells.value("u.value, since()") == (
        "cluster of 2 used",
        ["set up 2", "use cluster of 2 0"],
    )


def test_what_depends_on_a_failed_task_tries_again(cells):
    cells.run("luck = []\n@task\ndef try_it():\n    return luck[0]")
    cells.fail("%%flow etl --run\nx = try_it()", "a")
    cells.fail("%%flow etl --run\ny = double(x)", "b")
    cells.run("luck.append(4)")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    assert cells.value("y.value") == 8


def test_a_failed_set_up_leaves_nothing_open(cells):
    cells.run(
        """
        luck = []

        @resource_manager
        class Shy:
            def setup(self): return luck[0]
            def cleanup(self, resource): happened.append("clean up shy")
        """
    )
    shown = cells.fail("%%flow etl --with Shy as s --run\nu = use(s)", "a")
    assert "Shy.setup" in shown.message
    assert cells.value("alive(), since()") == ([], [])
    cells.run("luck.append(1)")
    cells.run("%%flow etl --with Shy as s --run\nu = use(s)", "a")
    assert cells.value("u.value, alive()") == ("1 used", ["etl/s open"])


def test_a_failed_task_of_another_cell_does_not_fail_this_one(cells):
    cells.fail("%%flow etl --run\nx = boom()", "a")
    cells.run("%%flow etl --run\ny = number(1)", "b")


# ---- %flow run


def test_a_run_computes_anew_inside_open_scopes_and_then_closes_them(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("since()")
    cells.run("%flow run etl")
    assert cells.value("since(), alive()") == (["use cluster of 2 0", "clean up 2"], [])
    cells.run("%flow run etl")
    assert cells.value("since()") == ["set up 2", "use cluster of 2 0", "clean up 2"]


def test_a_failed_run_closes_them_too_and_raises(cells):
    cells.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("%%flow etl\nv = boom(u)", "b")
    shown = cells.fail("%flow run etl")
    assert shown.error == "FlowFailed"
    assert cells.value("alive(), since()[-1]") == ([], "clean up 2")


def test_flow_run_in_python_returns_the_state(cells):
    cells.run("%%flow etl\nv = boom()", "a")
    assert cells.value("repr(etl.run().name)") == "'Failed'"


@pytest.mark.parametrize(
    "line", ["%flow run etl n=7", "%flow run etl --stale n=7", "state = etl.run(n=7)"]
)
def test_an_open_scope_is_opened_anew_if_its_arguments_have_changed(cells, line):
    cells.run("%%flow etl(n=2) --with Cluster(n) as c --run\nu = use(c)", "a")
    cells.run("since()")
    cells.run(line)
    assert cells.value("u.value, since(), alive()") == (
        "cluster of 7 used",
        ["clean up 2", "set up 7", "use cluster of 7 0", "clean up 7"],
        [],
    )


@pytest.mark.parametrize("argument", ["n", "number(n)", "task(np.arange)(n)", "n, [n, {'of': n}]"])
def test_an_open_scope_is_used_again_if_its_arguments_are_equal(cells, argument):
    """Also those that are computed anew, and arrays, which have no truth."""
    cells.run("import numpy as np")
    cells.run(
        "@resource_manager\nclass Box:\n    def __init__(self, *sizes):\n        self.sizes = sizes\n"
        "    def setup(self):\n        happened.append('set up')\n        return 'box'\n"
        "    def cleanup(self, resource):\n        happened.append('clean up')"
    )
    cells.run(f"%%flow etl(n=2) --with Box({argument}) as c --run\nu = use(c)", "a")
    cells.run("%%flow etl --with c --run\nv = use(c, 1)", "b")
    happened = cells.value("since()")
    assert [one for one in happened if "number" not in one] == ["set up", "use box 0", "use box 1"]
    assert "setup · cached" in cells.run("%flow run etl").texts
    assert cells.value("since()").count("set up") == 0


def test_a_cell_that_runs_again_with_another_default_opens_its_scope_anew(cells):
    cell = "%%flow etl(n={}) --with Cluster(n) as c --run\nu = use(c)"
    cells.run(cell.format(2), "a")
    cells.run(cell.format(7), "a")
    assert cells.value("u.value, alive()") == ("cluster of 7 used", ["etl/c open"])
    happened = cells.value("since()")
    assert happened.index("clean up 2") < happened.index("set up 7")


def test_what_is_open_inside_another_scope_is_closed_before_that(cells):
    cell = "%%flow etl(s='A') --with Store(s) as a --with Cluster(a) as b --run\nu = use(b)"
    cells.run(cell, "a")
    cells.run("since()")
    cells.run("%flow run etl s='B'")
    assert cells.value("since()") == [
        "clean up A", "clean up A", "set up B", "set up B", "use cluster of B 0",
        "clean up B", "clean up B",
    ]  # fmt: skip


def test_an_open_scope_is_closed_if_a_whole_run_does_not_reach_it(cells):
    cells.run("fails = False\n@task\ndef size():\n    if fails: raise ValueError\n    return 2")
    cells.run("%%flow etl --with Cluster(size()) as c --run\nu = use(c)", "a")
    cells.run("fails = True")
    cells.fail("%flow run etl")
    assert cells.value("alive(), since()[-1]") == ([], "clean up 2")


def test_an_open_scope_stays_open_if_a_cell_fails_before_it(cells):
    cells.run("fails = False\n@task\ndef size(n):\n    if fails: raise ValueError\n    return n")
    cells.run("%%flow etl(n=2)\nk = size(n)", "k")
    cells.run("%%flow etl --with Cluster(k) as c --run\nu = use(c)", "a")
    cells.run("fails = True")
    cells.run("%%flow etl(n=3)\nk = size(n)", "k")
    cells.fail("%%flow etl --with Cluster(k) as c --run\nu = use(c, 1)", "a")
    assert cells.value("alive(), c.value") == (["etl/c open"], "cluster of 2")
    cells.run("fails = False")
    cells.run("%%flow etl --with Cluster(k) as c --run\nu = use(c, 1)", "a")
    assert cells.value("alive(), c.value") == (["etl/c open"], "cluster of 3")


@pytest.mark.parametrize("line", ["%flow run etl", "%%flow etl --run\nw = number(1)"])
def test_a_second_run_while_one_is_on_is_refused(notebook, line):
    notebook.run("go = threading.Event()\n@task\ndef wait(): go.wait()")
    notebook.run("%%flow other\nx = wait()", "a")
    notebook.run("%%flow etl\nx = number(1)", "b")
    notebook.run("run = other.start()")
    shown = notebook.fail(line, "c")
    assert shown.message == (
        "flow 'other' is running: wait until it has ended, or cancel it with %flow cancel other"
    )
    notebook.run("go.set(); run.wait()")
