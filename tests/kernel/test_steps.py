"""``%%flow NAME --step``: the cell is one task."""

import pytest

from tests.kernel.conftest import with_ids


def test_a_cell_is_one_task_that_reads_and_binds_names(cells):
    cells.run("%%flow etl(n=3) --step\nrows = list(range(n))", "a")
    cells.run("%%flow etl --step Total\ntotal = sum(rows)\nlargest = max(rows)", "b")
    assert cells.value("names(etl)") == ["n", "rows", "Total"]
    assert cells.value("arrows(etl)") == ["n -> rows", "rows -> Total"]
    cells.run("%flow run etl n=5")
    assert cells.value("rows, total, largest") == ([0, 1, 2, 3, 4], 10, 4)


def test_outside_a_name_is_its_value_and_in_a_cell_of_the_flow_its_handle(cells):
    cells.run("%%flow etl --step --run\nrows = [1, 2]", "a")
    assert cells.value("rows") == [1, 2]
    cells.run("rows = 'mine'")
    cells.run("%%flow etl --run\ntwice = double(rows)", "b")
    assert cells.value("twice.value, rows") == ([1, 2, 1, 2], "mine")
    cells.run("%%flow etl --step --run\nmore = rows + [3]", "c")
    assert cells.value("more, rows") == ([1, 2, 3], "mine")


def test_before_it_has_run_a_name_is_a_handle(cells):
    cells.run("%%flow etl --step\nrows = [1, 2]", "a")
    assert "is a handle" in cells.fail("rows[0] + len(rows)").message


def test_names_of_the_notebook_are_used_as_they_are_when_it_runs(cells):
    cells.run("factor = 2\ndef scaled(x):\n    return factor * x")
    cells.run("%%flow etl --step\nimport math\nanswer = math.floor(scaled(3.5))", "a")
    cells.run("factor = 10")
    cells.run("%flow run etl")
    assert cells.value("answer, math.__name__") == (35, "math")


def test_a_name_that_it_reads_before_it_binds_it(cells):
    cells.run("count = 1")
    cells.run("%%flow etl --step --run\ncount = count + 1", "a")
    assert cells.value("count") == 2


def test_what_stays_inside(cells):
    cells.run(
        """
        %%flow etl --step --run
        _hidden = 1
        with open(os.devnull) as file:
            text = file.read()
        for i in range(3):
            last = i
        del text
        """,
        "a",
    )
    assert cells.value("etl.sorted_tasks()[0].outputs, last") == (("last",), 2)
    assert "_hidden" in cells.fail("_hidden").message


def test_magics_shell_commands_and_await_work(cells):
    cells.run(
        """
        %%flow etl --step --run
        import asyncio
        word = "hello"
        said = !echo {word}
        await asyncio.sleep(0)
        """,
        "a",
    )
    assert cells.value("list(said)") == ["hello"]


def test_the_last_line_is_shown_once_it_has_run(cells):
    shown = cells.run("%%flow etl --step --run\nrows = [1, 2]\nrows", "a")
    assert shown.displays[-1]["text/plain"] == "[1, 2]"
    assert cells.value("rows") == [1, 2]


def test_a_cell_that_runs_again_replaces_its_step_whatever_it_binds(cells):
    cells.run("%%flow etl --step --run\nrows = [1]", "a")
    cells.run("%%flow etl --step --run\ntotal = sum(rows)", "b")
    if cells.with_ids:
        cells.run("%%flow etl --step --run\nrows = [1, 2]\nmore = 3", "a")
        assert cells.value("names(etl)") == ["rows", "total"]
        cells.run("%flow run etl")
        assert cells.value("total") == 3
        shown = cells.run("%%flow etl --step\nmore = 3", "a")
        assert "'total' was removed" in shown.stdout
        assert cells.value("names(etl)") == ["more"]


def test_two_cells_that_bind_one_name_are_refused(cells):
    cells.run("%%flow etl --step\nrows = [1]", "a")
    said = cells.refuse("%%flow etl --step Other\nrows, more = [2], 3", "b")
    assert "step 'Other' of flow 'etl'" in said
    assert "binds 'rows', and so does step 'rows'" in said
    assert "binds 'rows'" in cells.refuse("%%flow etl\nrows = number(1)\nx = double(rows)", "c")


