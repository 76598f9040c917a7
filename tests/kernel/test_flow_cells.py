"""``%%flow``: which names a cell binds, what its body may hold, what it shows."""

import pytest

WIDGET = "application/vnd.jupyter.widget-view+json"


def test_the_flow_is_bound_to_a_variable_of_its_name(cells):
    cells.run("%%flow dask-example\nx = number(2)", "a")
    assert cells.value("dask_example.name, names(dask_example)") == ("dask-example", ["number"])


def test_a_variable_that_holds_something_else_is_left_alone(cells):
    cells.run("etl = 'mine'")
    shown = cells.run("%%flow etl\nx = number(2)", "a")
    assert (
        shown.stdout
        == "flow 'etl' is not bound to 'etl', which holds a value of type str; %flow etl shows it\n"
    )
    assert cells.value("etl") == "mine"
    assert "number" in cells.run("%flow etl").texts


def test_the_next_cell_goes_on_with_the_flow_although_its_variable_was_taken(cells):
    cells.run("etl = 'mine'")
    cells.run("%%flow etl\nx = number(2)", "a")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    assert cells.value("etl, y.value") == ("mine", 4)


def test_a_flow_takes_its_variable_back_once_that_is_free(cells):
    cells.run("etl = 'mine'")
    cells.run("%%flow etl\nx = number(2)", "a")
    cells.run("del etl")
    assert not cells.run("%%flow etl\ny = double(x)", "b").stdout
    assert cells.value("names(etl)") == ["number", "double"]


def test_two_flows_whose_variables_are_the_same_do_not_take_it_from_each_other(cells):
    cells.run("%%flow a-b\nx = number(1)", "a")
    shown = cells.run("%%flow a_b\ny = number(2)", "b")
    assert "is not bound to 'a_b'" in shown.stdout
    assert cells.value("a_b.name") == "a-b"


def test_a_flow_that_was_built_in_python_can_be_continued_by_a_cell(cells):
    cells.run("with Flow('etl') as etl:\n    x = number(3)")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    assert cells.value("arrows(etl), y.value") == (["number -> double"], 6)


def test_a_flow_that_python_made_anew_is_built_anew(cells):
    cells.run("with Flow('etl') as etl:\n    x = number(3)")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    cells.run("with Flow('etl') as etl:\n    x = number(4)")
    cells.run("%%flow etl --run\ny = double(x)", "b")
    assert cells.value("names(etl), y.value") == (["number", "double"], 8)


def test_a_flow_whose_name_no_line_can_give_does_no_harm(cells):
    cells.run("odd = Flow('a/b')")
    cells.run("%%flow etl\nx = number(1)", "a")
    assert cells.run("%flow").stdout == "etl: 1 task, not run yet\na/b: 0 tasks, not run yet\n"


@pytest.mark.parametrize("name", ["run", "plan", "cancel", "close", "timeline", "cache"])
def test_words_of_the_command_are_no_names(notebook, name):
    assert "is no name for a flow" in notebook.refuse(f"%%flow {name}\nx = number(1)")


def test_names_of_the_body_are_handles_for_the_next_cells(cells):
    cells.run("%%flow etl\nx = number(2)\nextra = 5", "a")
    cells.run("%%flow etl\ny = add(x, extra)", "b")
    cells.run("%flow run etl")
    shown = "<handle of task 'add' of flow 'etl', success: its value is .value>"
    assert cells.value("y.value, repr(y), repr(y.state)") == (7, shown, "<Success>")


def test_functions_and_imports_of_a_body_are_the_notebooks(cells):
    cells.run(
        """
        %%flow etl
        from math import tau
        @task
        def half(x):
            return x / 2
        h = half(tau)
        """,
        "a",
    )
    cells.run("%flow run etl")
    assert cells.value("h.value == tau / 2")


def test_a_signature_makes_parameters(cells):
    cells.run("%%flow etl(n, m=2 + 3)\nx = add(n, m)", "a")
    assert cells.value("sorted(p.name for p in etl.parameters())") == ["m", "n"]
    cells.run("%flow run etl n=1")
    assert cells.value("x.value") == 6
    cells.run("%flow run etl n=1 m=x.value")
    assert cells.value("x.value") == 7


def test_a_default_is_an_expression_of_the_notebook(cells):
    cells.run("default = [1, 2]")
    cells.run("%%flow etl(xs=default)\nd = double(xs)", "a")
    cells.run("%flow run etl")
    assert cells.value("d.value") == [1, 2, 1, 2]


def test_a_parameter_of_an_earlier_cell_is_a_handle(cells):
    cells.run("%%flow etl(n=4)\nx = number(n)", "a")
    cells.run("%%flow etl\ny = double(n)", "b")
    cells.run("%flow run etl n=5")
    assert cells.value("y.value") == 10


def test_two_cells_may_ask_for_the_same_parameter(cells):
    cells.run("%%flow etl(n=4)\nx = number(n)", "a")
    cells.run("%%flow etl(n=4)\ny = double(n)", "b")
    assert cells.value("arrows(etl)") == ["n -> double", "n -> number"]


def test_another_default_in_a_second_cell_is_refused(cells):
    cells.run("%%flow etl(n=4)\nx = number(n)", "a")
    assert "parameter 'n' with another default" in cells.refuse(
        "%%flow etl(n=5)\ny = double(n)", "b"
    )


