"""Which plain cells become steps, and which stay ordinary cells."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from resnb.notebook.conversion.facts import facts_of
from resnb.notebook.conversion.proposal import proposed
from resnb.notebook.conversion.ran import RanCell, RanCells


def plan(*texts):
    """What becomes of cells: pairs of their numbers and what they give, or why they stay."""
    cells = [RanCell(text, number) for number, text in enumerate(texts, start=1)]
    found = proposed(facts_of(cells, TransformerManager().transform_cell))
    return [
        ("".join(cell.label for cell in one.cells), one.outputs if one.is_step else one.why)
        for one in found
    ]


def test_values_become_steps_and_what_needs_no_step_stays():
    assert plan(
        "%load_ext resnb",
        "import math\nimport statistics",
        "def clean(rows):\n    return [one for one in rows if one]",
        "rows = [3, 0, 4]",
        "rows[:2]",
        "good = clean(rows)",
        "print(good)",
        "average = statistics.mean(good)",
        "%timeit -n1 sum(good)",
        "# only a comment",
    ) == [
        ("[1]", "it has a line for resnb"),
        ("[2]", "imports"),
        ("[3]", "definitions"),
        ("[4]", ("rows",)),
        ("[5]", "it only shows something"),
        ("[6]", ("good",)),
        ("[7]", "it only shows something"),
        ("[8]", ("average",)),
        ("[9]", "magics"),
    ]


def test_cells_that_change_a_name_are_one_step_with_what_read_it_before():
    assert plan(
        "df = {'a': 1}", "n = len(df)", "df['b'] = n", "other = 5", "size = len(df) + other"
    ) == [("[1][2][3]", ("df", "n")), ("[4]", ("other",)), ("[5]", ("size",))]
    assert plan("x = 1", "x = x + 1", "y = x") == [("[1][2]", ("x",)), ("[3]", ("y",))]
    assert plan("x = [1]", "x.append(2)", "y = x")[0] == ("[1][2]", ("x",))
    assert plan("m = make()", "rows = [1]", "m.fit(rows)", "p = m.score()") == [
        ("[2]", ("rows",)),
        ("[1][3]", ("m",)),
        ("[4]", ("p",)),
    ]


def test_what_reads_a_name_between_its_changes_is_part_of_them():
    assert plan(
        "m = make(1)", "m.fit(1)", "best = m.score", "m = make(2)", "m.fit(2)", "last = m.score",
        "both = best, last",
    ) == [("[1][2][3][4][5]", ("m", "best")), ("[6]", ("last",)), ("[7]", ("both",))]  # fmt: skip


def test_what_draws_from_one_generator_of_random_numbers_is_one_step():
    assert plan(
        "import numpy as np", "rng = np.random.default_rng(1)", "x = rng.normal(size=3)",
        "total = sum(x)", "y = sample(rng)", "last = y + total",
    ) == [
        ("[1]", "imports"), ("[2][3][5]", ("rng", "x", "y")), ("[4]", ("total",)),
        ("[6]", ("last",)),
    ]  # fmt: skip


def test_a_name_that_several_cells_use_for_themselves_stays_inside():
    cells = ["fig = 1\nbest = fig", "fig = 2\nworst = fig", "fig = 3\nlast = best + fig"]
    found = proposed(facts_of(list(map(RanCell, cells)), str))
    assert [(one.outputs, one.inside) for one in found] == [
        (("best",), ("fig",)),
        (("worst",), ("fig",)),
        (("fig", "last"), ()),
    ]
    assert found[0].magic_line("etl") == "%%flow etl --step --run --inside fig"


def test_a_name_bound_twice_and_read_each_time_is_one_step():
    assert plan("m = 1", "a = m", "m = 2", "b = m", "c = a + b") == [
        ("[1][2][3]", ("m", "a")),
        ("[4]", ("b",)),
        ("[5]", ("c",)),
    ]


def test_two_names_that_the_same_cells_bind_are_both_read_as_they_were():
    assert plan("a = 1\nb = 1", "n = a", "m = b", "a = 2\nb = 2", "c = a + b + n + m") == [
        ("[1][2][3][4]", ("a", "b", "n", "m")),
        ("[5]", ("c",)),
    ]


def test_what_binds_a_name_that_nobody_reads_gives_it_its_value_of_that_time():
    cells = ["m = [1]", "n = len(m)\nprint(n)", "print(m)", "m.append(2)", "k = m"]
    assert plan(*cells) == [
        ("[1][2][4]", ("m", "n")),
        (
            "[3]",
            (
                "it shows m as it is before cell [4] changes it; beside the flow it sees it as it "
                "is afterwards"
            ),
        ),
        ("[5]", ("k",)),
    ]


def test_definitions_that_use_the_name_of_a_step_are_steps():
    assert plan("n = 2", "def f(x):\n    return n * x", "y = f(3)") == [
        ("[1]", ("n",)),
        ("[2]", ("f",)),
        ("[3]", ("y",)),
    ]
    stays = plan("def f(x):\n    return n * x", "n = 2", "y = f(3)")
    assert stays[1] == ("[2]", "cell [1] reads its 'n' as a variable of the notebook")
    assert stays[2] == ("[3]", ("y",))


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("%%bash\necho", "a cell magic, %%bash"),
        ("%%time\nx = 1", "it begins with %%time: without that line it could be a step"),
        ("%%flow etl\nx = 1", "it is resnb's already"),
        ("x = input()", "it asks for input, which a step cannot"),
        (
            "from math import *\nx = pi",
            "a step cannot hold `from ... import *`: name what you need",
        ),
        (
            "def f():\n    global x\n    x = 1\nf()",
            "its functions bind variables of the notebook (global)",
        ),
        ("!ls", "magics"),
        ("x = = 1", "it is not Python"),
        ("flow = 1", "no step can give 'flow': rename it"),
    ],
)
def test_what_cannot_be_a_step_says_why(cell, why):
    assert plan(cell) == [("[1]", why)]


def test_what_stays_ordinary_keeps_what_it_changes_ordinary():
    assert plan("m = make()", "%%time\nm.fit()", "p = m.score()", "m.more = 1") == [
        ("[1]", "cell [2], which stays ordinary, changes its 'm'"),
        ("[2]", "it begins with %%time: without that line it could be a step"),
        ("[3]", ("p",)),
        ("[4]", "it changes 'm' of cell [2], which stays ordinary"),
    ]


def test_variables_of_loops_and_hidden_names_that_others_read():
    found = plan("for i in [1]:\n    x = i", "y = i + x")[0][1]
    assert "reads its 'i', and the variable of a loop or block stays inside" in found
    found = plan('with open("x") as i:\n    x = i', "y = i, x")[0][1]
    assert "the variable of a loop or block stays inside" in found
    assert "begins with _" in plan("_x = 1\nz = 1", "y = _x")[0][1]


def test_imports_in_a_step_are_seen_by_all():
    assert plan("import os\nx = os.sep", "def f():\n    return os.sep", "import os\ny = x") == [
        ("[1]", ("x",)),
        ("[2]", "definitions"),
        ("[3]", ("y",)),
    ]


def test_a_cell_stands_where_it_first_succeeded_as_it_ran_last():
    ran = RanCells()
    for text, number, cell, failed in [
        ("a = b", 1, "one", True),
        ("b = 1", 2, "two", False),
        ("a = b", 3, "one", False),
        ("b = 2", 4, "two", False),
        ("c = 3", 5, "three", False),
    ]:
        ran.add(RanCell(text, number, cell, failed))
    ran.deleted = {"three"}
    assert [one.text for one in ran.all()] == ["b = 2", "a = b"]