def test_a_name_that_a_step_found_nowhere_in_the_flow_cannot_be_bound_later(cells):
    cells.run("rows = [1]")
    cells.run("%%flow etl --step Sum\ntotal = sum(rows)", "a")
    said = cells.refuse("%%flow etl --step\nrows = [2]", "b")
    assert "binds 'rows', which step 'Sum' of flow 'etl'" in said
    assert "run that one again" in said


def test_a_timed_line_binds_and_reads_the_names_of_the_step(cells):
    cells.run("%%flow etl --step\nrows = [1, 2]", "a")
    cells.run("%%flow etl --step --run\n%time total = sum(rows)\nmean = total / 2", "b")
    assert cells.value("total, mean") == (3, 1.5)


def test_a_step_in_a_scope_uses_what_is_open(cells):
    cells.run("%%flow etl --with Cluster(2) as cluster --step --run\nsize = str(cluster)", "a")
    assert cells.value("alive()") == ["etl/cluster open"]
    assert cells.value("isinstance(size, str)")
    cells.run("%flow close etl")


def test_a_step_runs_once_for_each_item(cells):
    cells.run("%%flow etl --step\nrows = [1, 2, 3]", "a")
    cells.run("%%flow etl --step --map row in rows\ntwice = 2 * row\nrest = row % 2", "b")
    cells.run("%%flow etl --step --map n in range(3)\nsquare = n * n", "c")
    cells.run("%%flow etl --step\ntotal = sum(twice) + sum(square)", "d")
    cells.run("%flow run etl")
    assert cells.value("twice, rest, square, total") == ([2, 4, 6], [1, 0, 1], [0, 1, 4], 17)


@pytest.mark.parametrize(
    ("items", "values"),
    [
        ("[1, 2]", [1, 2]),
        ("(1, 2)", [1, 2]),
        ("[n for n in range(3)]", [0, 1, 2]),
        ("[rows, 5]", [[7, 8, 9], 5]),
        ("rows[:2]", [7, 8]),
        ("given[1:]", [4]),
        ("(given + [1])", [3, 4, 1]),
        ("zip(given, given)", [(3, 3), (4, 4)]),
        ("map(str, given)", ["3", "4"]),
        ("[]", []),
    ],
)
def test_a_step_is_mapped_over_an_expression(cells, items, values):
    cells.run("given = [3, 4]")
    cells.run("%%flow etl --step --run\nrows = [7, 8, 9]", "a")
    cells.run(f"%%flow etl --step --map x in {items} --retries 1 --run\ny = x", "b")
    assert cells.value("y") == values


def test_the_handle_of_a_mapped_step_gives_a_list(cells):
    cells.run("%%flow etl --step --map n in range(3)\nsquare = n * n", "a")
    cells.run("handle = square")
    cells.run("%flow run etl")
    assert cells.value("square, handle.value") == ([0, 1, 4], [0, 1, 4])


def test_a_plain_cell_may_change_a_name_until_the_step_computes_it_anew(cells):
    cells.run("%%flow etl --step --run\nrows = [1, 2]", "a")
    cells.run("rows = rows + [3]")
    cells.run("%%flow etl --step --run\ntotal = sum(rows)", "b")
    assert cells.value("rows, total") == ([1, 2, 3], 3)
    cells.run("%flow run etl")
    assert cells.value("rows") == [1, 2]


def test_a_step_whose_branch_does_not_bind_a_name_says_so_to_its_reader(cells):
    cells.run("%%flow etl(big=False) --step\nif big:\n    rows = [1]", "a")
    cells.run("%%flow etl --step\ntotal = sum(rows)", "b")
    assert "the step that binds 'rows' has not bound it" in cells.fail("%flow run etl").message
    cells.run("%flow run etl big=True")
    assert cells.value("total") == 1


def test_a_step_is_tried_again(cells):
    cells.run("tries = []")
    cells.run(
        """
        %%flow etl --step --retries 2 --run
        tries.append(1)
        assert len(tries) == 3
        done = True
        """,
        "a",
    )
    assert cells.value("len(tries), done") == (3, True)


