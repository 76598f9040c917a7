"""`%time` in what becomes a function; the text is what IPython makes of a cell."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from resnb.notebook.timed_lines import timed_value, with_timed_lines

TRANSLATE = TransformerManager().transform_cell


def body(cell, **values):
    """What a function with this body has bound at its end."""
    text = with_timed_lines(TRANSLATE(cell))
    lines = "".join(f"    {line}\n" for line in text.split("\n"))
    space = {}
    exec(f"def f({', '.join(values)}):\n{lines}    return locals()", space)
    return space["f"](**values)


@pytest.mark.parametrize(
    ("cell", "bound"),
    [
        ("%time x = n + 1", {"x": 3}),
        ("y = 1\n%time x = n + y  # quick\nz = x", {"y": 1, "x": 3, "z": 3}),
        ("%time x = n; z = x", {"x": 2, "z": 2}),
        ("if n:\n    %time x, z = n, 'ä # no comment'", {"x": 2, "z": "ä # no comment"}),
        ("a = 'ä'\n%time x = a * n", {"a": "ä", "x": "ää"}),
        ("%time (x := n)", {"x": 2}),
    ],
)
def test_what_a_timed_line_binds_and_reads_is_the_function_s(cell, bound, capsys):
    assert body(cell, n=2) == {"n": 2, **bound}
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == ["CPU time", "Wall time"]


@pytest.mark.parametrize(
    "cell",
    [
        "%time for a in b: a()",
        "%time -x y = 1",
        "%time",
        "%timeit f()",
        "text = '''\n%time x = 1\n'''",
        "x = %time f()",
        "print('run_line_magic')",
    ],
)
def test_other_lines_stay_as_ipython_makes_them(cell):
    assert with_timed_lines(TRANSLATE(cell)) == TRANSLATE(cell)


def test_a_text_that_is_no_python_stays_as_it_is():
    text = "get_ipython().run_line_magic('time', 'x = 1')\n)"
    assert with_timed_lines(text) == text


def test_a_timed_expression_keeps_its_value_and_its_error(capsys):
    assert eval(with_timed_lines(TRANSLATE("%time 1 + 1"))) == 2
    with pytest.raises(ZeroDivisionError):
        timed_value(lambda: 1 / 0)
    assert capsys.readouterr().out.count("Wall time") == 2
