"""Cell bodies: what a cell binds and reads, which resource a body defines, and its function."""

import ast
import asyncio
import linecache
import textwrap
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.errors import MagicError
from resnb.notebook.cells.generators import generator_function
from resnb.notebook.cells.resource_bodies import ClassBody, GeneratorBody, resource_body
from resnb.notebook.lines.parsed import SignatureParameter, parse_resource_line
from resnb.syntax.parsing import parsed
from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import names_left


def body(text):
    return textwrap.dedent(text).strip("\n")


# --- cells ------------------------------------------------------------------------------------

CELLS = {
    "xs = load(n)\nys = clean(xs)": ("xs ys", "load n clean"),
    "df = clean(df)": ("df", "clean df"),
    "out = write(df)\ndel out": ("", "write df"),
    "tmp = 1\ndel tmp\ntmp = f()": ("tmp", "f"),
    "del a.b, c[0]": ("", "a c"),
    "with Db() as db:\n    rows = query(db)": ("db rows", "Db query"),
    "@task\ndef f(x):\n    return x + offset\ny = f(1)": ("f y", "task offset"),
    "for i in range(3):\n    total = add(total, i)": ("i total", "range add total"),
    "get_ipython().run_line_magic('time', 'y = 3')": ("", "get_ipython"),
    "": ("", ""),
}


@pytest.mark.parametrize("source", CELLS)
def test_a_cell_binds_and_reads(source):
    bound, read = CELLS[source]
    statements = parsed(source).body
    assert names_left(statements) == tuple(bound.split())
    assert sorted(names_needed(statements)) == sorted(read.split())


# --- kinds of resource ------------------------------------------------------------------------

RESOURCES = {
    "yield 1": GeneratorBody(),
    "yield": GeneratorBody(),
    "x = yield make()": GeneratorBody(),
    "with f() as x: yield x": GeneratorBody(),
    "try:\n yield 1\nfinally: stop()": GeneratorBody(),
    "if a: x = 1\nyield x": GeneratorBody(),
    "for x in xs: start(x)\nelse: yield xs": GeneratorBody(),
    "for x in (yield 1): stop(x)": GeneratorBody(),
    "f = lambda: (yield 1)\ndef g():\n yield 2\n return 3\nyield g": GeneratorBody(),
    "class Helper:\n def close(self): pass\nyield Helper()": GeneratorBody(),
    "x = await start()\nyield x": GeneratorBody(is_async=True),
    "async with f() as x: yield x": GeneratorBody(is_async=True),
    "yield [x async for x in f()]": GeneratorBody(is_async=True),
    "async def stop(): await f()\nyield stop": GeneratorBody(),
    "def handle(x): return x.id\nasync def find(lease_id): pass\nyield 1": GeneratorBody(
        hooks=frozenset({"handle", "find"})
    ),
    "handle = open(path)\nyield handle": GeneratorBody(),  # a variable, no hook
    "def g():\n def ready(x): pass\nyield 1": GeneratorBody(),
    "class Any:\n def cleanup(self, r): pass": ClassBody("Any"),
    "import x\nclass Db:\n cleanup = x.stop": ClassBody("Db"),
    "class Db(Base):\n def setup(self): yield 1": ClassBody("Db"),
    "class Helper: pass\nclass Any:\n async def cleanup(self, r): pass": ClassBody("Any"),
    "class Any:\n def cleanup(self, r): pass\nclass Db(Any): pass": ClassBody("Any"),
    "class Any:\n def cleanup(self, r): pass\nclass Db(Any):\n cleanup = f": ClassBody("Db"),
    "await f()\nclass Db:\n def cleanup(self, r): pass": ClassBody("Db", is_async=True),
}


@pytest.mark.parametrize(("source", "kind"), RESOURCES.items())
def test_a_body_is_a_resource_of_a_kind(source, kind):
    assert resource_body(source, "Db") == kind


NO_RESOURCES = {
    "": "has no yield of its own and no class: yield the resource once",
    "x = 1": "has no yield of its own and no class",
    "def f(): yield 1": "has no yield of its own and no class",
    "if x:\n class Db:\n  def cleanup(self, r): pass": "has no yield of its own and no class",
    "yield 1\nyield 2": "yields twice (line 3 of the cell): a resource body yields once",
    "if a: yield 1\nelse: yield 2": "yields twice (line 3 of the cell)",
    "x = 1\nfor x in xs:\n yield x": "yields in a loop (line 4 of the cell)",
    "while (yield 1): pass": "yields in a loop (line 2 of the cell)",
    "async for x in xs:\n if x: yield x": "yields in a loop (line 3 of the cell)",
    "yield from f()": "has `yield from` (line 2 of the cell): yield the resource itself, once",
    "return 1": "returns (line 2 of the cell)",
    "if not x: return\nyield x": "returns (line 2 of the cell)",
    "yield 1\ndef find(lease_id): pass": "defines 'find' after the yield (line 3 of the cell)",
    "try:\n def attach(h): return h\n yield 1\nfinally: pass": "defines 'attach' inside a block "
    "(line 3 of the cell): define it at the body's top level",
    "from __future__ import annotations\nyield 1": (
        "has `from __future__ import` (line 2 of the cell): put it into an ordinary cell"
    ),
    "from x import *\nyield 1": "has `import *` (line 2 of the cell)",
    "class Db:\n def setup(self): pass": "has the class 'Db' without cleanup (line 2 of the cell): "
    "add `def cleanup(self, resource)`",
    "class A:\n cleanup = 1\nclass B:\n cleanup = 2": "has several resource classes (A, B)",
    "class A(X): pass\nclass B(X): pass": "has several resource classes (A, B)",
    "class A:\n def cleanup(self, r): pass\nyield A()": "has a yield and the resource class 'A'",
}


