"""What a cell reads and binds as a step, and its code as a function."""

import ast
import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.syntax.scoping import has_await
from resnb.syntax.step_code import FUNCTION, LATE, SHOWN, as_function, step_code, without_globals

CELLS = [
    # the cell, what it needs, what it binds, what it binds and needs
    ("x = a + 1", ("a",), ("x",), ()),
    ("x = len(a)", ("a",), ("x",), ()),
    ("x = 1\ny = x", (), ("x", "y"), ()),
    ("x = x + 1", ("x",), ("x",), ("x",)),
    ("x += 1", ("x",), ("x",), ("x",)),
    ("_x = a\ny = _x", ("a",), ("y",), ()),
    ("import math as m\nfrom os import path\nx = m.tau", (), ("x",), ()),
    ("for i in xs:\n    last = i", ("xs",), ("last",), ()),
    ("for i in xs:\n    i = 2", ("xs",), ("i",), ()),
    ("with open(p) as f:\n    text = f.read()", ("p",), ("text",), ()),
    ("with (p := a) as f, g(p) as h:\n    pass", ("a", "g", "p"), ("p",), ("p",)),
    ("for i in xs:\n    pass\nelse:\n    i = 3", ("xs",), ("i",), ()),
    ("i: int\nfor i in xs:\n    pass", ("xs",), (), ()),
    ("import a\na = b", ("b",), ("a",), ()),
    ("[y := i for i in xs]", ("xs",), ("y",), ()),
    ("x = 1\ny = 2\ndel x\nx = 3", (), ("y", "x"), ()),
    ("x, *rest = a", ("a",), ("x", "rest"), ()),
    ("x = 1\ndel x", (), (), ()),
    ("def f(n):\n    return n * k", ("k",), ("f",), ()),
    ("xs = [k * n for n in ns]", ("k", "ns"), ("xs",), ()),
    ("if c:\n    x = 1\ny = x", ("c", "x"), ("x", "y"), ("x",)),
    ("try:\n    x = 1\nexcept E as error:\n    x = 2", ("E",), ("x",), ()),
    ("with a as f:\n    x = f.read()\nprint(x)", ("a",), ("x",), ()),
    ("with suppress(E):\n    x = 1\nprint(x)", ("suppress", "E", "x"), ("x",), ("x",)),
    ("with m.raises(E) as e:\n    x = 1\nx", ("m", "E", "x"), ("x",), ("x",)),
    ("for i in xs:\n    x = i\nx", ("xs", "x"), ("x",), ("x",)),
    ("(n := a)", ("a",), ("n",), ()),
    ("a.b = 1\na[0] = 2", ("a",), (), ()),
]


@pytest.mark.parametrize(("cell", "needs", "outputs", "rebinds"), CELLS)
def test_what_a_cell_reads_and_binds(cell, needs, outputs, rebinds):
    found = step_code(ast.parse(cell).body)
    assert (set(found.needs), found.outputs, found.rebinds) == (set(needs), outputs, rebinds)


@pytest.mark.parametrize(
    ("cell", "perhaps"),
    [
        ("for i in xs:\n    x = i\nx", {"x"}),
        ("if c:\n    x = 1\ny = x", {"x"}),
        ("try:\n    x = 1\nexcept E:\n    pass\nx", {"x"}),
        ("x = x + 1", set()),
        ("y = x\nif y:\n    x = 1\nx", set()),
        ("while c:\n    n = n + 1\nn", set()),
        ("x = 1\nx", set()),
    ],
)
def test_what_it_reads_where_it_may_have_bound_it_before(cell, perhaps):
    assert step_code(ast.parse(cell).body).perhaps == perhaps


def functions(cell, arguments=(), late=(), *, shows=True, **namespace):
    body = ast.parse(cell).body
    module = as_function(body, arguments, late, shows=shows, awaits=has_await(body))
    found = {}
    exec(compile(module, "cell", "exec"), namespace, found)
    return found[FUNCTION], found.get(LATE)


def test_its_local_variables_come_back_and_nothing_else_is_bound():
    step, late = functions("y = x + k\ny", ["x"], k=10)
    assert step(x=1) == {"x": 1, "y": 11, SHOWN: 11}
    assert late is None


def test_a_global_of_the_cell_itself_says_nothing():
    source = "global x\nif y:\n    global z\nx = 1\ndef f():\n    global w\n    w = 2"
    statements = without_globals(ast.parse(source).body)
    assert ast.unparse(ast.Module([*statements], [])) == (
        "pass\nif y:\n    pass\nx = 1\n\ndef f():\n    global w\n    w = 2"
    )


def test_a_last_line_is_shown_only_where_it_is_wanted():
    step, _ = functions("y = 1\ny", shows=False)
    assert step() == {"y": 1}
    step, _ = functions("y = 1")
    assert step() == {"y": 1}


def test_what_it_may_read_from_the_notebook_is_unbound_where_that_has_none():
    cell = "if c:\n    y = 1\nz = y"
    step, late = functions(cell, ["c"], ["y"], y=5)
    assert step(c=False, y=late()["y"]()) == {"c": False, "y": 5, "z": 5}
    step, late = functions(cell, ["c"], ["y"])
    assert step(c=True) == {"c": True, "y": 1, "z": 1}
    with pytest.raises(NameError):
        late()["y"]()
    with pytest.raises(UnboundLocalError):
        step(c=False)


def test_a_cell_that_awaits_is_a_coroutine_function():
    async def two():
        return 2

    step, _ = functions("y = await two()", two=two)
    assert asyncio.run(step()) == {"y": 2}


def test_the_lines_are_those_of_the_cell():
    step, _ = functions("y = 1\n\nz = y / 0")
    with pytest.raises(ZeroDivisionError) as caught:
        step()
    assert caught.tb.tb_next.tb_lineno == 3


NAMES = st.sampled_from("abcde")
LINES = st.one_of(
    st.builds("{} = {} + 1".format, NAMES, NAMES),
    st.builds("{} += {}".format, NAMES, NAMES),
    st.builds("if {} > 2:\n    {} = {}".format, NAMES, NAMES, NAMES),
    st.builds("for _ in range({} % 3):\n    {} = {} * 2".format, NAMES, NAMES, NAMES),
    st.builds("{0} = 0\ndel {0}".format, NAMES),
    st.builds("{} = (lambda: {})()".format, NAMES, NAMES),
)
VALUES = st.dictionaries(NAMES, st.integers(0, 9))


@given(st.lists(LINES, min_size=1, max_size=8), VALUES)
def test_a_step_computes_what_the_plain_cell_would(lines, namespace):
    cell = "\n".join(lines)
    plain = dict(namespace)
    try:
        exec(cell, plain)
    except NameError:
        return
    code = step_code(ast.parse(cell).body)
    inputs = {name: namespace[name] for name in code.needs if name in namespace}
    late = [name for name in code.rebinds if name not in inputs]
    step, _ = functions(cell, list(inputs), late)
    bound = {**namespace, **step(**inputs)}  # what it does not bind in this run stays as it was
    assert all(bound.get(name) == plain.get(name) for name in code.outputs)
