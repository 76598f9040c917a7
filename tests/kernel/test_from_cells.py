"""``%flow from-cells``: a flow of plain cells that have run."""

import pytest

from tests.kernel.conftest import with_ids

PLAIN = [
    "import math",
    "def scaled(x):\n    return 2 * x",
    "rows = [3, 1, 2]",
    "rows[0]",
    "rows.sort()",
    "big = [scaled(one) for one in rows]",
    "total = math.fsum(big)",
]


@pytest.fixture
def cells(cells):
    """A notebook in which nothing has run yet."""
    cells.run("vars(get_ipython())['_resnb_session'].ran.__init__() if 'alive' in globals() else 0")
    return cells


@pytest.fixture
def plain(cells):
    for number, text in enumerate(PLAIN):
        cells.run(text, f"cell {number}")
    return cells


def test_a_dry_run_says_what_would_be_a_step_and_what_stays(plain):
    said = plain.run("%flow from-cells etl --dry-run").stdout
    lines = [line.partition("] ")[2].strip() for line in said.splitlines() if "] " in line]
    assert "stays: imports" in lines
    assert "stays: definitions" in lines
    assert "stays: it only shows something" in lines
    assert "one step, since they change rows: gives rows" in said
    assert "step: gives big; reads rows of" in said
    assert "step: gives total; reads big of" in said
    assert plain.run("%flow").stdout == "no flows yet: build one with %%flow NAME\n"


def test_the_cells_become_a_flow_and_the_variables_keep_their_values(plain):
    said = plain.run("%flow from-cells etl").stdout
    assert "%%flow etl --step --run\nrows = [3, 1, 2]\n\nrows.sort()\n" in said
    assert "stays as it is: imports\nimport math\n" in said
    assert plain.value("names(etl), rows, total") == (["rows", "big", "total"], [1, 2, 3], 12.0)
    plain.run("rows = big = total = None")
    plain.run("%flow run etl")
    assert plain.value("rows, big, total") == ([1, 2, 3], [2, 4, 6], 12.0)
    assert "there is a flow 'etl'" in plain.refuse("%flow from-cells etl")


@with_ids
def test_a_cell_that_gets_its_line_takes_the_place_of_its_step(cells):
    for number, text in enumerate(PLAIN):
        cells.run(text, f"cell {number}")
    cells.run("%flow from-cells etl")
    cells.run("%%flow etl --step --run\nbig = [3 * one for one in rows]", "cell 5")
    cells.run("%flow run etl --stale")
    assert cells.value("names(etl), total") == (["rows", "big", "total"], 18.0)


@with_ids
def test_a_check_runs_both_in_a_fresh_kernel_and_compares_every_value(plain):
    plain.run("from pathlib import Path\nPath('data.csv').write_text('a,b\\n1,0.5\\n2,\\n')", "x")
    plain.run("import pandas as pd\ndf = pd.read_csv('data.csv')", "y")
    plain.run("df['c'] = df.a * 2.5", "z")
    plain.run(
        "class Model:\n    def __init__(self, frame):\n        self.mean = frame.c.mean()", "m"
    )
    plain.run("model = Model(df)", "n")
    plain.run("stream = (one for one in rows)", "o")
    plain.run("def grow(x):\n    x += [1]", "p")
    plain.run("ones = [0]", "q")
    plain.run("size = grow(ones)", "r")
    said = plain.run("%flow from-cells etl --verify").stdout
    assert "In a fresh kernel 7 values are the same" in said
    assert "not compared, since nobody can tell: stream" in said
    assert "changes ones of" in said
    assert plain.value("'etl' in globals()") is False


@with_ids
def test_a_check_names_what_differs(cells):
    cells.run("import random\nrandom.seed(5)", "a")
    cells.run("one = random.random()", "b")
    said = cells.fail("%flow from-cells etl --verify")
    assert "1 of 1 values differ: one" in said.message
    assert "(run by %flow run etl)" in said.stdout


@pytest.mark.long
@with_ids
def test_a_check_tells_what_is_another_value_each_time_anyway(cells):
    cells.run("import time", "a")
    cells.run("began = time.perf_counter()", "b")
    cells.run("rest = began * 0", "c")
    said = cells.run("%flow from-cells etl --verify").stdout
    assert "not the same in two runs of the plain cells either: began" in said
    assert "In a fresh kernel 1 values are the same" in said


@with_ids
def test_a_check_names_the_cell_that_fails(cells):
    cells.run("hidden = 1", "a")
    cells.run("x = hidden + 1", "b")
    cells.run("del hidden", "a")
    said = cells.fail("%flow from-cells etl --verify").message
    assert "fails in a fresh kernel: NameError: name 'hidden' is not defined" in said


@pytest.mark.long
@with_ids
def test_a_check_allows_for_cells_that_show_what_is_changed_below_them(cells):
    cells.run("frame = {'year': [1984, 1992]}", "a")
    cells.run("print(frame['year'])", "b")
    cells.run("years = frame.pop('year')", "c")
    cells.run("total = sum(years)", "d")
    said = cells.run("%flow from-cells etl --dry-run").stdout
    assert "stays: it shows frame as it is before cell [" in said
    said = cells.run("%flow from-cells etl --verify").stdout
    assert "fails beside the flow (KeyError: 'year'): it shows frame as it is before" in said
    assert "In a fresh kernel 3 values are the same" in said


@pytest.mark.long
@with_ids
def test_a_check_compares_what_steps_give_whatever_other_cells_bind(cells):
    cells.run("model = {'kind': 1}", "a")
    cells.run("score = model['kind'] + 1", "b")
    cells.run("model = {'kind': 2}\nprint(model)", "c")
    cells.run("rest = score + 1", "d")
    said = cells.run("%flow from-cells etl --verify").stdout
    assert "! " not in said
    assert "values are the same" in said


@with_ids
def test_functions_may_call_those_that_are_defined_below_them(cells):
    cells.run("m = 3", "a")
    cells.run("def outer(x):\n    return inner(x) + m", "b")
    cells.run("def inner(x):\n    return x", "c")
    cells.run("total = outer(1)", "d")
    said = cells.run("%flow from-cells etl --dry-run").stdout
    assert "step: gives outer; reads m of" in said
    said = cells.run("%flow from-cells etl --verify").stdout
    assert "In a fresh kernel 3 values are the same" in said
    assert "! " not in said


@with_ids
def test_each_step_draws_its_own_figure(cells):
    cells.run("%matplotlib inline\nimport matplotlib.pyplot as plt")
    cells.run("def draw(y):\n    return plt.plot([y, y])")
    own = "import matplotlib.pyplot as own\nown.plot([5, 6])"
    for number in range(4):
        cells.run(
            f"%%flow pictures --step\n{own if number == 3 else f'draw({number})'}\n"
            f"lines{number} = len(plt.gca().lines), len(plt.get_fignums())",
            f"s{number}",
        )
    cells.run("%flow run pictures")
    assert cells.value("[lines0, lines1, lines2, lines3]") == [(1, 1)] * 4
    assert cells.value("plt.get_fignums()") == []


def test_with_no_cells_it_says_so(cells):
    for mode in ("", "--verify"):
        said = cells.fail(f"%flow from-cells etl {mode}").message
        assert "no cell that has run can be a step" in said
