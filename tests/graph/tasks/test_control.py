"""Conditions: what case, switch, ifelse and merge add to a flow."""

import pytest

from resnb import Flow, case, ifelse, merge, resource_manager, switch, task, triggers
from resnb.errors import GraphError, OutsideFlowError
from resnb.graph.base.signals import SKIP
from tests.graph.shapes import arrows, dump, names


@task
def choose():
    return "a"


@task
def left():
    return 1


@task
def right():
    return 2


@task
def use(x):
    return x


@pytest.fixture
def flow():
    return Flow("f")


# ---- case


def test_a_case_block_hangs_its_first_tasks_on_a_condition(flow):
    #             .-> left -> use
    # choose -> case
    #             `-> right
    with flow:
        with case(choose(), "a"):
            use(left())
            right()
        left(task_args={"name": "after"})
    assert arrows(flow) == {
        "choose -> case('a').value",
        "case('a') -> left",
        "case('a') -> right",
        "left -> use.x",
    }


def test_the_condition_comes_before_the_tasks_of_its_block(flow):
    with flow, case(choose(), 1):
        left()
    assert names(list(flow.nodes)) == ["choose", "case(1)", "left"]
    assert flow.forward


def test_cases_nest(flow):
    with flow:
        value = choose()
        with case(value, 1):
            left()
            with case(value, 2):
                right()
    assert arrows(flow) == {
        "choose -> case(1).value",
        "choose -> case(2).value",
        "case(1) -> case(2)",
        "case(1) -> left",
        "case(2) -> right",
    }


def test_a_case_may_be_entered_again(flow):
    with flow:
        condition = case(choose(), 1)
        with condition:
            left()
        with condition:
            right()
    assert arrows(flow) == {
        "choose -> case(1).value",
        "case(1) -> left",
        "case(1) -> right",
    }
    assert len(flow.get_tasks("case(1)")) == 2
    assert all(len(flow.upstream_tasks(one)) == 1 for one in flow.get_tasks("left"))


def test_a_case_works_after_the_block(flow):
    with flow:
        value = choose()
    with case(value, 1):
        left()
    assert "case(1) -> left" in arrows(flow)


def test_a_scope_inside_a_case_hangs_on_the_condition(flow):
    @resource_manager
    class Thing:
        def cleanup(self, resource): ...

    with flow, case(choose(), 1), Thing() as thing:
        use(thing)
    assert {one for one in arrows(flow) if one.startswith("case")} == {"case(1) -> Thing"}


def test_a_case_inside_a_scope_is_inside_the_scope(flow):
    @resource_manager
    class Thing:
        def cleanup(self, resource): ...

    with flow:
        value = choose()
        with Thing(), case(value, 1):
            left()
    assert {"Thing.setup -> case(1)", "left -> Thing.cleanup"} <= arrows(flow)


def test_a_block_that_raises_adds_no_edges(flow):
    with flow:
        value = choose()
        condition = case(value, 1)
        condition.__enter__()
        left()
        condition.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert arrows(flow) == {"choose -> case(1).value"}
    with flow:
        assert not flow.upstream_tasks(right())


def test_a_case_that_would_close_a_cycle_adds_no_edges(flow):
    with flow:
        value = choose()
        condition = case(value, 1)
        condition.__enter__()
        first, second = left(), right()
        second >> value
        before = dump(flow)
        with pytest.raises(GraphError, match="no cycle"):
            condition.__exit__(None, None, None)
    assert dump(flow) == before
    assert not flow.upstream_tasks(first)


def test_compare_skips_unless_the_value_is_equal(flow):
    with flow, case(choose(), [1]):
        pass
    (compare,) = flow.get_tasks("case([1])")
    assert compare.run([1]) is None
    with pytest.raises(SKIP, match=r"2 is not \[1\]"):
        compare.run(2)


# ---- switch and ifelse


def test_switch_hangs_each_branch_on_its_own_condition(flow):
    with flow:
        switch(choose(), {"a": left(), "b": right()})
    assert arrows(flow) == {
        "choose -> case('a').value",
        "choose -> case('b').value",
        "case('a') -> left",
        "case('b') -> right",
    }


def test_switch_takes_collections_as_branches(flow):
    with flow:
        switch(choose(), {"a": [left(), right()]})
    assert arrows(flow) == {
        "choose -> case('a').value",
        "case('a') -> list",
        "left -> list.items",
        "right -> list.items",
    }
    (items,) = flow.get_tasks("list")
    assert items.run([1, 2]) == [1, 2]


