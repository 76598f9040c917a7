"""What counts for a key although it is easily overlooked: each pair of codes gives other results."""

import sys
from types import ModuleType

import pytest

from resnb import task
from resnb.run.caching import code_imports
from resnb.run.caching.value_keys import code_key
from tests.run.caching.defining import code_of, names_of

OTHER = {
    "what stands in a try": [
        """
        def f():
            try:
                {}
            except ValueError:
                pass
            {}
        """.format(*lines)
        for lines in (("int('1'); int('x')", "return 1"), ("int('1')", "int('x'); return 1"))
    ],
    "the name of a variable that a closure has": [
        f"def f():\n    {name} = 1\n    return sorted(locals()), lambda: {name}"
        for name in ("one", "two")
    ],
    "functions in a set": [
        f"def g():\n    return {n}\ndef h(): pass\ns = {{g, h}}\ndef f():\n    return s"
        for n in (1, 2)
    ],
    "functions as keys": [
        f"def g():\n    return {n}\ndef h(): pass\ns = {{g: 1, h: 2}}\ndef f():\n    return s"
        for n in (1, 2)
    ],
    "an attribute of a function": [
        f"def g(): pass\ng.rate = {n}\ndef f():\n    return g.rate" for n in (1, 2)
    ],
    "functions of one name": [
        f"from {library} import sqrt\ndef f():\n    return sqrt(4)" for library in ("math", "cmath")
    ],
    "whose method it is": [
        f"get = {{'a': {n}}}.get\ndef f():\n    return get('a')" for n in (1, 2)
    ],
    "a built-in function of a class": [
        f"class A:\n    do = {do}\ndef f():\n    return A.do([4, 2])" for do in ("len", "max")
    ],
    "what setdefault gives": [
        f"k = {{1: {n}}}\ndef f():\n    return k.setdefault(1, 0)" for n in (1, 2)
    ],
    "a list with a method of its own": [
        "class K(list):\n    def extend(self, x):\n        return self[0]\n"
        f"k = K([{n}])\ndef f():\n    return k.extend(1)"
        for n in (1, 2)
    ],
    "the types of a data class": [
        "import dataclasses as d\n@d.dataclass\nclass A:\n"
        f"    x: {kind} = 1\ndef f():\n    return d.fields(A)[0].type('3')"
        for kind in ("int", "float")
    ],
    "the order of its fields": [
        "import dataclasses as d\n@d.dataclass\nclass A:\n"
        f"    {one}: int = 1\n    {two}: int = 1\ndef f():\n    return list(d.asdict(A()))"
        for one, two in ("ab", "ba")
    ],
    "the metadata of its fields": [
        "import dataclasses as d\n@d.dataclass\nclass A:\n"
        f"    x: int = d.field(default=1, metadata={{'unit': {unit!r}}})\n"
        "def f():\n    return d.fields(A)[0].metadata['unit']"
        for unit in ("m", "km")
    ],
    "the docstring of a class": [
        f"class A:\n    '{text}'\ndef f():\n    return A.__doc__" for text in ("one", "two")
    ],
    "which fields of a model a validator is for": [
        "import pydantic\nclass A(pydantic.BaseModel):\n    x: int\n    y: int\n"
        f"    @pydantic.field_validator('{name}')\n    @classmethod\n"
        "    def check(cls, value):\n        return value + 1\ndef f():\n    return A(x=1, y=1)"
        for name in "xy"
    ],
    "a generic function": [
        "import functools\n@functools.singledispatch\ndef g(x): pass\n"
        f"@g.register\ndef _(x: int):\n    return {n}\ndef f():\n    return g(1)"
        for n in (1, 2)
    ],
}


@pytest.mark.parametrize("what", OTHER)
def test_it_counts(what):
    one, other = OTHER[what]
    assert code_of(one) == code_of(one) != code_of(other)


CALLED = {
    "a generic function": (
        "import functools\n@functools.singledispatch\ndef g(x): pass\n"
        "@g.register\ndef _(x: int):\n    return 1\ndef f():\n    return g(1)"
    ),
    "flags": (
        "import enum\nclass E(enum.Flag):\n    A = 1\n    B = 2\ndef f():\n    return (E.A | E.B).value"
    ),
    "random numbers": (
        "from random import random, shuffle\nfrom numpy.random import rand\n"
        "def f():\n    shuffle([1, 2])\n    return random(), rand()"
    ),
    "the environment": (
        "from os import environ\ndef f():\n    environ['RESNB_TEST'] = environ.get('HOME', '') + 'x'"
    ),
    "a counter of words": (
        "from collections import Counter\nwords = Counter()\ndef f():\n    words.update('ab')"
    ),
}


@pytest.mark.parametrize("what", CALLED)
def test_a_call_makes_no_difference(what, monkeypatch):
    monkeypatch.setenv("RESNB_TEST", "before")
    function = names_of(CALLED[what])["f"]
    before = code_key(task(function))
    function()
    assert code_key(task(function)) == before


WHOLE = {
    "in a dictionary": "import beside\nd = {'a': beside}\ndef f():\n    return d['a'].number()",
    "by a text": "import beside\ndef f():\n    return getattr(beside, 'number')()",
    "in a class": "import beside\nclass A:\n    m = beside\ndef f():\n    return A.m.number()",
    "as an argument": (
        "import beside\ndef g(m):\n    return m.number()\ndef f():\n    return g(beside)"
    ),
    "as a default": (
        "import beside\ndef g(m=beside):\n    return m.number()\ndef f():\n    return g()"
    ),
    "of a package": (
        "import beside\ndef g(m):\n    return m.number()\ndef f():\n    return g(beside.part)"
    ),
    "imported by another name and passed on": (
        "def g(m):\n    return m.number()\ndef f():\n    import beside as b\n    return g(b)"
    ),
    "a part imported by another name": (
        "def g(m):\n    return m.number()\ndef f():\n"
        "    from beside import part as p\n    return g(p)"
    ),
    "imported and passed on": (
        "def g(m):\n    return m.number()\ndef f():\n    import beside\n    return g(beside)"
    ),
}


@pytest.mark.parametrize("way", WHOLE)
def test_a_module_counts_as_a_whole_where_it_is_not_told_what_of_it(way, monkeypatch):
    keys = []
    for number in (1, 1, 2):
        made = names_of(f"def number():\n    return {number}\ndef other():\n    return 3")
        module = ModuleType("beside")
        vars(module).update(number=made["number"], other=made["other"], part=ModuleType("p"))
        vars(module.part).update(number=made["number"])
        monkeypatch.setitem(sys.modules, "beside", module)
        keys.append(code_of(WHOLE[way]))
    assert keys[0] == keys[1] != keys[2]


def test_the_rest_of_a_module_makes_no_difference_where_code_reads_attributes(monkeypatch):
    keys = []
    for other in (1, 2):
        module = ModuleType("beside")
        vars(module).update(number=1, other=other)
        monkeypatch.setitem(sys.modules, "beside", module)
        keys.append(code_of("import beside\ndef f():\n    return beside.number"))
    assert keys[0] == keys[1]


def test_the_version_of_a_library_counts_that_a_function_imports(monkeypatch):
    keys = []
    for number in ("1.0", "1.0", "2.0"):
        monkeypatch.setattr("importlib.metadata.version", lambda _, now=number: now)
        code_imports._installed_version.cache_clear()
        keys.append(code_of("def f():\n    import joblib\n    return joblib"))
    code_imports._installed_version.cache_clear()
    assert keys[0] == keys[1] != keys[2]