def test_only_what_is_stale_runs(cells):
    # where nobody looks for a change; each has a place of its own, since they run side by side
    note = "os.environ['RAN_{0}'] = os.environ.get('RAN_{0}', '') + '{0} '\n"
    cells.run("factor = 2\ndef scaled(x):\n    return factor * x")
    cells.run(f"%%flow etl(n=2) --step\n{note.format('rows')}rows = list(range(n))", "a")
    cells.run(f"%%flow etl --step\n{note.format('more')}more = [scaled(x) for x in rows]", "b")
    cells.run(f"%%flow etl --step\n{note.format('other')}other = 5", "c")
    cells.run("%flow run etl")

    def ran():
        cells.run("_noted = [name for name in os.environ if name.startswith('RAN_')]")
        return cells.value("sorted(' '.join(map(os.environ.pop, _noted)).split())")

    assert ran() == ["more", "other", "rows"]
    assert cells.run("%flow run etl --stale").stdout == "flow 'etl': nothing is stale\n"
    cells.run("def scaled(x):\n    return factor * x  # the same")
    assert "nothing is stale" in cells.run("%flow run etl --stale").stdout
    cells.run("factor = 3")
    assert "1 stale" in cells.run("%flow").stdout
    cells.run("%flow run etl --stale")
    assert (ran(), cells.value("more, other")) == (["more"], ([0, 3], 5))
    cells.run("%flow run etl --stale n=3")
    assert (ran(), cells.value("more")) == (["more", "rows"], [0, 3, 6])
    assert "nothing is stale" in cells.run("%flow run etl --stale n=3").stdout
    if cells.with_ids:
        cells.run(f"%%flow etl --step\n{note.format('other')}other = 6", "c")
        cells.run("%flow run etl --stale")
        assert (ran(), cells.value("other")) == (["other"], 6)


def test_only_the_scopes_of_what_is_stale_are_set_up(cells):
    cells.run("factor = 2")
    cells.run("%%flow etl --with Cluster(2) as cluster --step\nsize = str(cluster)", "a")
    cells.run("%%flow etl --step\nmore = factor * 2", "b")
    cells.run("%flow run etl")
    cells.run("since()\nfactor = 3")
    cells.run("%flow run etl --stale")
    assert cells.value("since(), more") == ([], 6)


@pytest.fixture
def kept(kernel, tmp_path):
    kernel.run(f"import os; os.environ['RESNB_CACHE'] = {str(tmp_path / 'cache')!r}")
    yield
    kernel.run("import os; del os.environ['RESNB_CACHE']")


@pytest.mark.usefixtures("kept")
def test_the_values_of_a_cell_are_kept_and_nothing_is_set_up_for_them(cells):
    for _ in "12":
        cells.run("factor = 2")
        cells.run("%%flow etl(n=3) --cache 7d --step\nrows = [factor * i for i in range(n)]", "a")
        cells.run(
            "%%flow etl --with Cluster(2) as cluster --cache 7d --step\ntotal = sum(rows)", "b"
        )
        cells.run("since()")
        cells.run("%flow run etl")
        assert cells.value("rows, total") == ([0, 2, 4], 6)
        happened = cells.value("since()")
        shown = cells.run("%flow cache").stdout
        cells.run("del etl, rows, total\n%reload_ext resnb")
    assert happened == []
    assert "etl/rows" in shown
    assert "2 values" in shown
    assert cells.run("%flow cache clear etl").stdout == "2 values of flow 'etl' removed\n"
    assert "no values are kept" in cells.run("%flow cache").stdout


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "body",
    [
        "with open('/dev/null'):\n    total = n\nprint('computed', total)",
        "for i in range(n):\n    total = i\nprint('computed', total)",
        "if n:\n    total = n\nprint('computed', total)",
    ],
)
@pytest.mark.parametrize("cell", ["a", None])
def test_what_a_step_has_bound_is_no_input_when_its_cell_runs_again(cells, body, cell):
    cells.run("calls = []")
    for _ in "123":
        line = "%%flow etl(n=3) --cache 7d --step Add"
        cells.run(f"{line}\n{body}\ncalls.append(1)", cell)
        assert "computed" in cells.run("%flow run etl").stdout
    assert cells.value("len(calls)") == 1
    assert cells.run("%flow").stdout.startswith("etl: 1 task, success")


