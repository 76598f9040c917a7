"""What is shown of values: bounded, plain, harmless; nothing is consumed."""

import base64
import collections
import datetime as dt
import json
import struct
import sys
import types
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.notebook.cells.steps import StepValues
from resnb.notebook.widget.rich import LARGEST_PICTURE, TEXT, listed, preview, printed, text_of


def png(width=4, height=3, size=0):
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    return head + struct.pack(">II", width, height) + b"\0" * max(size - 24, 5)


class Power(NamedTuple):
    """A number that pytest cannot spell."""

    base: int
    exponent: int


class Shown:
    """Shows itself as a notebook would let it."""

    def __init__(self, **methods):
        self.calls = []
        self.methods = methods

    def _repr_mimebundle_(self, include=None, exclude=None):
        self.calls.append("bundle")
        return self.methods.get("bundle", {})

    def _repr_png_(self):
        self.calls.append("png")
        made = self.methods.get("png")
        if isinstance(made, Exception):
            raise made
        return made

    def _repr_html_(self):
        raise AssertionError("nobody asks for markup")

    def __repr__(self):
        return "<shown>"


def test_generators_and_lazy_things_are_left_as_they_are():
    consumed = []
    values = (consumed.append(x) for x in range(3))
    assert preview(values)["text"].startswith("<generator object")
    reader = map(consumed.append, [1])
    preview([reader, {"key": values}])
    assert consumed == []
    import dask
    import dask.array

    computed = []
    lazy = dask.delayed(computed.append)(1)
    assert "Delayed" in preview(lazy)["text"]
    array = dask.array.from_delayed(lazy, (3,), dtype=float)
    assert "dask.array" in preview(array)["text"]
    assert computed == []


def test_containers_are_shown_by_their_first_items_in_their_order():
    large = {f"z{number}": number for number in range(1_000_000)}
    text = preview(large)["text"]
    assert text.startswith("{'z0': 0, 'z1': 1")
    assert text.endswith("...}")
    assert preview(range(5))["text"] == "range(0, 5)"
    assert preview(list(range(100)))["text"].endswith("19, ...]")
    assert preview(collections.deque([1]))["text"] == "deque([1])"
    assert preview({3, 1})["text"] == "{1, 3}"
    endless = []
    endless.append({"a": {"b": endless}})
    assert len(preview(endless)["text"]) < TEXT


def test_a_class_of_the_users_that_is_called_like_pythons_own_is_asked_itself():
    class list:  # noqa: A001, N801 - that is the point
        def __iter__(self):
            raise AssertionError("nobody looks inside")

        __len__ = __getitem__ = __iter__

        def __repr__(self):
            return "my own"

    assert preview(list())["text"] == "my own"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 10_000_000, None),
        (b"x" * 10_000_000, None),
        (bytearray(b"x" * 10_000_000), None),
        (Power(10, 1_000_000), "<int of 3,321,929 bits>"),
        (-3, "-3"),
        (None, "None"),
    ],
)
def test_large_plain_values_are_cut(value, text):
    found = preview(value.base**value.exponent if isinstance(value, Power) else value)["text"]
    assert len(found) <= TEXT + 1
    assert text is None or found == text


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (OSError("<b>"), "<Odd: its repr raises OSError>"),
        (3, "<Odd: its repr raises TypeError>"),
        ("x" * 100_000_000, None),
        ("<b>bold</b>", "<b>bold</b>"),
        ("\x1b[31mred\x1b[0m\x00\ud800\u202e", "red"),
        ("two\nlines\t\N{ROCKET} \u05e9\u05dc", "two\nlines\t\N{ROCKET} \u05e9\u05dc"),
    ],
)
def test_whatever_a_repr_does_a_short_text_comes_out(answer, text):
    class Odd:
        def __repr__(self):
            if isinstance(answer, Exception):
                raise answer
            return answer

    found = preview(Odd())["text"]
    assert len(found) <= TEXT + 1
    assert text is None or found == text


@given(st.recursive(st.one_of(st.text(), st.binary(), st.floats(), st.integers(), st.none()), lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner))))  # fmt: skip
def test_a_preview_is_plain_json_that_can_be_sent(value):
    sent = json.dumps(preview(value), ensure_ascii=False).encode()
    assert len(sent) < 5 * TEXT + 500


@given(st.text(st.characters(), max_size=60))
def test_printed_text_has_no_characters_that_do_anything(text):
    found = printed(text)
    found.encode()
    assert all(one.isprintable() or one in "\n\t\r" for one in found)


