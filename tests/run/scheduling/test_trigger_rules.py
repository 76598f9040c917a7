"""Whether a row may run, by states that are set by hand: skips, triggers, mapped inputs, scopes."""

import pytest

from resnb import Flow, triggers
from resnb.run.scheduling.compiling import compiled
from resnb.run.scheduling.mapped_rows import MappedRows
from resnb.run.scheduling.state_table import Table
from resnb.run.scheduling.trigger_rules import NOTHING_MADE, NOTHING_TO_MAP, TriggerRules
from resnb.states import (
    CACHED,
    CANCELLED,
    FAILED,
    MAPPED,
    PENDING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
)
from tests.run.scheduling.small_flows import Thing, made

WAS_SKIPPED = SKIPPED, "an upstream task was skipped"
NOT_SUCCESSFUL = (
    TRIGGER_FAILED,
    "trigger 'all_successful' wants all upstream tasks successful",
)
ALL_SKIPPED = {"trigger": triggers.not_all_skipped, "skip_on_upstream_skip": False}


class World:
    """The rules of a flow, and the states of its tasks."""

    def __init__(self, flow, only=None):
        self.plan = compiled(flow, {}, {}, only)
        self.table = Table(len(self.plan.tasks))
        self.mapped = MappedRows(self.plan, self.table)
        self.rules = TriggerRules(self.plan, self.table, self.mapped)

    def ended(self, handle, code):
        self.table.take_over(self.plan.row_of[handle], code)

    def expanded(self, handle, *codes):
        """A mapped task has children in these states; gives the number of the first one."""
        row = self.plan.row_of[handle]
        self.ended(handle, MAPPED)
        self.mapped.add(row, len(codes), enumerate(codes))
        return self.mapped.children[row].first

    def refusal(self, handle):
        return self.rules.refusal(self.plan.row_of[handle])

    def refusals(self, handle, owners=None):
        row = self.plan.row_of[handle]
        first = self.mapped.children[row].first
        given = {self.plan.row_of[one]: rows for one, rows in (owners or {}).items()}
        found = self.rules.children_refusals(row, given)
        return {child - first: refusal for child, refusal in found}


@pytest.mark.parametrize(
    ("codes", "options", "refusal"),
    [
        ((SUCCESS, CACHED), {}, None),
        ((SUCCESS, MAPPED), {}, None),
        ((SUCCESS, FAILED), {}, NOT_SUCCESSFUL),
        ((SUCCESS, CANCELLED), {}, NOT_SUCCESSFUL),
        ((SUCCESS, SKIPPED), {}, WAS_SKIPPED),
        ((FAILED, SKIPPED), {}, WAS_SKIPPED),
        ((SUCCESS, SKIPPED), {"skip_on_upstream_skip": False}, None),
        ((SKIPPED, SKIPPED), ALL_SKIPPED, (SKIPPED, "all upstream tasks were skipped")),
        ((SKIPPED, SUCCESS), ALL_SKIPPED, None),
        ((SUCCESS, TIMED_OUT), {"trigger": triggers.any_failed}, None),
        ((FAILED, FAILED), {"trigger": triggers.some_failed(2, 2)}, None),
        ((SUCCESS, SUCCESS), {"trigger": triggers.some_successful(2, 2)}, None),
        (
            (SUCCESS, CANCELLED),
            {"trigger": triggers.any_failed},
            (TRIGGER_FAILED, "trigger 'any_failed' wants at least one upstream task failed"),
        ),
        ((FAILED, CANCELLED), {"trigger": lambda _: False}, None),  # asked when the row is taken
    ],
)
def test_a_row_runs_or_ends_by_its_trigger_and_by_skips(codes, options, refusal):
    with Flow("f") as flow:
        one, other = made("one")(), made("other")()
        last = made("last", **options)(one, other)
    world = World(flow)
    world.ended(one, codes[0])
    world.ended(other, codes[1])
    assert world.refusal(last) == refusal


def test_a_mapped_row_counts_as_its_children_for_who_waits_for_all_of_it():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
        none = made("none").map([])
        last = made("last", trigger=triggers.some_successful(2, 2))(many, none)
    world = World(flow)
    world.expanded(none)
    world.expanded(many, FAILED, SUCCESS)
    assert world.refusal(last) is None
    world = World(flow)
    world.expanded(none)
    world.expanded(many, SUCCESS, SUCCESS)
    assert world.refusal(last)[0] == TRIGGER_FAILED


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        ((SUCCESS, FAILED), None),
        ((CANCELLED, SUCCESS), None),
        ((FAILED, TIMED_OUT), (TRIGGER_FAILED, NOTHING_TO_MAP)),
        ((SUCCESS, SKIPPED), WAS_SKIPPED),
    ],
)
def test_a_mapped_row_is_expanded_if_anything_that_it_is_mapped_over_is_there(codes, refusal):
    with Flow("f") as flow:
        one, other = made("one")(), made("other")()
        last = made("last").map(one, other)
        with_list = made("with list").map(one, other, [1, 2])
        unskipped = made("unskipped", skip_on_upstream_skip=False).map(one, other)
    world = World(flow)
    world.ended(one, codes[0])
    world.ended(other, codes[1])
    assert world.refusal(last) == refusal
    assert world.refusal(with_list) == (WAS_SKIPPED if SKIPPED in codes else None)
    assert world.refusal(unskipped) == (None if SKIPPED in codes else refusal)