def test_a_name_of_a_step_that_was_removed_is_no_input(cells):
    cells.run("%%flow etl --step\nx = 1", "a")
    cells.run("%%flow etl --step\nz = x\ncount = x", "b")
    cells.run("%%flow etl --step\ny = 1", "a")  # so cell b has lost what it read
    for body in ("more = count", "count = count + 1", "more = [z]"):
        fault = cells.refuse(f"%%flow etl --step\n{body}", "c")
        assert "stands for step 'z', and that was removed: run its cell again first" in fault
    cells.run("count = 5")
    cells.run("%%flow etl --step --run\nmore = count", "c")
    assert cells.value("more") == 5


def test_what_the_notebook_has_bound_is_an_input_where_a_step_may_not_bind_it(cells):
    cells.run("best, least = None, 5")
    cells.run("%%flow etl --step --run\nif least < 3:\n    best = least\nshown = repr(best)", "a")
    assert cells.value("best, shown") == (None, "None")
    cells.run("least = 2\n%flow run etl --stale")
    assert cells.value("best, shown") == (2, "2")


def test_what_looks_alike_is_another_input(cells):
    cells.run("n = 10**5000\nrows = [0] * 100_000")
    step = "%%flow etl --step --run\nn = n + 1\nrows = [*rows, n % 10]"
    for last in (1, 2):
        cells.run(step, "a")
        assert cells.value("n % 10, len(rows), rows[-1]") == (last, 100_001, last)
        cells.run("n, rows = 10**5000 + 1, [0] * 100_000")


@pytest.mark.parametrize("first", ["None", "7", "[1]"])
def test_it_is_so_however_often_the_cell_runs(cells, first):
    cells.run(f"best, least = {first}, 5")
    step = "if least < 3:\n    best = least\nshown = repr(best)"
    for _ in "123":
        cells.run(f"%%flow etl --step --run\n{step}", "a")
        assert cells.value("repr(best), shown") == (first, first)
        cells.run(f"%%flow etl --step\n{step}", "a")
        cells.run("%flow run etl")
        assert cells.value("repr(best), shown") == (first, first)
    cells.run("best = 5")
    cells.run(f"%%flow etl --step --run\n{step}", "a")
    assert cells.value("best, shown") == (5, "5")


@pytest.mark.usefixtures("kept")
def test_a_kept_value_does_not_survive_a_change_of_what_made_it(cells):
    for factor in (2, 3):
        cells.run(f"def scaled(x):\n    return {factor} * x")
        cells.run("%%flow etl --cache 7d --step --run\nrows = scaled(5)", "a")
        assert cells.value("rows") == 5 * factor


def test_a_failed_step_names_the_line_of_the_cell(cells):
    shown = cells.fail("%%flow etl --step --run\nx = 1\ny = x / 0", "a")
    assert "ZeroDivisionError" in shown.message


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("etl --retries 2", "go with --step"),
        ("etl --step --map rows", "VAR in ITEMS"),
        ("etl --step --map x in", "VAR in ITEMS"),
        ("etl --step --map x in 5", "such as `--map x in xs` or `--map x in [1, 2]`"),
        ("etl --step --map x in [1, 2", "a bracket is not closed"),
        ("etl --step --map x in xs + [1] --run", "into brackets, such as (xs + more)"),
        ("etl --step --map x in [1] if y else [2]", "goes on with 'if y else [2]'"),
        ("etl --step Title more", "unexpected 'more'"),
    ],
)
def test_lines_that_mean_nothing(cells, line, fault):
    assert fault in cells.refuse(f"%%flow {line}\nx = 1")


@pytest.mark.parametrize("body", ["return 1", "from math import *", "yield 1"])
def test_what_no_step_can_hold(cells, body):
    cells.refuse(f"%%flow etl --step\n{body}")


# ---- stale


