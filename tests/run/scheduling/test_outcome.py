"""From exceptions to states: pure."""

import asyncio

import pytest

from resnb import signals, states, task
from resnb.errors import TaskCancelled
from resnb.run.scheduling.outcome import of_error, of_state, of_timeout, success, text_of
from resnb.states import CANCELLED, FAILED, RETRYING, SKIPPED, SUCCESS, TIMED_OUT, TRIGGER_FAILED

PLAIN = task(lambda: 1, name="t", retry_delay=7)


@pytest.mark.parametrize(
    ("error", "tries", "retries", "code", "delay"),
    [
        (ValueError("no"), 1, 0, FAILED, 0),
        (ValueError("no"), 1, 1, RETRYING, 7),
        (ValueError("no"), 2, 1, FAILED, 0),
        (SystemExit(1), 1, 1, FAILED, 0),
        (GeneratorExit(), 1, 1, FAILED, 0),
        (KeyboardInterrupt(), 1, 1, CANCELLED, 0),
        (TaskCancelled(), 1, 1, CANCELLED, 0),
        (asyncio.CancelledError(), 1, 1, CANCELLED, 0),
        (signals.SKIP("no"), 1, 1, SKIPPED, 0),
        (signals.FAIL("no"), 1, 1, RETRYING, 7),
        (signals.FAIL("no"), 2, 1, FAILED, 0),
        (signals.TRIGGERFAIL("no"), 1, 1, RETRYING, 7),
        (signals.TRIGGERFAIL("no"), 1, 0, TRIGGER_FAILED, 0),
        (signals.SUCCESS("yes"), 1, 0, SUCCESS, 0),
        (signals.RETRY("again"), 1, 1, RETRYING, 7),
        (signals.RETRY("again", delay=0), 1, 1, RETRYING, 0),
        (signals.RETRY("again"), 2, 1, RETRYING, 7),
        (signals.RETRY("again"), 9, 0, RETRYING, 7),
    ],
)
def test_what_an_exception_leads_to(error, tries, retries, code, delay):
    found = of_error(PLAIN, error, tries, retries)
    assert (found.code, found.delay) == (code, delay)
    assert type(found.state()) is states.CLASSES[code]


@pytest.mark.parametrize(("retry_on", "code"), [(KeyError, FAILED), (ValueError, RETRYING)])
def test_retry_on(retry_on, code):
    one = task(lambda: 1, name="t", max_retries=1, retry_delay=0, retry_on=retry_on)
    assert of_error(one, ValueError(), 1, 1).code == code


@pytest.mark.parametrize(("tries", "code"), [(1, RETRYING), (2, TIMED_OUT)])
def test_a_time_limit(tries, code):
    found = of_timeout(PLAIN, 2.5, tries, 1)
    assert (found.code, found.reason) == (code, "it ran for longer than its timeout of 2.5 s")
    assert isinstance(found.error, TimeoutError)


def test_a_state_that_was_chosen():
    error = ValueError()
    assert of_state(states.Failed("no", error)).error is error
    assert str(of_state(states.Failed("no")).error) == "no"
    assert of_state(states.Success("", 5)).value == 5
    assert success(5).state().result == 5


def test_the_text_of_an_exception_that_has_none():
    class Broken(Exception):  # noqa: N818 - not an error of the tests
        def __str__(self):
            raise RuntimeError

    assert text_of(Broken()) == "Broken"
    assert text_of(ValueError("no")) == "ValueError: no"


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), (" \n", ""), ("\nlate\nmore", ": late [...]")]
)
def test_an_exception_without_a_text_gets_no_colon(text, line):
    error = ValueError(text)
    assert text_of(error) == f"ValueError{line}"
    error.add_note("a note")
    assert text_of(error) == f"ValueError{line}; a note"
