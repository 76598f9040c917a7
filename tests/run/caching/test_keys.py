"""Keys: equal for what is equal, in every process, and different for what is not."""

import collections
import copy
import datetime as dt
import subprocess
import sys
import textwrap
import types
import zoneinfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb import resource_manager, task
from resnb.run.caching.code_keys import NoKeyError
from resnb.run.caching.value_keys import code_key, value_key
from resnb.run.output.routing import routed
from tests.run.caching.defining import code_of

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(PLAIN, PLAIN)
def test_equal_values_of_one_type_have_one_key(one, other):
    assert value_key(one) == value_key(eval(repr(one)))
    if repr(one) != repr(other):
        assert (value_key(one) == value_key(other)) <= (one == other)


def test_integers_may_have_any_number_of_digits():
    large = 10**5000
    assert value_key(large) == value_key(large + 1 - 1) != value_key(large + 1)
    assert value_key([large]) != value_key([large + 1])


def test_the_order_of_a_dictionary_counts_and_that_of_a_set_does_not():
    assert value_key({"a": 1, "b": 2}) != value_key({"b": 2, "a": 1})
    assert value_key({"x", "y", "z"}) == value_key({"z", "y", "x"})


def test_the_order_in_which_an_object_got_its_attributes_makes_no_difference():
    assert value_key(types.SimpleNamespace(a=1, b=2)) == value_key(types.SimpleNamespace(b=2, a=1))


def test_it_makes_no_difference_whether_equal_dates_are_one():
    day, same = dt.date(2026, 1, 1), dt.date(2026, 1, 1)
    assert value_key([day, day]) == value_key([day, same])


class Named(pd.DataFrame):
    """Frames with a unit."""

    _metadata = ["unit"]  # noqa: RUF012 - pandas has it so


def named(unit):
    made = Named({"x": [1]})
    made.unit = unit
    return made


