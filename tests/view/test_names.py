import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.view.names import NAME_WIDTH, message, shown, unique


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("load", "load"),
        ("two\nlines\r\x00", "two\\nlines\\r\\x00"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
        ("😀 שלום 日本", "😀 שלום 日本"),
        ("<object at 0x7f33aabb1122>", "<object at 0x…>"),
        ("   ", "'   '"),
    ],
)
def test_a_name_is_shown_as_one_harmless_line(name, expected):
    assert shown(name) == expected


def test_a_long_name_keeps_its_beginning_and_its_end():
    text = shown("begin" + "x" * 10_000 + "end")
    assert len(text) == NAME_WIDTH
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "…" in text


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_text_becomes_a_short_line_that_can_be_encoded(text):
    line = shown(text)
    line.encode()
    assert line.strip()
    assert len(line) <= NAME_WIDTH
    assert not {unicodedata.category(one) for one in line} & {"Cc", "Cs", "Zl", "Zp"}


@given(st.lists(st.sampled_from(["a", "a-2", "a-3", "b", "x" * 100, "x" * 101])))
def test_labels_are_unique_and_first_ones_keep_their_name(names):
    labels = unique(names)
    assert len(set(labels)) == len(names)
    for place, (name, label) in enumerate(zip(names, labels, strict=True)):
        if name not in names[:place] and len(name) < NAME_WIDTH:
            assert label == name


def test_labels_number_the_later_ones():
    assert unique(["load", "load", "load-2", "load"]) == ("load", "load-3", "load-2", "load-4")


def test_a_message_is_its_first_line():
    assert message("\n  \nValueError: bad\nand more") == "ValueError: bad"
    assert message("") == ""
    assert message("no route \n") == "no route"
