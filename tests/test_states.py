"""The vocabulary of states, and the table of legal moves."""

import pytest

from resnb import states
from resnb.states import CLASSES, LEGAL, NAMES, State

ALL = (
    "Pending", "Running", "Retrying", "Success", "Cached", "Mapped", "Skipped", "Failed",
    "TriggerFailed", "TimedOut", "Cancelled",
)  # fmt: skip
# name -> questions that are answered with yes
ANSWERS = {
    "Pending": {"pending"},
    "Running": {"running"},
    "Retrying": {"pending", "retrying"},
    "Success": {"finished", "successful"},
    "Cached": {"finished", "successful", "cached"},
    "Mapped": {"finished", "successful", "mapped"},
    "Skipped": {"finished", "successful", "skipped"},
    "Failed": {"finished", "failed"},
    "TriggerFailed": {"finished", "failed"},
    "TimedOut": {"finished", "failed"},
    "Cancelled": {"finished", "cancelled"},
}
QUESTIONS = {
    "pending", "running", "retrying", "finished", "successful", "failed", "skipped", "mapped",
    "cached", "cancelled",
}  # fmt: skip
PARENTS = {
    "Retrying": "Pending",
    "Cached": "Success",
    "Mapped": "Success",
    "Skipped": "Success",
    "TriggerFailed": "Failed",
    "TimedOut": "Failed",
}
MOVES = {
    "Pending": {*ALL} - {"Pending", "Retrying", "TimedOut"},
    "Running": {*ALL} - {"Pending", "Running"},
    "Retrying": {"Running", "Skipped", "Failed", "Cancelled"},
}


def test_codes_names_and_classes_agree():
    assert NAMES == ALL
    assert [cls.code for cls in CLASSES] == list(range(len(ALL)))
    assert {cls.__name__ for cls in CLASSES} <= set(states.__all__)
    assert all(getattr(states, name) is CLASSES[ALL.index(name)] for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_what_a_state_says_of_itself(name):
    state = getattr(states, name)()
    assert state.name == name
    said = {question for question in QUESTIONS if getattr(state, f"is_{question}")()}
    assert said == ANSWERS[name]


@pytest.mark.parametrize("name", ALL)
def test_the_hierarchy_is_that_of_prefect(name):
    kind = getattr(states, name)
    base = PARENTS.get(name, "Finished" if "finished" in ANSWERS[name] else "State")
    assert kind.__bases__ == (getattr(states, base),)
    assert issubclass(kind, states.Finished) == ("finished" in ANSWERS[name])


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("target", ALL)
def test_every_pair_of_states_is_legal_or_not(source, target):
    legal = target in MOVES.get(source, ())
    assert LEGAL[ALL.index(source)][ALL.index(target)] == legal


def test_a_final_state_is_final():
    for state in CLASSES:
        if state().is_finished():
            assert not any(LEGAL[state.code])


def test_every_state_but_the_first_can_be_reached():
    reached = {0}
    for _ in ALL:
        reached |= {
            target for source in reached for target in range(len(ALL)) if LEGAL[source][target]
        }
    assert reached == set(range(len(ALL)))


def test_texts_show_neither_times_nor_addresses():
    assert repr(states.Success(result=object())) == "<Success>"
    assert repr(states.Failed("why", ValueError())) == "<Failed: 'why'>"


def test_states_carry_message_and_result():
    error = ValueError()
    state = states.Failed("why", error)
    assert (state.message, state.result) == ("why", error)
    assert (State().message, State().result) == ("", None)
    children = [states.Success(result=1), states.Skipped()]
    mapped = states.Mapped("two", [1, None], children)
    assert (mapped.map_states, mapped.result, mapped.message) == (children, [1, None], "two")
    assert states.Mapped().map_states == []


def test_a_result_is_called_and_read_however_often_by_the_same_line():
    """Python 3.12 stands elsewhere in a line that it has specialized: after some readings."""
    state = states.Success(result=5)
    assert [state.result() for _ in range(100)] == [5] * 100
    assert [state.result for _ in range(100)] == [5] * 100