@pytest.mark.parametrize("inside", [True, False])
def test_ifelse_asks_for_truth(flow, inside):
    with flow:
        value, yes, no = choose(), left(), right()
        if inside:
            ifelse(value, yes, no)
    if not inside:
        ifelse(value, yes, no)
    (truth,) = flow.get_tasks("as_bool")
    assert truth.run("non-empty") is True
    assert {one for one in arrows(flow) if one.startswith(("as_bool", "case"))} == {
        "as_bool -> case(True).value",
        "as_bool -> case(False).value",
        "case(True) -> left",
        "case(False) -> right",
    }
    assert names(flow.upstream_tasks(truth)) == ["choose"]


def test_ifelse_with_one_branch_or_none(flow):
    with flow:
        ifelse(choose(), None, right())
        ifelse(choose(), None, None)
    assert {one for one in arrows(flow) if one.startswith("case")} == {"case(False) -> right"}


def test_mapped_conditions(flow):
    with flow:
        values = use.map([1, 2])
        yes, no = use.map([1, 2]), use.map([3, 4])
        ifelse(values, yes, no, mapped=True)
        merge(yes, no, mapped=True)
    assert {one for one in arrows(flow) if one.startswith(("case", "as_bool"))} == {
        "as_bool => case(True).value",
        "as_bool => case(False).value",
        "case(True) => use",
        "case(False) => use",
    }
    assert {one for one in arrows(flow) if "merge" in one} == {
        "use => merge.task_1",
        "use => merge.task_2",
    }


# ---- merge


def test_merge_takes_the_first_value_that_is_not_none(flow):
    with flow:
        handle = merge(left(), right(), left())
    assert arrows(flow) == {
        "left -> merge.task_1",
        "right -> merge.task_2",
        "left -> merge.task_3",
    }
    assert handle.run(task_1=None, task_2=0, task_3=3) == 0
    assert handle.run(task_1=None) is None
    assert handle.trigger is triggers.not_all_skipped
    assert handle.skip_on_upstream_skip is False


def test_merge_takes_the_first_of_more_than_nine_in_order(flow):
    with flow:
        handle = merge(*(left() for _ in range(11)))
    assert list(flow.nodes[handle].inputs)[-1] == "task_11"


def test_merge_takes_options_and_works_after_the_block(flow):
    with flow:
        yes = left()
    handle = merge(yes, name="together", trigger=triggers.any_successful)
    assert (handle.name, handle.flow) == ("together", flow)
    assert handle.trigger is triggers.any_successful


# ---- errors

WRONG = {
    "the value is a task": (lambda: case(left(), right()), "case.*constant, not a task"),
    "the condition is none": (lambda: case("x", 1), "case: the condition is a task, not 'x'"),
    "switch over a constant": (lambda: switch(1, {1: left()}), "switch: the condition is a task"),
    "ifelse over a constant": (lambda: ifelse(1, left(), None), "ifelse: the condition is a task"),
    "a branch is none": (
        lambda: switch(left(), {1: right(), 2: "x"}),
        "switch: the case 2 needs a task, not 'x'",
    ),
    "merge would never run": (
        lambda: merge(left(), skip_on_upstream_skip=True),
        "merge must have skip_on_upstream_skip=False",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(flow, name):
    call, message = WRONG[name]
    with flow, pytest.raises(GraphError, match=message):
        call()
    assert not flow.edges


def test_a_switch_that_raises_leaves_no_trace(flow):
    with flow:
        value, branch = choose(), left()
        before = dump(flow)
        with pytest.raises(GraphError):
            ifelse(value, branch, 5)
        assert dump(flow) == before


def test_a_case_outside_a_flow_is_refused():
    with pytest.raises(OutsideFlowError, match="'choose' was called outside a flow"):
        case(choose, 1).__enter__()


def test_a_task_of_another_flow_cannot_join_a_case_block(flow):
    other = Flow("g")
    with flow, case(choose(), 1):
        before = dump(other)
        with pytest.raises(GraphError, match=r"case block of flow 'f'.*'left' of flow 'g'"):
            left(flow=other)
        with pytest.raises(GraphError, match=r"case block of flow 'f'.*'left' of flow 'g'"):
            other.add_task(left.copy())
        assert dump(other) == before
