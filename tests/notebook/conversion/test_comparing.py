"""Whether two values are the same."""

import datetime as dt
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from resnb.notebook.conversion.comparing import NotComparableError, difference


class Model:
    """A value of the user's."""

    def __init__(self, mean):
        self.mean = mean
        self.me = self


class Wrapped:
    """One of whose methods a library has wrapped."""

    @contextmanager
    def opened(self):
        yield self


def of_a_step():
    class Wrapped:
        """One of whose methods a library has wrapped."""

        @contextmanager
        def opened(self):
            yield self

    return Wrapped


def frame(**changes):
    return pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": [[1], "x"], **changes})


SAME = {
    "floats": (0.1 + 0.2, 0.3),
    "nan": (float("nan"), float("nan")),
    "complex": (1 + 2j, 1 + 2.0000000000001j),
    "lists": ([1, {"a": (2.0,)}], [1, {"a": (2.0000000000001,)}]),
    "sets": ({1, 2}, {2, 1}),
    "frames": (frame(), frame(b=[0.5000000000001, None])),
    "times": (pd.DataFrame({"t": pd.to_datetime(["2020", None])}),) * 2,
    "series": (pd.Series([1.0], name="x"), pd.Series([1.0], name="x")),
    "arrays": (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
    "text arrays": (np.array(["a"]), np.array(["a"])),
    "tables": (pa.table({"a": [1]}), pa.table({"a": [1]})),
    "objects": (Model(0.1 + 0.2), Model(0.3)),
    "arrays of pandas": (pd.array(["a", None]), pd.array(["a", None])),
    "dates": (dt.date(2020, 1, 1), dt.date(2020, 1, 1)),
    "functions": (lambda x: x + 1, lambda x: x + 1),
    "classes with wrapped methods": (Wrapped, of_a_step()),
}
DIFFERENT = {
    "floats": (0.1, 0.1001, "0.1, and 0.1001"),
    "types": (1, 1.0, "a int, and a float"),
    "items": ([1, [2]], [1, [3]], "[1] [0] 2, and 3"),
    "lengths": ([1], [1, 2], "1 items, and 2"),
    "keys": ({"a": 1}, {"b": 1}, "other keys"),
    "columns": (frame(), frame(d=1), "other columns"),
    "a column": (frame(), frame(b=[0.5, 0.5]), "column 'b' 1 of 2 values differ"),
    "a type": (frame(), frame(a=[1.0, 2.0]), "column 'a' int64"),
    "objects in a column": (frame(), frame(c=[[2], "x"]), "column 'c' [0] [0] 1, and 2"),
    "an index": (pd.Series([1]), pd.Series([1], index=[5]), "index "),
    "arrays": (np.zeros(2), np.zeros(3), "float64 (2,)"),
    "tables": (pa.table({"a": [1]}), pa.table({"a": [2]}), "[0] ['a'] 1, and 2"),
    "schemas": (pa.table({"a": [1]}), pa.table({"b": [1]}), "other columns or types"),
    "objects": (Model(1), Model(2), ".mean: 1, and 2"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_is_the_same(one, other):
    assert difference(one, other) == ""


@pytest.mark.parametrize(("one", "other", "said"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_and_where(one, other, said):
    assert said in difference(one, other)


def test_what_nobody_can_tell():
    with pytest.raises(NotComparableError):
        difference((one for one in [1]), (one for one in [1]))


def test_what_a_library_has_cached_in_one_of_two_objects_makes_no_difference():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    one, other = frame.groupby("b"), frame.groupby("b")
    other.sum()
    one.__dict__["_seen_once"] = 1
    assert difference(one, other) == ""
    first, second = Model(1.0), Model(1.0)
    second._more = 5
    assert "other keys" in difference(first, second)
