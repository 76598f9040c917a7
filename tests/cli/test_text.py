"""Spans of time, as the command line writes them."""

import pytest

from resnb.cli.text import exactly, span, table


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (59.9, "59s"), (60, "1m"), (7199, "1h"), (200_000, "2d")]
)
def test_an_age_has_one_unit(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5s"), (90, "90s"), (5400, "90m"), (7200, "2h"), (86400, "1d")]
)
def test_a_duration_is_exact(seconds, text):
    assert exactly(seconds) == text


def test_a_table_without_rows_has_no_head():
    assert table([], 0.0) == ""