def test_a_row_that_is_mapped_over_a_list_alone_is_expanded_whatever_comes_before():
    with Flow("f") as flow:
        one = made("one")()
        last = made("last").map([1, 2])
        flow.add_edge(one, last)
    world = World(flow)
    world.ended(one, FAILED)
    assert world.refusal(last) is None


def test_each_child_is_judged_by_its_own_item_and_by_all_else_upstream():
    with Flow("f") as flow:
        many, whole = made("many").map([1, 2, 3, 4]), made("whole")()
        last = made("last").map(many)
        flow.add_edge(whole, last)
    world = World(flow)
    world.ended(whole, SUCCESS)
    world.expanded(many, SUCCESS, FAILED, SKIPPED, SUCCESS)
    world.expanded(last, RUNNING, PENDING, PENDING, PENDING)
    assert world.refusals(last) == {1: NOT_SUCCESSFUL, 2: WAS_SKIPPED, 3: None}
    world.ended(whole, FAILED)
    assert world.refusals(last)[3] == NOT_SUCCESSFUL


def test_a_list_that_was_given_without_its_children_counts_as_one():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
        last = made("last").map(many)
    world = World(flow)
    world.ended(many, MAPPED)
    world.expanded(last, PENDING, PENDING)
    assert world.refusals(last) == {0: None, 1: None}


def test_a_child_sees_the_item_of_its_own_of_each_row_that_is_mapped_over():
    with Flow("f") as flow:
        one, other = made("one").map([1, 2]), made("other").map([1, 2])
        failed, whole = made("failed")(), made("whole").map([1])
        last = made("last", trigger=triggers.some_failed(3, 3)).map(one, other)
        flow.add_edge(failed, last)
        flow.add_edge(whole, last)
    world = World(flow)
    world.ended(failed, FAILED)
    world.expanded(whole, FAILED)
    world.expanded(one, FAILED, FAILED)
    world.expanded(other, SUCCESS, FAILED)
    world.expanded(last, PENDING, PENDING)
    wanted = "trigger 'some_failed' wants at least 3 and at most 3 upstream tasks failed"
    assert world.refusals(last) == {0: None, 1: (TRIGGER_FAILED, wanted)}


def test_a_flattened_child_is_judged_by_the_child_that_gave_its_item():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
        last = made("last").map(many)
    world = World(flow)
    first = world.expanded(many, SUCCESS, FAILED)
    world.expanded(last, PENDING, PENDING, PENDING)
    owners = {many: [first, first, first + 1]}
    assert world.refusals(last, owners) == {0: None, 1: None, 2: NOT_SUCCESSFUL}


def test_what_is_mapped_over_and_not_in_this_run_is_left_out():
    with Flow("f") as flow:
        early = made("early")()
        many = made("many").map(early)
        last = made("last").map(many)
    world = World(flow, only=[last])
    world.expanded(many, SUCCESS)
    assert world.refusal(last) is None
    assert world.refusal(many) is None  # what it needs is not there: it is given


def test_tasks_that_are_waited_for_item_by_item_count_likewise():
    with Flow("f") as flow:
        one = made("one")()
        last = made("last").map([1, 2], upstream_tasks=[one])
        many = made("many").map([1, 2])
        after = made("after").map([1, 2], upstream_tasks=[many])
    world = World(flow)
    world.expanded(many, SUCCESS, FAILED)
    world.expanded(after, PENDING, PENDING)
    assert world.refusals(after) == {0: None, 1: NOT_SUCCESSFUL}
    world.ended(one, FAILED)
    assert world.refusal(last) is None


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (SUCCESS, None),
        (CACHED, None),
        (SKIPPED, (SKIPPED, NOTHING_MADE)),
        (FAILED, (SKIPPED, NOTHING_MADE)),
        (CANCELLED, (SKIPPED, NOTHING_MADE)),
    ],
)
def test_a_clean_up_runs_if_its_set_up_has_made_something(code, refusal):
    with Flow("f") as flow, Thing():
        pass
    [scope] = flow.scopes
    world = World(flow)
    world.ended(scope.setup_task, code)
    assert world.rules.cleanup_refusal(world.plan.row_of[scope.cleanup_task]) == refusal


def test_a_clean_up_whose_set_up_has_no_part_in_the_run_runs():
    with Flow("f") as flow, Thing():
        made("inside")()
    [scope] = flow.scopes
    world = World(flow)
    row = world.plan.row_of[scope.cleanup_task]
    [planned] = world.plan.scopes
    world.plan.scopes[0] = planned._replace(setup=-1)
    world.table.take_over(len(world.plan.tasks) - 1, FAILED)
    assert world.rules.cleanup_refusal(row) is None


def test_each_item_is_cleaned_up_if_its_own_set_up_has_made_something():
    with Flow("f") as flow, Thing.map([1, 2, 3]):
        pass
    [scope] = flow.scopes
    world = World(flow)
    world.expanded(scope.init_task, SUCCESS, SUCCESS, SUCCESS)
    world.expanded(scope.setup_task, SUCCESS, FAILED, SKIPPED)
    world.expanded(scope.cleanup_task, PENDING, PENDING, PENDING)
    found = world.refusals(scope.cleanup_task)
    assert found == {0: None, 1: (SKIPPED, NOTHING_MADE), 2: (SKIPPED, NOTHING_MADE)}
