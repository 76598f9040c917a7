"""Splitting a resource body: which shapes, with which names, and that both halves do the same."""

import ast
import textwrap

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from resnb.notebook.cells.generators import generator_function
from resnb.syntax.body import GeneratorSource
from resnb.syntax.functions import function_of
from resnb.syntax.parsing import parsed
from resnb.syntax.splitting import NoSplit, RecipeSplit, recipe_split

# body -> what the clean-up needs of the set-up, and what it needs of the notebook
SPLITS = {
    "yield 1": ("", ""),
    "yield": ("", ""),
    "x = start()\nyield x\nx.stop()": ("x", ""),
    "x = start()\nyield x\nstop(x)": ("x", "stop"),
    "x, y = start()\nyield x\nprint('closed')": ("", "print"),
    "x = start()\ntry:\n yield x\nfinally:\n x.stop()": ("x", ""),
    "try:\n yield start()\nfinally:\n stop()": ("", "stop"),
    "yield (x := start())\nx.stop()": ("x", ""),
    "yield n\nstop(n, lease.id)": ("n lease", "stop"),
    "import os\nyield 1\nos.remove(path)": ("os", "path"),
    "def stop(): x.stop()\nx = start()\nyield x\nstop()": ("stop", ""),
    "x = 1\nyield x\nx = 2\nprint(x)": ("", "print"),
    "x = 1\nyield x\nx += 1": ("x", ""),
    "x = 1\nyield x\nif x:\n y = 1\nprint(y)": ("x", "print"),
    "for w in ws: w.start()\nyield ws\nfor w in ws: w.stop()": ("", "ws"),
    "ws = [f(i) for i in range(3)]\nyield ws\n[w.stop() for w in ws]": ("ws", ""),
    "x = 1\nyield x\ndef stop():\n nonlocal x\n x = 2\nstop()": ("x", ""),
    "x = 1\nyield x\nlog(lambda x: x)": ("", "log"),
    "with f() as x: y = x\nyield y\ndel y": ("y", ""),
    "global_ = 1\nyield 1": ("", ""),
}


@pytest.mark.parametrize("source", SPLITS)
def test_a_body_is_split_with_the_names_that_its_cleanup_needs(source):
    split = recipe_split(parsed(source).body, ["n", "lease"])
    variables, outer_names = SPLITS[source]
    assert isinstance(split, RecipeSplit)
    assert split.variables == frozenset(variables.split())
    assert split.outer_names == frozenset(outer_names.split())


def test_the_parts_of_a_split_are_the_statements_with_their_places():
    split = recipe_split(
        parsed("a = 1\nb = 2\ntry:\n    yield a + b\nfinally:\n    c(a)\n    d(b)\n").body
    )
    assert [ast.unparse(node) for node in split.setup] == ["a = 1", "b = 2"]
    assert ast.unparse(split.resource) == "a + b"
    assert [(ast.unparse(node), node.lineno) for node in split.cleanup] == [
        ("c(a)", 6),
        ("d(b)", 7),
    ]


def test_a_bare_yield_has_no_resource():
    assert recipe_split(parsed("yield").body).resource is None


@pytest.mark.parametrize(
    ("source", "awaits"),
    [
        ("yield await f()\nclose()", False),
        ("x = f()\nyield x\nawait x.close()", True),
        ("x = f()\ntry: yield x\nfinally:\n async with x: pass", True),
    ],
)
def test_a_cleanup_that_awaits_says_so(source, awaits):
    assert recipe_split(parsed(source).body).cleanup_is_async is awaits


NO_SPLITS = {
    "with f() as x:\n yield x": "the yield is part of a `with` block",
    "async with f() as x:\n yield x": "the yield is part of an `async with` block",
    "if a:\n yield 1": "the yield is part of an `if` block",
    "match a:\n case 1: yield 1": "the yield is part of a `match` block",
    "x = yield 1": "the yield is part of an assignment",
    "print((yield 1))": "the yield is part of another statement",
    "try:\n try: yield 1\n finally: f()\nfinally: g()": "the yield is part of another `try`",
    "try: x = yield 1\nfinally: f()": "the yield is part of an assignment",
    "try: yield 1\nexcept* E: f()": "the yield is part of a `try` with `except*`",
    "try: yield 1\nexcept E: f()": "the `try` around the yield has more than a `finally`",
    "try: yield 1\nexcept E: f()\nfinally: g()": "has more than a `finally`",
    "try: f()\nfinally: yield 1": "the yield is not in the body of its `try`",
    "try: f()\nexcept E: yield 1": "the yield is not in the body of its `try`",
    "try:\n yield 1\n f()\nfinally: g()": "the `try` holds more than the yield",
    "try:\n f()\n yield 1\nfinally: g()": "the `try` holds more than the yield",
    "try: yield 1\nfinally: f()\ng()": "statements follow the `try` around the yield",
    "global count, total\ncount = 1\nyield 1": "it assigns count, total, which is not its own",
    "yield 1\nyield 2": "it does not yield in one place",
    "x = 1": "it does not yield in one place",
    "yield\nif x: get_ipython().run_line_magic('pwd', '')": "its clean-up uses a magic",
}