UNEQUAL = """
class Unequal:
    def __eq__(self, other): raise ValueError("the truth value of an array is ambiguous")
    def copy(self): return Unequal()
arr = Unequal()
"""


@pytest.mark.parametrize("default", ["arr.copy()", "float('nan')"])
def test_two_cells_may_ask_for_a_default_that_does_not_equal_itself(cells, default):
    cells.run(UNEQUAL)
    cells.run(f"%%flow etl(n={default})\nx = number(n)", "a")
    cells.run(f"%%flow etl( n = {default} )\ny = double(n)", "b")
    assert cells.value("arrows(etl)") == ["n -> double", "n -> number"]


def test_defaults_are_compared_by_their_source(cells):
    cells.run("four = 4")
    cells.run("%%flow etl(n=four)\nx = number(n)", "a")
    cells.run("four = 5")
    cells.run("%%flow etl(n=four)\ny = double(n)", "b")
    assert cells.value("etl.parameters().pop().default") == 4
    cells.run("%%flow etl(n=four)\nx = number(n)", "a")
    assert cells.value("etl.parameters().pop().default") == 5
    cells.run("%%flow etl(n=four)\ny = double(n)", "b")


def test_a_default_that_python_gave_is_compared_by_its_value(cells):
    cells.run("with Flow('etl') as etl: n = Parameter('n', default=4)")
    cells.run("%%flow etl(n=2 + 2)\ny = double(n)", "b")
    assert "another default" in cells.refuse("%%flow etl(n=5)\nz = double(n)", "c")


def test_a_cell_shows_the_flow(cells):
    shown = cells.run("%%flow etl(n=4)\nx = number(n)", "a")
    assert shown.texts == "etl · not run yet\nparameters: n=4\n○ number ← n"
    assert set(shown.displays[0]) - {WIDGET} == {"text/plain", "image/png"}
    assert not shown.stdout + shown.stderr


def test_quiet_shows_nothing(cells):
    shown = cells.run("%%flow etl --quiet\nx = number(1)", "a")
    assert not shown.displays
    shown = cells.run("%%flow etl --quiet --run\ny = number(1)", "b")
    assert not shown.displays
    assert cells.value("y.value") == 1


def test_an_empty_body_makes_an_empty_flow(cells):
    cells.run("%%flow etl\n# to be filled", "a")
    assert cells.value("names(etl)") == []


def test_a_body_may_use_line_magics_and_shell_commands(cells):
    shown = cells.run(
        """
        %%flow etl
        here = %pwd
        words = !echo one two
        !echo hello
        x = number(words[0])
        """,
        "a",
    )
    assert shown.stdout.split() == ["hello"]
    cells.run("%flow run etl")
    assert cells.value("x.value, here == os.getcwd()") == ("one two", True)


@pytest.mark.parametrize(
    "body", ["await asyncio.sleep(0)", "x = [y async for y in z]", "async with z: pass"]
)
def test_a_body_cannot_await(notebook, body):
    assert "cannot await" in notebook.refuse(f"%%flow etl\n{body}")


def test_magic_lines_are_not_expanded_by_ipython(cells):
    cells.run("n = 'expanded'")
    cells.run('%%flow etl(text="{n} $n")\nx = number(text)', "a")
    cells.run("%flow run etl")
    assert cells.value("x.value") == "{n} $n"
    cells.run('%flow run etl text="$n {n!r}"')
    assert cells.value("x.value") == "$n {n!r}"


def test_a_flow_as_last_line_of_a_cell_shows_its_picture(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    shown = cells.run("etl")
    assert set(shown.displays[0]) - {WIDGET} == {"text/plain", "image/png"}
    assert shown.texts == "etl · not run yet\n○ number"


# ---- names


def test_a_name_of_the_flow_is_its_handle_whatever_the_variable_holds(cells):
    cells.run("%%flow etl(n=3)\nx = number(n)", "a")
    cells.run("x = 100\nfor n in range(5):\n    pass")
    cells.run("%%flow etl\ny = add(x, n)", "b")
    cells.run("%flow run etl")
    assert cells.value("y.value, x, n") == (6, 100, 4)
    cells.run("%%flow etl --step --run\nboth = x, n", "c")
    assert cells.value("both, x, n") == ((3, 3), 100, 4)


def test_flows_that_use_the_same_names_can_be_built_in_turns(cells):
    cells.run("%%flow one(n=3)\nx = number(n)", "a")
    cells.run("%%flow two(n=5)\nx = number(n)", "b")
    cells.run("%%flow one --run\ny = add(x, n)", "c")
    assert cells.value("y.value, n.flow.name, x.flow.name") == (6, "two", "two")


def test_a_name_that_two_cells_have_bound_is_what_the_variable_holds(cells):
    cells.run("%%flow etl\nx = number(1)", "a")
    cells.run("%%flow etl\nx = double(x)", "b")
    cells.run("%%flow etl --run\ny = double(x)", "c")
    assert cells.value("y.value") == 4


def test_an_argument_of_a_scope_is_the_handle_of_a_step(cells):
    cells.run("%%flow etl --step --run\nsize = 2", "a")
    cells.run("%%flow etl --with Cluster(size) as c --run\nu = use(c)", "b")
    cells.run("%%flow etl --step --run\nsize = 7", "a")
    cells.run("%flow run etl --stale")
    assert cells.value("u.value, size") == ("cluster of 7 used", 7)