# ---- pictures


def test_a_picture_is_taken_from_whatever_offers_one():
    data = png()
    encoded = base64.b64encode(data).decode()
    for value in (
        Shown(png=data),
        Shown(png=(data, {"width": 3})),
        Shown(bundle={"image/png": data}),
        Shown(bundle=({"image/png": encoded}, {})),
    ):
        found = preview(value)
        assert found["image"] == encoded
        assert found["shape"] == "4 by 3 pixels"
        assert found["text"] == ""


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        (png(size=LARGEST_PICTURE + 1), "a picture of 204,801 bytes, too large for a preview"),
        (png(90_000, 90_000), "a picture of 90,000 by 90,000 pixels, too large for a preview"),
        (b"<svg onload=alert(1)>", None),
        ("not base64 <b>", None),
        (None, None),
        (OSError("no"), None),
        (7, None),
    ],
)
def test_what_is_no_picture_for_a_preview_is_none(made, shape):
    found = preview(Shown(png=made))
    assert "image" not in found
    assert found.get("shape") == shape
    assert found["text"] == "<shown>"


def test_the_text_of_a_bundle_is_taken_and_its_markup_is_not():
    value = Shown(bundle={"text/plain": "plain\x1b[1m", "text/html": "<img src=x>"})
    assert preview(value) == {"type": f"{__name__}.Shown", "text": "plain"}
    assert preview(Shown)["text"].startswith("<class")
    assert preview(Shown(bundle=[1, 2]))["text"] == "<shown>"


def test_what_a_library_has_registered_is_used(monkeypatch):
    class Figure:
        pass

    class Formatter:
        def lookup(self, value):
            return {Figure: lambda _: png()}[type(value)]

    shell = types.SimpleNamespace(
        display_formatter=types.SimpleNamespace(formatters={"image/png": Formatter()})
    )
    module = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython.core.getipython", module)
    assert "image" in preview(Figure())
    assert "image" not in preview(object())


# ---- tables


def test_a_data_frame_is_a_small_table_of_texts():
    import pandas as pd

    frame = pd.DataFrame(
        {
            "<b>name</b>": ["<img src=x>", "y" * 500, None],
            "number": [1.23456789, float("nan"), 3.0],
            "when": [dt.date(2020, 1, 1)] * 3,
        }
    )
    found = preview(frame)
    head, first, second, _ = found["table"]
    assert head == ["", "<b>name</b>", "number", "when"]
    assert first == ["0", "<img src=x>", "1.23457", "2020-01-01"]
    assert len(second[1]) == 40
    assert found["shape"] == "3 rows, 3 columns"
    assert found["text"] == ""


def test_a_large_data_frame_is_cut_on_both_sides():
    import pandas as pd

    frame = pd.DataFrame({f"c{number}": range(1000) for number in range(30)})
    table = preview(frame)["table"]
    assert len(table) == 13
    assert {len(row) for row in table} == {10}
    assert table[1][-1] == "…"
    empty = preview(pd.DataFrame())
    assert empty["table"] == [[""]]
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert preview(twice)["table"] == [["", "a", "a"], ["0", "1", "2"]]


def test_a_series_and_an_array_tell_their_size():
    import numpy as np
    import pandas as pd

    series = preview(pd.Series(range(100), name="n"))
    assert series["table"][:2] == [["", "n"], ["0", "0"]]
    assert series["shape"] == "100 values, int64"
    array = preview(np.zeros((1000, 1000)))
    assert array["shape"] == "(1000, 1000) float64"
    assert len(array["text"]) < TEXT


# ---- names


def test_a_list_of_names_says_how_many_more_there_are():
    assert listed("abc", 3) == "a, b, c"
    assert listed("abcde", 3) == "a, b, c and 2 more"
    assert listed([], 3) == ""


def test_text_is_cut_to_a_limit():
    assert text_of("x" * 100, 10) == "'xx...xx'" or len(text_of("x" * 100, 10)) <= 11


def test_what_a_step_has_bound_is_shown_by_name_and_a_single_value_as_it_is():
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2]})
    found = preview(StepValues(rows=frame))
    assert found == {**preview(frame), "type": f"rows: {preview(frame)['type']}"}
    assert found["table"][0] == preview(frame)["table"][0]
    assert preview(StepValues(x=1, y="b")) == {"type": "", "text": "x = 1\ny = 'b'"}
    assert preview(StepValues()) == {"type": "", "text": "nothing bound"}
