"""Names bound and read: by examples, and against what Python's compiler says of real code."""

import ast
import asyncio
import inspect
import symtable
import sys
from pathlib import Path

import pytest

from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import bound_names, has_await, local_names, names_read

BOUND = {
    "x = 1": "x",
    "x = y = (z, *w) = f()": "x y z w",
    "[a, (b.c, d[e])] = f()": "a",
    "x: int = 1": "x",
    "x: int": "",
    "x += 1": "x",
    "x.y = z[0] = 1": "",
    "for i, j in xs: k = i\nelse: m = 1": "i j k m",
    "with f() as a, g() as (b, c): d = 1": "a b c d",
    "def f(a=(b := 1)): c = 1": "f b",
    "async def f(): pass": "f",
    "@(d := e)\nclass A(B): c = 1": "A d",
    "import a.b.c, d as e\nfrom f import g, h as i\nfrom j import *": "a e g i",
    "print(x := 1, [y := z for z in xs], lambda: (w := 1))": "x y",
    "{k: (v := k) for k in ks}": "v",
    "try: a = 1\nexcept E as e: b = 1\nfinally: c = 1": "a b c",
    "match s:\n case [a, *b, {'k': c, **d}, A(e=f) as g, _]: h = 1": "a b d c g f h",
    "while (x := f()): y = 1": "x y",
    "x = 1; y = 2; x = 3": "x y",
}


@pytest.mark.parametrize(("source", "names"), BOUND.items())
def test_statements_bind(source, names):
    assert bound_names(ast.parse(source).body) == tuple(names.split())


NEEDED = {
    "x": "x",
    "x = x + 1": "x",
    "x += 1": "x",
    "del x": "x",
    "x = 1; y = x": "",
    "x: T": "T",
    "for w in ws: w.kill()": "ws",
    "for i in xs: y = i\ny": "xs y",
    "if a: b = 1\nelse: b = 2\nb": "a",
    "if a: b = 1\nb": "a b",
    "while a: a = f(a)": "a f",
    "with f() as a: b = a\nb": "f b",
    "try: import a\nexcept ImportError: a = None\na": "ImportError",
    "try: a = 1\nexcept E as e: e\na, e": "E a e",
    "try: f()\nfinally: a = 1\na": "f",
    "try: pass\nexcept E: pass\nelse: a = 1\na": "E a",
    "x = 1; del x; x": "x",
    "match s:\n case A(a): a\n case b if b > c: pass": "s A c",
    "def f(a, b=c): return a + b + d": "c d",
    "def f(): return f()": "",
    "def f(): x = 1; return x": "",
    "def f(): return x\nx = 1": "x",
    "x = 1\ndef f(): return x": "",
    "def f():\n nonlocal n\n n = 1": "n",
    "class A(B):\n y = 1\n z = y\n def m(self): return y, A": "B y",
    "class A: x = x": "",
    "[a for a in b if c for d in a]": "b c",
    "[a for a in a]": "a",
    "{**a, 'k': (b := 1)}; b": "a",
    "lambda a, *b, c=d, **e: a + f": "d f",
    "f'{a!r:>{b}}'": "a b",
    "a.b[c] = d": "a c d",
    "async def f():\n async with a as b: await b": "a",
}


@pytest.mark.parametrize(("source", "names"), NEEDED.items())
def test_statements_need(source, names):
    assert sorted(names_needed(ast.parse(source).body)) == sorted(names.split())


AWAITS = {
    "await x": True,
    "async for x in y: pass": True,
    "async with x: pass": True,
    "[await x for x in y]": True,
    "[x async for x in y]": True,
    "{x: [z async for z in x] for x in y}": True,
    "(x for x in await y)": True,
    "(await x for x in y)": False,
    "(x async for x in y)": False,
    "def f(a=1): return 2\nlambda: 3\nx = 1": False,
    "async def f(): await x": False,
    "async def f(a=[await x]): pass": True,
    "class A:\n async def f(self): await x": False,
}