@pytest.mark.parametrize(("source", "words"), NO_RESOURCES.items())
def test_a_body_that_is_no_resource_is_refused_with_the_reason(source, words):
    with pytest.raises(MagicError) as caught:
        resource_body(source, "Db")
    message = str(caught.value)
    assert message.startswith("%%resource Db: the body ")
    assert words in message
    assert message.splitlines() == [message]


def test_a_class_has_no_signature_on_the_line():
    parameters = parse_resource_line("Db(n=2)").parameters
    with pytest.raises(MagicError, match="a class takes its arguments by __init__"):
        resource_body("class Db:\n def cleanup(self, r): pass", "Db", parameters)


def test_lines_in_errors_count_from_where_the_body_begins():
    with pytest.raises(MagicError, match="line 12 of the cell"):
        resource_body("yield 1\nyield 2", "Db", first_line=11)


# --- the function -----------------------------------------------------------------------------


def define(source, line="Db", namespace=None, **places):
    parsed = parse_resource_line(line)
    filename = places.pop("filename", "<cell>")
    module = generator_function(source, parsed.name, parsed.parameters, filename, **places)
    namespace = {} if namespace is None else namespace
    exec(compile(module, filename, "exec"), namespace)
    return namespace[parsed.name]


def test_the_body_runs_as_the_body_of_a_function():
    log = []
    source = """
        "What it is."
        import math
        size = n * scale
        def double(): return 2 * size
        parts = [size + i for i in range(2)]
        yield lease, size, double(), parts, math.floor(1.5)
        log.append(("closed", size))
    """
    namespace = {"scale": 10, "log": log, "size": "the notebook's"}
    function = define(body(source), "Db(n=2)", namespace)
    assert function.__doc__ == "What it is."
    generator = function(n=3, lease="the lease")
    assert next(generator) == ("the lease", 30, 60, [30, 31], 1)
    assert next(generator, None) is None
    assert log == [("closed", 30)]
    assert namespace["size"] == "the notebook's"
    assert "math" not in namespace


def test_defaults_are_evaluated_in_the_notebook_when_the_cell_runs():
    namespace = {"width": 2}
    function = define("yield n, f(1)", "Db(n=width + 1, f=lambda x, y=width: x + y)", namespace)
    namespace["width"] = 100
    assert next(function(lease=None)) == (3, 3)


def test_parameters_are_required_without_a_default_and_the_lease_goes_by_name():
    function = define("yield n", "Db(n)")
    with pytest.raises(TypeError, match="'n'"):
        function(lease=None)
    with pytest.raises(TypeError, match="positional"):
        function(1, None)


def test_a_body_that_awaits_becomes_an_async_generator():
    source = "await pause(0)\nyield n\nclosed.append(n)"
    closed = []
    function = define(source, "Db(n=2)", {"pause": asyncio.sleep, "closed": closed})

    async def use():
        async for resource in function(lease=None):
            assert resource == 2

    asyncio.run(use())
    assert closed == [2]


def test_an_error_in_the_text_has_its_line_in_the_cell():
    with pytest.raises(SyntaxError) as caught:
        generator_function("x = 1\ny = (", "Db", (), "<cell>", first_line=5)
    assert (caught.value.filename, caught.value.lineno) == ("<cell>", 6)


@pytest.fixture
def cell(request):
    """Make the text of a cell known to tracebacks, as IPython does."""
    names = []

    def known(text):
        name = f"<{request.node.name} {len(names)}>"
        names.append(name)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        return name

    yield known
    for name in names:
        del linecache.cache[name]


def frames_of(error, filename):
    return [f for f in traceback.extract_tb(error.__traceback__) if f.filename == filename]


def test_an_error_in_a_default_shows_the_magic_line(cell):
    line = "%%resource Db(n=1/0)"
    filename = cell(f"{line}\nyield n\n")
    with pytest.raises(ZeroDivisionError) as caught:
        define("yield n", "Db(n=1/0)", filename=filename)
    (frame,) = frames_of(caught.value, filename)
    assert (frame.lineno, frame.line) == (1, line)


LINES = st.sampled_from(
    [
        "",
        "# a comment",
        "x = 1",
        "if x:\n    y = (\n  1)",
        "def f():\n    '''\n  text'''",
        "s = '''\n'''",
    ]
)


@given(
    before=st.lists(LINES, max_size=5),
    between=st.lists(LINES, max_size=5),
    first_line=st.integers(1, 5),
)
def test_tracebacks_show_the_line_of_the_cell(before, between, first_line):
    source = "\n".join(["x = 0", *before, "yield x", *between, "1 / 0  # here", ""])
    generator = define(source, first_line=first_line)(lease=None)
    next(generator)
    with pytest.raises(ZeroDivisionError) as caught:
        next(generator)
    (frame,) = frames_of(caught.value, "<cell>")
    text = "\n" * (first_line - 1) + source
    assert text.splitlines()[frame.lineno - 1] == "1 / 0  # here"
    assert frame.name == "Db"


@given(before=st.lists(LINES, max_size=3), first_line=st.integers(1, 5))
def test_every_node_of_the_function_is_in_the_cell(before, first_line):
    source = "\n".join([*before, "yield 1"])
    parameters = [SignatureParameter("n", "[1, 2]")]
    module = generator_function(source, "Db", parameters, "<cell>", first_line)
    last = first_line + len(source.splitlines()) - 1
    function = module.body[0]
    assert function.lineno == max(first_line - 1, 1)
    for statement in function.body:
        for node in ast.walk(statement):
            if hasattr(node, "lineno"):
                assert first_line <= node.lineno <= node.end_lineno <= last