def test_a_step_that_runs_again_unchanged_keeps_its_value(cells):
    if not cells.with_ids:
        return
    note = "os.environ['RAN'] += ' {0}'\n"
    cells.run("os.environ['RAN'] = ''")
    cells.run(f"%%flow etl --step\n{note.format('rows')}rows = [1, 2]", "a")
    cells.run("%%flow etl --step\ntotal = sum(rows)", "b")
    cells.run("%flow run etl")
    cells.run(f"%%flow etl --step\n{note.format('rows')}rows = [1, 2]  # the same", "a")
    assert cells.value("rows, total, os.environ['RAN']") == ([1, 2], 3, " rows")
    assert "nothing is stale" in cells.run("%flow run etl --stale").stdout


def test_views_say_what_is_stale_and_why(cells):
    cells.run("factor = 2")
    cells.run("%%flow etl --step\nrows = [factor, 1]", "a")
    cells.run("%%flow etl --step\ntotal = sum(rows)", "b")
    cells.run("%%flow etl --step\nother = 5", "c")
    cells.run("%flow run etl")
    cells.run("factor = 3")
    assert cells.run("%flow etl").texts.splitlines()[1:] == [
        "✓ rows · stale: factor has changed",
        "✓ total · stale: its input rows has changed ← rows",
        "✓ other",
    ]
    cells.run("%%flow etl --step --run\nmore = total", "d")
    assert "stale" not in cells.run("%flow etl").texts
    assert cells.value("rows, total, more") == ([3, 1], 4, 4)


@with_ids
def test_what_is_computed_anew_by_itself_makes_stale_what_used_it(cells):
    cells.run("%%flow etl --step\nrows = [1]", "a")
    cells.run("%%flow etl --step\ntotal = sum(rows)", "b")
    cells.run("%flow run etl")
    cells.run("%%flow etl --step --run\nrows = [2]", "a")
    assert "total · stale: its input rows has changed" in cells.run("%flow etl").texts
    cells.run("%flow run etl --stale")
    assert cells.value("total") == 2


@pytest.mark.usefixtures("kept")
def test_a_value_that_was_found_on_disk_gets_stale_like_any_other(cells):
    cells.run("factor = 2\n%flow cache clear")
    cells.run("%%flow etl --cache 7d --step\nrows = factor", "a")
    for _ in "12":
        cells.run("%flow run etl")
    cells.run("factor = 3")
    assert "1 stale" in cells.run("%flow").stdout
    cells.run("%flow run etl --stale")
    assert cells.value("rows") == 3


# ---- auto


def test_what_became_stale_runs_after_each_cell(cells):
    cells.run("factor = 2")
    cells.run("%%flow etl --step\nrows = [factor, 1]", "a")
    cells.run("%%flow etl --step\ntotal = sum(rows)", "b")
    assert cells.run("%flow auto etl").stdout == "flow 'etl': ran rows and total\n"
    assert cells.run("unrelated = 1").stdout == ""
    assert cells.run("factor = 5").stdout == "flow 'etl': ran rows and total\n"
    assert cells.value("total") == 6
    assert "ran more" in cells.run("%%flow etl --step --quiet\nmore = total * 2", "c").stdout
    cells.run("%flow auto etl off")
    assert cells.run("factor = 6").stdout == ""
    assert cells.value("more") == 12


def test_a_step_that_fails_by_itself_is_not_tried_again_until_it_changes(cells):
    cells.run("divisor = 0")
    cells.run("%%flow etl --step\nx = 1 / divisor", "a")
    assert cells.run("%flow auto etl").stderr == (
        "flow 'etl' failed: task 'x': ZeroDivisionError: division by zero\n"
    )
    assert cells.run("unrelated = 1").stderr == ""
    cells.run("divisor = 2")
    assert cells.value("x") == 0.5


def test_what_costs_money_is_set_up_by_itself_only_if_it_was_allowed(cells):
    cells.run("%%resource Paid --cost-per-hour 0.5\nyield 5")
    cells.run("%%flow etl --with Paid() as client --step\nx = client + 1", "a")
    said = cells.run("%flow auto etl").stdout
    assert "would set up client, which costs 0.5 an hour" in said
    assert cells.run("unrelated = 1").stdout == ""
    assert "ran x" in cells.run("%flow auto etl --paid").stdout
    assert cells.value("x") == 6