OTHERS = {
    "the hour when the clock is put back": (
        dt.datetime(2026, 10, 25, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        dt.datetime(2026, 10, 25, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
    ),
    "masks": (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    "where a type stands": ((np.dtype("f4"), "x"), ("x", np.dtype("f4"))),
    "lists of a class of their own": (collections.UserList([1]), collections.UserList([2])),
    "queues": (collections.deque([1]), collections.deque([2])),
    "ordered dictionaries": (
        collections.OrderedDict(a=1, b=2),
        collections.OrderedDict(b=2, a=1),
    ),
    "what a frame has besides": (named("m"), named("km")),
    "types": (int | None, str | None),
    "modules": (types, copy),
}


@pytest.mark.parametrize("what", OTHERS)
def test_such_values_are_told_apart(what):
    one, other = OTHERS[what]
    assert value_key(one) == value_key(one) != value_key(other)


def test_code_is_the_same_however_it_is_laid_out():
    one = code_of("def f(x):\n    return (x + 1) * 2")
    other = code_of("""
        # a comment
        def f(x):

            # another one
            return (
                x
                + 1
            ) * 2
    """)
    assert one == other


CHANGES = {
    "a constant": ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2"),
    "a default": ("def f(x, n=1):\n    return x + n", "def f(x, n=2):\n    return x + n"),
    "a function it calls": (
        "def g(x):\n    return x\ndef f(x):\n    return g(x)",
        "def g(x):\n    return -x\ndef f(x):\n    return g(x)",
    ),
    "a function that one calls": (
        "def h(x):\n    return x\ndef g(x):\n    return h(x)\ndef f(x):\n    return g(x)",
        "def h(x):\n    return -x\ndef g(x):\n    return h(x)\ndef f(x):\n    return g(x)",
    ),
    "a value": (
        "k = [1]\ndef f(x):\n    return x + k[0]",
        "k = [2]\ndef f(x):\n    return x + k[0]",
    ),
    "a method": (
        "class A:\n    def m(self):\n        return 1\ndef f(x):\n    return A().m()",
        "class A:\n    def m(self):\n        return 2\ndef f(x):\n    return A().m()",
    ),
    "a base": (
        "class B:\n    n = 1\nclass A(B):\n    pass\ndef f(x):\n    return A.n",
        "class B:\n    n = 2\nclass A(B):\n    pass\ndef f(x):\n    return A.n",
    ),
    "an inner function": (
        "def f(x):\n    def g():\n        return 1\n    return g()",
        "def f(x):\n    def g():\n        return 2\n    return g()",
    ),
    "a cell of a closure": (
        "def make(n):\n    return lambda x: x + n\nf = make(1)",
        "def make(n):\n    return lambda x: x + n\nf = make(2)",
    ),
    "a partial": (
        "from functools import partial\ng = partial(max, 1)\ndef f(x):\n    return g(x)",
        "from functools import partial\ng = partial(max, 2)\ndef f(x):\n    return g(x)",
    ),
    "an attribute": ("def f(x):\n    return x.a", "def f(x):\n    return x.b"),
    "a task it calls": (
        "from resnb import task\n@task\ndef g(x):\n    return 1\ndef f(x):\n    return g.run(x)",
        "from resnb import task\n@task\ndef g(x):\n    return 2\ndef f(x):\n    return g.run(x)",
    ),
    "what is missing": ("def f(x):\n    return k", "k = 1\ndef f(x):\n    return k"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_function_does_counts(what):
    one, other = CHANGES[what]
    assert code_of(one) == code_of(one)
    assert code_of(one) != code_of(other)


FURTHER_IN = {
    "a function that keeps its results": (
        "from functools import cache\n@cache\ndef g():\n    return 1\ndef f():\n    return g()"
    ),
    "one in a list": (
        "from functools import lru_cache\n@lru_cache(maxsize=1)\ndef g():\n    return 1\nk = [g]\n"
        "def f():\n    return k[0]()"
    ),
    "a method that keeps its results": (
        "from functools import cache\nclass A:\n    @cache\n    def m(self):\n        return 1\n"
        "def f():\n    return A().m()"
    ),
    "a property that keeps its result": (
        "from functools import cached_property\nclass A:\n    @cached_property\n"
        "    def m(self):\n        return 1\ndef f():\n    return A().m"
    ),
    "a method of a class's class": (
        "class M(type):\n    def m(self):\n        return 1\nclass A(metaclass=M):\n    pass\n"
        "def f():\n    return A.m()"
    ),
}


@pytest.mark.parametrize("what", FURTHER_IN)
def test_what_it_calls_counts_however_that_is_wrapped(what):
    one = FURTHER_IN[what]
    assert code_of(one) == code_of(one) != code_of(one.replace("return 1", "return 2"))


def test_where_a_function_was_defined_makes_no_difference():
    inside = """
        def outer():
            def f(x):
                return x + 1
            return f
        f = outer()
    """
    assert code_of(inside) == code_of("def f(x):\n    return x + 1")
    kind = "class F:\n    def run(self):\n        return 1\n"
    nested = f"def outer():\n{textwrap.indent(kind, '    ')}    return F\nF = outer()\n"
    assert code_of(kind + "f = lambda: F") == code_of(nested + "f = lambda: F")


def test_what_python_notes_in_a_class_makes_no_difference():
    class Model:
        pass

    model = Model()
    before = value_key(Model)
    copy.copy(model)  # which notes the class's slots in it
    assert "__slotnames__" in vars(Model)
    assert value_key(Model) == before


def test_that_a_generator_was_used_as_a_resource_makes_no_difference():
    def thing():
        yield 1

    def other():
        yield 2

    used, new, changed = (
        resource_manager(one, name="thing").resource_class for one in (thing, thing, other)
    )
    used.__resnb_protection__()  # looks for its source, which is in the file of a cell
    keys = [code_key(task(lambda one=one: one)) for one in (used, new, changed)]
    assert keys[0] == keys[1] != keys[2]


def test_a_function_that_calls_itself_has_a_key():
    text = "def f(n):\n    return n and f(n - 1)"
    assert code_of(text) == code_of(text)


def test_a_function_in_a_value_counts_by_what_it_does():
    found = {}
    exec("a = lambda x: x + 1\nb = lambda x: x + 1\nc = lambda x: x + 2", found)
    keys = [value_key({"key": found[name]}) for name in "abc"]
    assert keys[0] == keys[1] != keys[2]


def test_what_does_not_pickle_has_no_key():
    with pytest.raises(NoKeyError, match="generator has no key"):
        value_key(one for one in "a")
    with pytest.raises(NoKeyError, match="generator"):
        code_of("k = (one for one in 'a')\ndef f(x):\n    return next(k)")


def test_the_variable_is_named_by_which_code_refers_to_it():
    made = "k = (one for one in 'a')\ndef g():\n    return next(k)\ndef f(x):\n    return g()"
    with pytest.raises(NoKeyError, match=r"^'k', which it refers to: generator has no key"):
        code_of(made)
    with pytest.raises(NoKeyError, match=r"^'inner', which it refers to: generator"):
        code_of("def made(inner):\n    return lambda x: next(inner)\nf = made(x for x in 'a')")


@pytest.mark.parametrize(
    "made",
    [
        "import sys\ndef f(x):\n    print(x, file=sys.stderr)",
        "import sys\ndef f(x):\n    return len(sys.modules), sys.argv, sys.path",
        "from sys import stdout as out\ndef f(x):\n    out.write(x)",
        "import threading\nlock = threading.Lock()\ndef f(x):\n    with lock:\n        return x",
        "import threading\nended = threading.Event()\ndef f(x):\n    ended.set()",
        "import time, itertools\ndef f(x):\n    return time.time(), itertools.count",
    ],
)
def test_streams_locks_and_what_is_built_into_python_are_no_inputs(made):
    before = code_of(made)
    sys.modules["made_in_this_test"] = sys
    try:
        assert code_of(made) == before
    finally:
        del sys.modules["made_in_this_test"]


def test_a_stream_is_none_while_its_output_is_routed():
    made = "from sys import stdout as out\ndef f(x):\n    out.write(x)"
    found = {"__name__": "__main__"}
    exec(made, found)
    before = code_key(task(found["f"]))
    stop = routed()
    try:
        assert code_key(task(found["f"])) == before == code_of(made)
    finally:
        stop()


@pytest.mark.parametrize(
    "made",
    [
        "def f(x):\n    return x.total + x.mean()",
        "class A:\n    def g(self):\n        self.total = 1\ndef f(x):\n    return A().total",
        "def f(x):\n    import os.path as mean\n    return x",
    ],
)
def test_a_variable_that_is_called_like_an_attribute_is_no_input(made):
    assert code_of(made) == code_of(made, total=1, mean=2)


def test_an_attribute_of_a_class_or_of_a_users_module_is_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    keys = set()
    for number in (1, 2):
        (tmp_path / f"beside{number}.py").write_text(f"mean = {number}")
        keys.add(code_of(f"import beside{number} as m\ndef f(x):\n    return m.mean"))
        keys.add(code_of(f"class A:\n    total = {number}\ndef f(x):\n    return A.total"))
    assert len(keys) == 4


def test_a_module_that_was_made_in_memory_is_the_users():
    keys = set()
    for number in (1, 2):
        made = types.ModuleType("made")
        made.number = number
        keys.add(code_of("def f():\n    return made.number", made=made))
    assert len(keys) == 2


def test_a_container_around_a_function_that_it_changes_is_no_input():
    made = "def outer():\n    seen = []\n    def f(x):\n        seen.append(x)\n    return f\nf = outer()"
    found = {"__name__": "__main__"}
    exec(made, found)
    before = code_key(task(found["f"]))
    found["f"](1)
    assert code_key(task(found["f"])) == before


@pytest.mark.parametrize(
    "body",
    [
        "k.sort()\n    return k[0]",
        "k.append(x)\n    return len(k)",
        "return k.pop()",
        "k.append(x)\n    return (lambda: k[0])()",
    ],
)
def test_a_container_that_it_also_reads_is_one(body):
    text = f"def f(x):\n    {body}"
    assert code_of(text, k=[1]) == code_of(text, k=[1]) != code_of(text, k=[2])


def test_frames_and_arrays_count_by_what_they_hold():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [[1], [2, 3]]})
    keys = {
        value_key(one)
        for one in (
            frame,
            frame.rename(columns={"a": "d"}),
            frame.astype({"a": float}),
            frame.assign(c=[[1], [2, 4]]),
            frame[["b", "a", "c"]],
            frame.set_index("b"),
            frame["a"],
            frame["a"].to_numpy(),
            frame["a"].to_numpy().reshape(2, 1),
            np.array([1, 2], dtype="int32"),
        )
    }
    assert len(keys) == 10
    assert value_key(frame) == value_key(frame.copy(deep=True))


def test_equal_frames_have_one_key_whatever_their_layout_in_memory_is():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [[1], [2]]})
    grown = frame[["a"]].copy()
    grown["b"], grown["c"] = ["x", "y"], [[1], [2]]
    halves = pd.concat([frame[:1], frame[1:]])
    assert value_key(frame) == value_key(grown) == value_key(halves)
    assert value_key(frame[1:]) == value_key(frame[1:].copy())
    assert value_key(frame["a"]) != value_key(frame["a"].rename("z"))
    assert value_key(frame["a"].astype("category")) != value_key(frame["a"])
    marked = frame.copy()
    marked.attrs["unit"] = "m"
    assert value_key(marked) != value_key(frame)


def _tables():
    def arrow(a, b="b", kind=None):
        return pa.table({"a": pa.array(a, kind), b: [f"x{one}" for one in a]})

    yield arrow, pa.concat_tables, lambda one: one[1:], "int32"
    import polars as pl

    def frame(a, b="b", kind=None):
        return pl.DataFrame({"a": pl.Series(a, dtype=kind), b: [f"x{one}" for one in a]})

    yield frame, lambda many: pl.concat(many, rechunk=False), lambda one: one[1:], pl.Int32


@pytest.mark.parametrize("library", [0, 1], ids=["arrow", "polars"])
def test_tables_count_by_names_types_and_values(library):
    made, joined, rest, narrow = list(_tables())[library]
    keys = [value_key(one) for one in (made([1, 2]), made([1, 3]), made([1, 2], "z"))]
    keys.append(value_key(made([1, 2], kind=narrow() if callable(narrow) else narrow)))
    assert len(set(keys)) == 4
    assert value_key(joined([made([1]), made([2])])) == keys[0]
    assert value_key(rest(made([9, 1, 2]))) == keys[0]
    assert value_key({"in": [made([1, 2])]}) == value_key({"in": [joined([made([1]), made([2])])]})


PROGRAM = """
from resnb import resource_manager, task
from resnb.run.caching.value_keys import code_key, value_key
from resnb.run.output.routing import routed
class Model:
    kinds = {"tree", "forest", "linear"}
    def fit(self, x):
        return x in {"a", "b", "c", "d"}
@task
def f(x):
    return Model().fit(x), {"one", "two", "three"}
print(value_key([frozenset("abc"), {frozenset("ab"), frozenset("cd")}, {Model, f.run, (1, "x")}]))
print(code_key(f), value_key({"a", "b", ("c", 1.5)}), value_key({"x": [None, b"y"]}))
"""


MODEL = """
import pydantic
from resnb import task
from resnb.run.caching.value_keys import code_key, value_key
class Form(pydantic.BaseModel):
    a: str | None = None
    @pydantic.field_validator("a")
    @classmethod
    def check(cls, value):
        return value
@task
def f(x):
    return Form(a=x)
print(code_key(f), value_key(Form(a="x")))
"""


@pytest.mark.parametrize("program", [PROGRAM, MODEL])
def test_keys_are_the_same_in_every_process(program):
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
