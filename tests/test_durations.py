"""Durations as users write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.durations import seconds
from resnb.errors import OptionError

GOOD = {
    "30s": 30,
    "10m": 600,
    "2h": 7200,
    "1d": 86400,
    "250ms": 0.25,
    "1.5h": 5400,
    "90": 90,
    " 5 M ": 300,
    "0s": 0,
    7: 7,
    0.5: 0.5,
    0: 0,
    timedelta(minutes=2, milliseconds=500): 120.5,
    None: None,
}
BAD = [
    "", "s", "ms", "soon", "10min", "5md", "1h30m", "-5s", "inf", "nan", "1e999", "h2", "2 h 3",
    -1, -0.5, 10**400, float("nan"), float("inf"), True, False, timedelta(seconds=-1), [], {}, object, b"5s",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD, ids=repr)
def test_what_is_a_duration(text):
    found = seconds(text, "ttl")
    assert found == GOOD[text]
    assert found is None or type(found) is float


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_what_is_none(value):
    with pytest.raises(OptionError) as caught:
        seconds(value, "cell: ttl")
    line = str(caught.value)
    assert line.startswith(f"cell: ttl={value!r} is no duration: write '30s', '10m', '2h'")


@pytest.mark.parametrize("value", ["36501d", 1e300, timedelta.max])
def test_what_no_clock_can_wait_for_is_refused(value):
    assert seconds("36500d", "ttl") == 36500 * 86400
    with pytest.raises(OptionError, match="is longer than 100 years; leave it out for no limit"):
        seconds(value, "ttl")


UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1),
         "h": timedelta(hours=1), "d": timedelta(days=1)}  # fmt: skip


@given(st.integers(0, 10_000), st.sampled_from(list(UNITS)))
def test_a_text_means_the_same_as_a_timedelta(count, unit):
    expected = seconds(count * UNITS[unit], "ttl")
    assert seconds(f"{count}{unit}", "ttl") == pytest.approx(expected)


@given(st.text(max_size=6) | st.floats() | st.integers())
def test_anything_else_is_refused_or_not_negative(value):
    try:
        found = seconds(value, "ttl")
    except OptionError:
        return
    assert 0 <= found < float("inf")