def test_what_needs_a_parameter_is_not_run_by_itself(cells):
    cells.run("%%flow etl(n) --step\nx = n + 1", "a")
    assert "it needs 'n': %flow run etl n=..." in cells.run("%flow auto etl").stdout
    cells.run("%flow run etl n=2")
    assert cells.run("unrelated = 1").stdout == ""
    assert cells.value("x") == 3


def test_a_function_that_reads_the_name_of_a_step_is_refused_in_a_step(cells):
    cells.run("def report(n):\n    return inner(n)\n\ndef inner(n):\n    return n * rows")
    cells.run("%%flow etl --step\nrows = 2", "a")
    said = cells.refuse("%%flow etl --step\ntwice = report(2)", "b")
    assert "uses report(), which reads 'rows' of step 'rows'" in said
    cells.run("def late():\n    return more\nmore = 1")
    cells.run("%%flow etl --step\nlast = late()", "d")
    assert "which step 'last' of flow 'etl'" in cells.refuse("%%flow etl --step\nmore = 5", "e")


@pytest.mark.long
@with_ids
def test_on_a_cluster_a_name_is_its_value_in_cells_that_read_it(cells):
    cells.run("from resnb.resources import DaskCluster")
    cells.run(
        """
        %%flow etl --with DaskCluster(1).as_executor() as client --run --step --map n in range(1, 3)
        x, y = n + 1, n
        """,
        "a",
    )
    assert cells.value("x") == [2, 3]
    cells.run("def shown():\n    return sum(y)")
    assert cells.value("shown()") == 3
    cells.run("%%flow etl --with client --run --step\nmore = sum(x)", "b")
    assert cells.value("more") == 5
    cells.run("%flow close etl")


def test_a_cell_that_runs_again_unchanged_keeps_values_though_it_has_a_signature(cells):
    cells.run("days = 2")
    cell = "%%flow sales(days=days) --step\nrows = [0] * days"
    cells.run(f"{cell.replace('--step', '--step --run')}", "a")
    assert "stale" not in cells.run(cell, "a").texts
    assert cells.run("%flow run sales --stale").stdout == "flow 'sales': nothing is stale\n"
    cells.run("%flow run sales days=4")
    shown = cells.run(cell, "a").texts
    assert "days=4" in shown
    assert "stale" not in shown
    cells.run("days = 3")
    shown = cells.run(cell, "a").texts
    assert "days=3" in shown
    assert "stale: its code has changed" in shown


def test_the_names_of_values_that_a_run_has_let_go_are_handles_again(cells):
    cells.run("%%flow etl --step\nrows = [since(), 1]", "a")
    cells.run("%%flow etl --step --run\ncount = len(rows)", "b")
    assert cells.value("(rows, count)") == ([[], 1], 2)
    cells.run("etl.keep_values = 'terminal'; happened.append('a new run')\n%flow run etl")
    assert cells.run("print(rows, count)").stdout == (
        "<handle of task 'rows' of flow 'etl', success: its value is .value after a run with "
        "keep_values='all'> 2\n"
    )
    assert cells.fail("rows.append(2)").message == (
        "rows is a handle (task 'rows' of flow 'etl'), not a value, and has no 'append': use "
        "rows.value.append after a run with keep_values='all', or do this in a task"
    )
    assert cells.fail("rows.value").message.startswith(
        "the value of task 'rows' was let go when its last reader had ended"
    )
    cells.run("etl.keep_values = 'all'\n%flow run etl")
    assert cells.value("(rows, count)") == ([[], 1], 2)


def test_a_name_that_the_notebook_has_changed_stays_when_its_value_is_let_go(cells):
    cells.run("%%flow etl --step\nrows = [1]", "a")
    cells.run("%%flow etl --step --run\ncount = len(rows)", "b")
    cells.run("rows = 'mine'; etl.keep_values = 'terminal'\n%flow run etl")
    assert cells.value("rows") == "mine"


@pytest.mark.parametrize("body", ["", "\n# later\n\n  # more"])
def test_a_step_without_code_is_refused_in_one_line(cells, body):
    cells.run("%%flow etl --step --run\nrows = [1]", "a")
    assert cells.refuse(f"%%flow etl --step{body}", "a") == (
        "MagicError: %%flow etl --step: the cell is empty, and a step is the cell's code: write "
        "that below; %flow remove etl NAME takes out a step that it was before"
    )
