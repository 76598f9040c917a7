"""What a value is at a glance."""

import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.run.caching.glance import glance


@dataclasses.dataclass
class Settings:
    rows: int = 1
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Slotted:
    rows: int = 1
    unset: int = dataclasses.field(init=False)


class Counter:
    used = 0


def set_item(key, value):
    return lambda one: one.__setitem__(key, value)


def set_rows(one):
    one.rows = 2


IN_PLACE = {
    "an item": ([1, 2], set_item(0, 5)),
    "an item further in": ({"a": [1, {"b": 2}]}, lambda one: one["a"][1].update(b=3)),
    "a key": ({"a": 1}, set_item("b", 1)),
    "beside something large": ({"frame": np.zeros(10_000), "n": 1}, set_item("n", 2)),
    "one more of many": ([0] * 5000, lambda one: one.append(0)),
    "another object in a list": ([object()], set_item(0, object())),
    "a set": ({1, "a"}, lambda one: one.add(2)),
    "a field": (Settings(), set_rows),
    "a list in a field": (Settings(), lambda one: one.tags.append("x")),
    "a field in slots": (Slotted(), set_rows),
    "a namespace": (SimpleNamespace(rows=1), set_rows),
    "a column": (pd.DataFrame({"a": [1]}), set_item("b", 1)),
    "a row": (pd.DataFrame({"a": [1]}), lambda one: one.loc.__setitem__(1, [2])),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_change_in_place_is_seen(name):
    made, change = IN_PLACE[name]
    value = copy.deepcopy(made)
    before = glance(value)
    assert glance(value) == before
    change(value)
    assert glance(value) != before


def test_objects_that_count_something_while_they_are_used_are_what_they_are():
    one = Counter()
    before = glance(one)
    one.used = 5
    assert glance(one) == before != glance(Counter())


MADE = {"own": Counter, "array": lambda: np.zeros(2), "frame": lambda: pd.DataFrame({"a": [1]})}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_an_object_is_no_other_one_that_was_there_before_it(make):
    seen = [glance(make()) for _ in range(10)]  # each takes the place of the one before
    assert len(set(seen)) == 10


def test_integers_may_have_any_number_of_digits():
    large = 10**5000
    assert glance([large]) == glance([large + 1 - 1]) != glance([large + 1])


def test_long_texts_are_equal_if_they_are_written_alike():
    assert glance("ab" * 1000) == glance("ab" * 1000) != glance("ba" * 1000)
    assert glance(b"ab" * 1000) != glance("ab" * 1000)


@pytest.mark.parametrize("value", [[0] * 100_000, {n: n for n in range(5000)}, [[[0] * 100] * 100]])
def test_of_much_it_looks_at_a_little(value):
    assert len(glance(value)) < 100


def test_what_is_in_itself_has_an_end():
    value = []
    value.append(value)
    assert glance(value) == glance(value)


def test_a_table_of_arrow():
    assert "columns a" in glance(pa.table({"columns a": [1]}))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(PLAIN, PLAIN)
def test_plain_values_are_equal_at_a_glance_if_they_are_written_alike(one, other):
    assert (glance(one) == glance(other)) == (repr(one) == repr(other))


def test_large_lists_and_dictionaries_in_one_place_differ_by_some_of_their_items():
    large = [5] * 2_000
    before = glance(large)
    large[:] = [6] * 2_000  # as another one that got its place
    assert glance(large) != before
    table = dict.fromkeys(range(2_000), 5)
    before = glance(table)
    table[1_999] = 6
    assert glance(table) != before
