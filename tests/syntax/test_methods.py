"""Functions taken out of a resource's body: what comes along, and what cannot."""

import ast

import pytest

from resnb.syntax.methods import methods_of
from resnb.syntax.parsing import parsed

FIND = "def find(lease_id): return {}"
# body -> what comes along, which parameters, which names of the notebook
TAKEN = {
    FIND.format("lease_id"): ("find", "", ""),
    "n = 1\n" + FIND.format("lease_id"): ("find", "", ""),
    FIND.format("table[lease_id, name]"): ("find", "name", "table"),
    "import boto3\n" + FIND.format("boto3.get(lease_id)"): ("boto3 find", "", ""),
    "from a import b as c\n" + FIND.format("c"): ("c find", "", ""),
    "x = 'y'\n" + FIND.format("x"): ("x find", "", ""),
    "def f(): return g(k)\ndef g(x): return x\n" + FIND.format("f()"): ("f g find", "", "k"),
    FIND.format("f()") + "\ndef f(): return find": ("find f", "", ""),
    "class A: pass\n" + FIND.format("A()"): ("A find", "", ""),
    "async def find(lease_id): return lease.id": ("find", "lease", ""),
}


@pytest.mark.parametrize("source", TAKEN)
def test_what_comes_along(source):
    names, parameters, outer = TAKEN[source]
    method = methods_of(parsed(source).body, ["name", "lease"])["find"]
    assert method.fault == ""
    assert [_name(one) for one in method.statements] == names.split()
    assert method.parameters == set(parameters.split())
    assert method.outer_names == set(outer.split())


def _name(statement):
    match statement:
        case ast.Assign(targets=[target]):
            return target.id
        case ast.Import(names=[alias]) | ast.ImportFrom(names=[alias]):
            return alias.asname or alias.name
        case _:
            return statement.name


FAULTS = {
    "x = f()\n" + FIND.format("x"): "find uses 'x', which set-up makes",
    "x = 1\nx = 2\n" + FIND.format("x"): "find uses 'x', which set-up makes",
    "if a: import x\n" + FIND.format("x"): "find uses 'x', which set-up makes",
    "name = 1\n" + FIND.format("name"): "find uses 'name', which set-up makes",
    "for x in y: pass\ndef f(): return x\n"
    + FIND.format("f()"): "find uses 'x', which set-up makes",
    "try: pass\nexcept E as x: pass\n" + FIND.format("x"): "find uses 'x', which set-up makes",
    FIND.format("1") + "\n" + FIND.format("2"): "find uses 'find', which set-up makes",
}


@pytest.mark.parametrize("source", FAULTS)
def test_what_cannot_come_along(source):
    assert methods_of(parsed(source).body, ["name"])["find"].fault == FAULTS[source]


def test_functions_of_other_names_and_places_are_no_hooks():
    source = "def found(x): pass\nfind = 1\nif a:\n def attach(x): pass\ndef ready(x): pass"
    assert set(methods_of(parsed(source).body, [])) == {"ready"}