@pytest.mark.parametrize(("source", "expected"), AWAITS.items())
def test_what_makes_a_function_async(source, expected):
    assert has_await(ast.parse(source).body) is expected


@pytest.mark.parametrize("source", AWAITS)
def test_what_makes_a_function_async_is_what_the_compiler_refuses_in_another(source):
    body = ast.parse(source).body
    function = ast.parse("def f(): pass")
    function.body[0].body = body
    if has_await(body):
        with pytest.raises(SyntaxError, match="async"):
            compile(function, "<test>", "exec")
    else:
        compile(function, "<test>", "exec")


# --- against the compiler ---------------------------------------------------------------------

REAL_CODE = sorted(
    {
        *Path(inspect.getfile(asyncio)).parent.glob("*.py"),
        *(Path(inspect.getfile(module)) for module in (ast, inspect, symtable)),
    }
)


def functions(table, tree):
    """Each function's symbol table with its node, outermost ones only."""
    nodes = {
        (node.name, first_line(node)): node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for child in table.get_children():
        if child.get_type() == "function" and (child.get_name(), child.get_lineno()) in nodes:
            yield child, nodes[child.get_name(), child.get_lineno()]
        else:
            yield from functions(child, tree)


def first_line(node):
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def outer_reads(table):
    """The names that a function, or one inside it, reads from outside, says the compiler."""
    names = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    if table.get_type() == "function":
        names |= {s.get_name() for s in table.get_symbols() if s.is_free()}
    inside = set()
    for child in table.get_children():
        own = {s.get_name() for s in table.get_symbols() if s.is_local()}
        inside |= outer_reads(child) - (own if table.get_type() == "function" else set())
    return names | inside


def comprehension_variables(node):
    """Which, since Python 3.12, are symbols of the function around the comprehension."""
    targets = [inner.target for inner in ast.walk(node) if isinstance(inner, ast.comprehension)]
    return {name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)}


@pytest.mark.parametrize("path", REAL_CODE, ids=lambda path: path.name)
def test_names_are_those_that_the_compiler_sees(path):
    source = path.read_text(encoding="utf-8")
    table, tree = symtable.symtable(source, str(path), "exec"), ast.parse(source)
    assert set(bound_names(tree.body)) <= {s.get_name() for s in table.get_symbols()}
    for function, node in functions(table, tree):
        where = f"{function.get_name()} in line {function.get_lineno()}"
        own = local_names(node.body) | set(function.get_parameters())
        symbols = {s.get_name() for s in function.get_symbols() if s.is_local()}
        assert own <= symbols, where
        assert symbols - own <= comprehension_variables(node), where
        read = names_read(node.body) - own
        unclear = {"__class__", function.get_name()}  # the compiler's own; read inside itself
        assert read - unclear == outer_reads(function) - unclear, where
        assert read <= set(names_needed(node.body)), where


WITH_TYPE_PARAMETERS = {
    # source -> what it reads, and what it binds
    "def f[T](x: T, y=d) -> list[T]: return T, z": ({"d", "list", "z"}, ("f",)),
    "@deco\ndef f[T: (int, A)](x: T): ...": ({"deco", "int", "A"}, ("f",)),
    "async def f[*Ts, **P](*x: *Ts): ...": (set(), ("f",)),
    "class C[T](Base[T], metaclass=M):\n    y: T\n    z = w": ({"Base", "M", "w"}, ("C",)),
    "type A[T] = dict[T, B]": ({"dict", "B"}, ("A",)),
    "type A = list[A]": ({"list"}, ("A",)),
    "def f(x):\n    type A = x\n    return A": (set(), ("f",)),
    "class C:\n    n = 1\n    type A = n": (set(), ("C",)),
    "def f[T](x): return lambda y: T": (set(), ("f",)),
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 brought them")
@pytest.mark.parametrize("source", WITH_TYPE_PARAMETERS)
def test_type_parameters_are_known_where_they_are_given(source):
    statements = ast.parse(source).body
    assert (set(names_read(statements)), bound_names(statements)) == WITH_TYPE_PARAMETERS[source]
