"""A cell's body as code: what IPython makes of it, and what is refused in a step."""

from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.compilerop import CachingCompiler
from IPython.core.inputtransformer2 import TransformerManager

from resnb.errors import MagicError
from resnb.notebook.cells.cell_code import translated
from resnb.notebook.cells.flow_magic import flow_cell
from resnb.notebook.session import Session
from resnb.notebook.tracebacks import CellSyntaxError, user_lines_only

PIECES = [
    *"ab=%!?,;/ (){}[]'\"\\#\n", "\n", "    ", ">>> ", "... ", "In [1]: ", "''''", "%%x", "x = 1\n", "f(a)\n",
    "for a in b:\n    a()\n",
]  # fmt: skip


class Shell(SimpleNamespace):
    """As much of IPython's shell as a cell needs."""

    def __init__(self, *post, names=None):
        super().__init__(
            input_transformer_manager=TransformerManager(),
            input_transformers_post=list(post),
            compile=CachingCompiler(),
            history_manager=SimpleNamespace(input_hist_parsed=["", ""]),
            user_ns={} if names is None else names,
            searched=0,
        )

    def transform_cell(self, cell):
        self.searched += 1
        lines = self.input_transformer_manager.transform_cell(cell).splitlines(keepends=True)
        for transform in self.input_transformers_post:
            lines = transform(lines)
        return "".join(lines)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("a = 1\nb = a / 2, 3")
@example("\n  a = 1\n  b = 2")
@example(">>> a = 1\n>>> a")
@example("a = (\n%b)")
def test_a_body_becomes_what_ipython_makes_of_it(body):
    shell = Shell(lambda lines: [line.replace("b", "c") for line in lines])
    try:
        expected = shell.transform_cell(body)
    except SyntaxError:
        return
    assert translated(shell, body) == expected


@pytest.mark.parametrize(
    ("body", "searched"),
    [
        ("a = 1\nb = f'{a:.2f}'", 0),
        ("a", 1),  # may be the name of a magic
        ("a = 1\nb = %time a", 1),
        ("a = 1\na?", 1),
        ("a = 1\n/f a", 1),
    ],
)
def test_tokens_are_searched_where_there_may_be_something_to_find(body, searched):
    shell = Shell()
    translated(shell, body)
    assert shell.searched == searched


def test_a_transformer_of_the_users_sees_every_body():
    class Doubled:
        start_line = start_col = priority = 0
        done = False

        @classmethod
        def find(cls, _):
            return None if cls.done else cls()

        def sortby(self):
            return 0, 0, 0

        def transform(self, lines):
            Doubled.done = True
            return [*lines, *lines]

    shell = Shell()
    shell.input_transformer_manager.token_transformers.append(Doubled)
    assert translated(shell, "a = 1\nb = 2\n") == "a = 1\nb = 2\na = 1\nb = 2\n"


REFUSED = {
    "return 1": "'return' outside function",
    "x = 1\nyield x": "'yield' outside function",
    "[(yield 1)]": "'yield' outside function",
    "x = 1\nbreak": "'break' outside loop",
    "x = 1\nglobal x": "name 'x' is assigned to before global declaration",
    "def f(a, a): pass": "duplicate argument 'a' in function definition",
    "def f(): await g()": "'await' outside async function",
    "from __future__ import annotations": "put the line into an ordinary cell",
    "if a:\n    from os import *": "a step cannot hold `from ... import \\*`",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_no_cell_can_hold_is_refused_and_changes_nothing(body):
    names = {"x": 5}
    shell, session = Shell(names=names), Session(names)
    kind = MagicError if "import" in body else CellSyntaxError
    with pytest.raises(kind, match=REFUSED[body]), user_lines_only(shell):
        flow_cell(shell, session, "etl --step --quiet", body, None)
    assert names == {"x": 5}


@pytest.mark.parametrize("line", ["etl --step --quiet", "etl --quiet"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x = " + 100_000 * "-" + "1", "nested too deeply for Python, or too long a sum: split it"),
        ("x = " + 20_000 * "1+" + "1", "nested too deeply for Python, or too long a sum: split it"),
        ("x = '\ud800'", "the cell has \\\\ud800, half of a character, which Python cannot read"),
    ],
    ids=["nested", "long", "half a character"],
)
def test_what_python_gives_up_on_is_told_in_one_line(line, body, said):
    names = {}
    shell, session = Shell(names=names), Session(names)
    with pytest.raises(MagicError, match=said):
        flow_cell(shell, session, line, body, None)
    assert names == {}


def test_a_global_of_a_step_is_an_output_like_any_other():
    names = {}
    shell, session = Shell(names=names), Session(names)
    body = "global x\nx = 1"
    flow_cell(shell, session, "etl --step --run --quiet", body, None)
    flow_cell(shell, session, "etl --step --run --quiet", "y = x + 1", None)
    assert names["y"].value == 2


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("figg", "--inside figg: the cell does not bind figg; did you mean fig?"),
        ("fig,other", "--inside other: the cell does not bind other; it binds fig, ax"),
    ],
)
def test_only_what_a_step_binds_stays_inside(inside, said):
    names = {}
    shell, session = Shell(names=names), Session(names)
    with pytest.raises(MagicError, match=said):
        flow_cell(shell, session, f"etl --step --inside {inside}", "fig, ax = 1, 2", None)
    assert names == {}


def test_a_step_may_hold_functions_that_return_yield_and_await():
    names = {}
    shell, session = Shell(names=names), Session(names)
    body = "async def f():\n    await g()\n\ndef h():\n    yield 1\n\nx = [*h()]"
    flow_cell(shell, session, "etl --step --run --quiet", body, None)
    assert names["x"].value["x"] == [1]