@pytest.mark.parametrize(("source", "reason"), NO_SPLITS.items())
def test_a_body_of_another_shape_is_not_split_and_says_why(source, reason):
    split = recipe_split(parsed(source).body)
    assert isinstance(split, NoSplit)
    assert reason in split.reason


# --- both ways to clean up do the same --------------------------------------------------------

NAMES = st.sampled_from("abc")
SIMPLE = st.one_of(
    st.builds("{} = {} + 1".format, NAMES, NAMES),
    st.builds("{} += {}".format, NAMES, NAMES),
    st.builds("log.append({})".format, NAMES),
    st.builds("{} = sum([{} + {} for {} in range(2)])".format, NAMES, NAMES, NAMES, NAMES),
    st.builds("log.append((lambda {}=1: {} + {})({}))".format, NAMES, NAMES, NAMES, NAMES),
    st.builds("({} := {} * 2)".format, NAMES, NAMES),
)


def indented(lines):
    return "\n".join(f"    {line}" for block in lines for line in block.splitlines())


def blocks(inner):
    several = st.lists(inner, min_size=1, max_size=3).map(indented)
    deep = several.map(lambda text: textwrap.indent(text, "    "))
    return st.one_of(
        st.builds("if {} % 2:\n{}\nelse:\n{}".format, NAMES, several, several),
        st.builds("for {} in range({} % 3):\n{}".format, NAMES, NAMES, several),
        st.builds("try:\n    log.append({})\nfinally:\n{}".format, NAMES, several),
        st.builds("try:\n{}\n    1 / 0\nexcept ZeroDivisionError:\n{}".format, several, several),
        st.builds("def f({}={}):\n{}\nf()".format, NAMES, NAMES, several),
        st.builds("match {}:\n    case 1:\n{}\n    case {}:\n{}".format, NAMES, deep, NAMES, deep),
        st.builds("class A:\n    {} = {}\n    log.append({})".format, NAMES, NAMES, NAMES),
    )


STATEMENTS = st.lists(st.recursive(SIMPLE, blocks, max_leaves=4), max_size=4)


def outcome(call, *args):
    """The name of the error that the call raises; None if it returns."""
    try:
        call(*args)
    except NameError:
        return "NameError"  # for a local variable too
    except (ArithmeticError, TypeError, ValueError) as error:
        return type(error).__name__
    return None


def started(source, log):
    """The body's generator, at its yield."""
    namespace = {"log": log}
    module = generator_function(source, "Db", (), "<cell>")
    exec(compile(module, "<cell>", "exec"), namespace)
    generator = namespace["Db"](lease=None)
    if outcome(next, generator):
        reject()
    return generator


def cleanup_function(split, log, unbound):
    """The clean-up alone, as another process would run it: with the names of the split only."""
    body = GeneratorSource("", "<cell>", 1, ())
    parameters = sorted(split.variables)
    return function_of(body, split.cleanup, "clean_up", parameters, {"log": log}, unbound=unbound)


@given(setup=STATEMENTS, cleanup=STATEMENTS)
def test_the_cleanup_alone_does_what_the_generator_does(setup, cleanup):
    source = "\n".join(["a, b, c = 1, 2, 3", *setup, "yield a", *cleanup])
    log_alive, log_alone = [], []
    alive, stopped = started(source, log_alive), started(source, log_alone)
    split = recipe_split(parsed(source).body)
    local = stopped.gi_frame.f_locals
    unbound = [name for name in split.variables if name not in local]
    alone = cleanup_function(split, log_alone, unbound)
    variables = {name: local.get(name) for name in split.variables}
    assert outcome(lambda: next(alive, None)) == outcome(lambda: alone(**variables))
    assert log_alive == log_alone
