"""Triggers as rules over tallies, and in Prefect's form as functions of upstream states."""

import pytest

from resnb import states, triggers
from resnb.errors import OptionError
from resnb.graph.base.signals import SKIP, TRIGGERFAIL
from resnb.graph.base.triggers import Tally, tally_of
from tests.stateful.reference import TRIGGERS

SUCCESS, FAILED, SKIPPED = states.Success, states.Failed, states.Skipped
CANCELLED, MAPPED = states.Cancelled, states.Mapped

NAMES = (
    "all_successful", "all_failed", "any_successful", "any_failed", "all_finished",
    "not_all_skipped",
)  # fmt: skip
RUN, FAIL, SKIPS = "runs", "fails", "skips"
# upstream states -> what each of NAMES says
TABLE = {
    (): (RUN, RUN, RUN, RUN, RUN, RUN),
    (SUCCESS,): (RUN, FAIL, RUN, FAIL, RUN, RUN),
    (FAILED,): (FAIL, RUN, FAIL, RUN, RUN, FAIL),
    (SKIPPED,): (RUN, FAIL, RUN, FAIL, RUN, SKIPS),
    (states.Cached,): (RUN, FAIL, RUN, FAIL, RUN, RUN),
    (states.TriggerFailed,): (FAIL, RUN, FAIL, RUN, RUN, FAIL),
    (states.TimedOut,): (FAIL, RUN, FAIL, RUN, RUN, FAIL),
    (CANCELLED,): (FAIL, FAIL, FAIL, FAIL, RUN, FAIL),
    (SUCCESS, FAILED): (FAIL, FAIL, RUN, RUN, RUN, FAIL),
    (SUCCESS, SKIPPED): (RUN, FAIL, RUN, FAIL, RUN, RUN),
    (FAILED, SKIPPED): (FAIL, FAIL, RUN, RUN, RUN, FAIL),
    (FAILED, FAILED): (FAIL, RUN, FAIL, RUN, RUN, FAIL),
    (SKIPPED, SKIPPED): (RUN, FAIL, RUN, FAIL, RUN, SKIPS),
    (FAILED, CANCELLED): (FAIL, FAIL, FAIL, RUN, RUN, FAIL),
    (SUCCESS, CANCELLED): (FAIL, FAIL, RUN, FAIL, RUN, FAIL),
}
CASES = [
    (kinds, name, outcome)
    for kinds, outcomes in TABLE.items()
    for name, outcome in zip(NAMES, outcomes, strict=True)
]


def outcome_of(trigger, upstream):
    try:
        return RUN if trigger(upstream) is True else None
    except SKIP:
        return SKIPS
    except TRIGGERFAIL:
        return FAIL


def upstream(*kinds):
    return dict(enumerate(kind() for kind in kinds))


@pytest.mark.parametrize(("kinds", "name", "outcome"), CASES)
def test_the_table_of_triggers(kinds, name, outcome):
    assert outcome_of(getattr(triggers, name), upstream(*kinds)) == outcome


@pytest.mark.parametrize(("kinds", "name", "outcome"), CASES)
def test_the_reference_interpreter_knows_the_same_triggers(kinds, name, outcome):
    said = TRIGGERS[name]([kind.__name__ for kind in kinds])
    assert {"run": RUN, "skip": SKIPS, "fail": FAIL}[said] == outcome


def test_always_run_is_another_name():
    assert triggers.always_run is triggers.all_finished


@pytest.mark.parametrize("name", NAMES)
def test_triggers_are_shown_by_name(name):
    assert repr(getattr(triggers, name)) == f"triggers.{name}"


def test_a_tally_counts_each_kind():
    found = tally_of(kind() for kind in (SUCCESS, FAILED, SKIPPED, CANCELLED))
    assert found == Tally(total=4, successful=2, failed=1, skipped=1)


def test_a_mapped_state_counts_as_its_children():
    mapped = MAPPED(map_states=(SUCCESS(), SKIPPED(), FAILED()))
    assert tally_of([mapped, FAILED()]) == Tally(4, 2, 2, 1)


def test_a_state_mapped_over_nothing_counts_as_one_success():
    assert tally_of([MAPPED()]) == Tally(1, 1, 0, 0)


def test_a_task_that_passes_two_values_counts_once():
    state = FAILED()
    assert tally_of({"x": state, "y": state}.values()) == Tally(1, 0, 1, 0)


# three upstream tasks failed and one succeeded
SOME = [
    ({"at_least": 3}, RUN, FAIL),
    ({"at_least": 4}, FAIL, FAIL),
    ({"at_most": 2}, FAIL, RUN),
    ({"at_least": 0.75}, RUN, FAIL),
    ({"at_least": 0.76}, FAIL, FAIL),
    ({"at_most": 0.25}, FAIL, RUN),
    ({"at_least": 1, "at_most": 3}, RUN, RUN),
    ({"at_least": 0.0}, RUN, RUN),
    ({"at_most": 0}, FAIL, FAIL),
    ({"at_least": 1.0}, RUN, RUN),
    ({}, RUN, RUN),
]


@pytest.mark.parametrize(("bounds", "failed", "successful"), SOME, ids=str)
def test_some_failed_and_some_successful(bounds, failed, successful):
    states_ = upstream(FAILED, FAILED, SUCCESS, FAILED)
    assert outcome_of(triggers.some_failed(**bounds), states_) == failed
    assert outcome_of(triggers.some_successful(**bounds), states_) == successful


@pytest.mark.parametrize("function", [triggers.some_failed, triggers.some_successful])
def test_some_without_bounds_may_be_given_without_a_call(function):
    assert function(upstream(FAILED, SUCCESS)) is True


def test_some_runs_where_nothing_comes_before():
    assert outcome_of(triggers.some_failed(at_least=2), {}) == RUN


WANTED = {
    triggers.all_successful: "trigger 'all_successful' wants all upstream tasks successful",
    triggers.any_failed: "trigger 'any_failed' wants at least one upstream task failed",
    triggers.some_failed(
        2, 3
    ): "'some_failed' wants at least 2 and at most 3 upstream tasks failed",
    triggers.some_failed(at_least=0.6): "wants at least 0.6 upstream tasks failed",
}


@pytest.mark.parametrize("trigger", WANTED, ids=WANTED.get)
def test_a_trigger_says_what_it_wants(trigger):
    with pytest.raises(TRIGGERFAIL) as caught:
        trigger(upstream(SUCCESS, CANCELLED))
    assert WANTED[trigger] in str(caught.value)
    assert isinstance(caught.value.state, states.TriggerFailed)


@pytest.mark.parametrize("make", [triggers.some_failed, triggers.some_successful])
@pytest.mark.parametrize("bounds", [{"at_least": -1}, {"at_most": -0.5}], ids=str)
def test_negative_bounds_are_refused(make, bounds):
    with pytest.raises(OptionError, match=r"a bound is a count or a share.*, not -"):
        make(**bounds)
