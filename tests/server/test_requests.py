"""What requests ask for: whatever is sent, it is understood or refused in one short line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.server import requests
from resnb.server.requests import Refused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
BODIES = st.binary() | st.text().map(str.encode) | JSON.map(lambda one: json.dumps(one).encode())


def check(refused):
    text = str(refused)
    assert text.isprintable()
    assert 0 < len(text) < 300
    assert 400 <= refused.status < 500


@given(BODIES | st.fixed_dictionaries({"duration": JSON}).map(lambda one: json.dumps(one).encode()))
def test_any_body_is_a_duration_or_refused(body):
    try:
        assert 0 <= requests.duration(body) <= requests.LONGEST_KEPT
    except Refused as refused:
        check(refused)


@given(BODIES)
def test_any_body_asks_for_nothing_or_is_refused(body):
    try:
        requests.check_empty(body)
        assert not json.loads(body or "{}")
    except Refused as refused:
        check(refused)


@given(st.text())
def test_any_text_is_an_id_or_refused(text):
    try:
        assert requests.lease_id(text) == text
        assert text.isascii()
        assert 0 < len(text) <= 64
    except Refused as refused:
        check(refused)


@given(
    st.dictionaries(
        st.sampled_from(["name", "state", "id", "closed"]) | st.text(),
        st.lists(st.text(), min_size=1),
    )
)
def test_any_query_is_understood_or_refused(arguments):
    try:
        wanted = requests.lease_filter(arguments)
        assert wanted.values.keys() <= arguments.keys()
    except Refused as refused:
        check(refused)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [(b"", 1800.0), (b"{}", 1800.0), (b'{"duration": "90s"}', 90.0), (b'{"duration": 1.5}', 1.5),
     (b' {"duration": "366d"}\n', requests.LONGEST_KEPT)],
)  # fmt: skip
def test_what_a_duration_is(body, seconds):
    assert requests.duration(body) == seconds


def test_what_the_server_reads_itself_is_no_filter():
    wanted = requests.lease_filter(
        {"token": ["x"], "_xsrf": ["y"], "1700000000000": [""], "name": ["n"]}
    )
    assert (wanted.closed, dict(wanted.values)) == (False, {"name": "n"})
    assert requests.lease_filter({"state": ["closed"]}).closed
    assert requests.lease_filter({"closed": ["true"]}).values == {}


def test_all_filters_must_hold():
    wanted = requests.lease_filter({"name": ["a"], "kernel": ["dead"]})
    assert wanted.takes({"name": "a", "kernel": "dead", "id": "x"})
    assert not wanted.takes({"name": "a", "kernel": "alive", "id": "x"})
