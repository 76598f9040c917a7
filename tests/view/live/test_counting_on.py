"""What is known of a resource's times goes on without being read."""

import pytest

from resnb.states import FAILED, PENDING, RUNNING, SUCCESS
from resnb.view.live.counting_on import Look, counted_on

OPENED = {
    "steps": (SUCCESS, SUCCESS, PENDING),
    "setup": 2.0,
    "cleanup": None,
    "open": 8.0,
    "opened": 1,
    "used": 5.0,
    "busy": True,
}


def look(steps=(SUCCESS, SUCCESS, PENDING), opened=1, *, busy=False, is_mapped=False):
    return Look(steps, opened, busy, is_mapped)


def test_what_was_open_and_used_was_so_until_now():
    assert counted_on(OPENED, 1.5, look()) == {**OPENED, "open": 9.5, "used": 6.5, "busy": False}
    idle = {**OPENED, "busy": False}
    assert counted_on(idle, 1.5, look(busy=True)) == {**OPENED, "open": 9.5}


def test_several_that_are_open_are_added_up():
    mapped = {**OPENED, "opened": 3, "used": None}
    assert counted_on(mapped, 2.0, look(opened=0, is_mapped=True))["open"] == 14.0


@pytest.mark.parametrize("is_mapped", [False, True])
def test_use_is_known_from_the_start_of_one_that_opens_now(is_mapped):
    being = {**OPENED, "steps": (SUCCESS, RUNNING, PENDING), "opened": 0, "used": None}
    now = counted_on(being, 1.0, look(is_mapped=is_mapped))
    assert now["setup"] == 3.0
    assert (now["open"], now["used"]) == ((8.0, None) if is_mapped else (0.0, 0.0))
    assert counted_on({**OPENED, "used": None}, 1.0, look())["used"] is None  # since when?


@pytest.mark.parametrize("setup", [PENDING, RUNNING])
def test_what_an_earlier_run_had_open_is_not_the_time_of_the_next(setup):
    closed = {**OPENED, "steps": (SUCCESS, SUCCESS, SUCCESS), "opened": 0, "busy": False}
    assert counted_on(closed, 1.0, look((SUCCESS, SUCCESS, SUCCESS), opened=0))["open"] == 8.0
    begun = counted_on(closed, 1.0, look((SUCCESS, setup, PENDING), opened=0))
    ending = counted_on(begun, 1.0, look((SUCCESS, SUCCESS, RUNNING), opened=0))
    assert (begun["open"], ending["open"], ending["used"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("name", "place"), [("setup", 1), ("cleanup", 2)])
def test_a_step_takes_as_long_as_it_is_running(name, place):
    def steps(code):
        return tuple(code if place == one else SUCCESS for one in range(3))

    before = {**OPENED, "steps": steps(PENDING), name: 9.0}
    began = counted_on(before, 5.0, look(steps(RUNNING)))
    assert began[name] == 0.0
    goes_on = counted_on(began, 1.0, look(steps(RUNNING)))
    assert goes_on[name] == 1.0
    over = counted_on(goes_on, 0.25, look(steps(FAILED)))
    assert over[name] == 1.25
    assert counted_on(over, 3.0, look(steps(FAILED)))[name] == 1.25
