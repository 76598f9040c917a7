"""The forms of hooks, and what state handlers may do to an outcome."""

from types import SimpleNamespace

import pytest

from resnb import states, task
from resnb.errors import described
from resnb.run.engine.hooks import call_hook, handled
from resnb.run.scheduling.outcome import Outcome, success
from resnb.states import FAILED, RETRYING, RUNNING, SKIPPED, SUCCESS

RUN, STATE, SUBJECT = object(), states.Success(), SimpleNamespace(name="t")


def forms(got):
    return {
        "none": (lambda: got.append(()), ()),
        "run": (lambda run: got.append((run,)), (RUN,)),
        "subject and run": (lambda one, run: got.append((one, run)), (SUBJECT, RUN)),
        "subject and state": (lambda one, state: got.append((one, state)), (SUBJECT, STATE)),
        "three": (lambda one, run, state: got.append((one, run, state)), (SUBJECT, RUN, STATE)),
        "any": (lambda *args: got.append(args), (SUBJECT, RUN, STATE)),
    }


@pytest.mark.parametrize("form", forms([]))
def test_a_hook_gets_as_much_as_it_accepts(form):
    got = []
    hook, expected = forms(got)[form]
    call_hook(hook, SUBJECT, RUN, STATE)
    assert got == [expected]


def outcome_of(*handlers, outcome=None):
    one = task(lambda: 1, name="t", state_handlers=list(handlers))
    return handled(one, states.Running(), outcome or success(5))


def test_handlers_see_what_the_one_before_has_chosen():
    seen = []

    def first(_task, old, new):
        seen.append((old.name, new.name))
        return states.Skipped("not needed")

    def second(_task, old, new):
        seen.append((old.name, new.name))

    assert outcome_of(first, second) == Outcome(SKIPPED, reason="not needed")
    assert seen == [("Running", "Success"), ("Running", "Skipped")]


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (None, SUCCESS),
        ("no state", SUCCESS),
        (states.Failed("no"), FAILED),
        (states.Retrying(), RETRYING),
        (states.Pending(), RUNNING),
    ],
)
def test_what_a_handler_gives(chosen, code):
    assert outcome_of(lambda *_: chosen).code == code


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(2), KeyboardInterrupt()])
def test_a_handler_that_raises_fails_the_task(error):
    def raises(*_):
        raise error

    found = outcome_of(raises)
    assert (found.code, found.error) == (FAILED, error)
    assert found.reason == f"a state handler raised {described(error)}"
