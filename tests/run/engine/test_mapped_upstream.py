"""When a mapped task is mapped, and what becomes of its children, by the states upstream."""

import pytest

from resnb import (
    Flow,
    LocalExecutor,
    case,
    ifelse,
    mapped,
    merge,
    signals,
    switch,
    task,
    triggers,
    unmapped,
)


@task
def give(value=None):
    return value


@task
def broken(value=None):
    raise ValueError("no")


@task
def skipped(value=None):
    raise signals.SKIP("not today")


@task(trigger=triggers.all_finished, skip_on_upstream_skip=False)
def always(x, y=None):
    return x


@task
def plain(x, y=None):
    return x


@task
def odd_only(x):
    if not x % 2:
        raise signals.SKIP("even")
    return x


def ran(flow):
    return flow.run(executor=LocalExecutor()).result


def children(state):
    return [one.name for one in state.map_states]


def test_where_nothing_that_is_mapped_over_succeeded_nothing_is_mapped():
    with Flow("f") as flow:
        one, other = plain.map(broken()), always.map(broken())
    states = ran(flow)
    for state in (states[one], states[other]):
        assert state.name == "TriggerFailed"
        assert state.message == "nothing that it is mapped over succeeded"
        assert isinstance(state.result, signals.TRIGGERFAIL)


def test_what_is_mapped_over_and_skipped_skips_all():
    with Flow("f") as flow:
        one = plain.map(skipped())
    assert ran(flow)[one].name == "Skipped"


def test_what_was_skipped_has_no_items_for_those_that_do_not_skip():
    with Flow("f") as flow:
        one = always.map(skipped())
    state = ran(flow)[one]
    assert state.name == "Failed"
    assert "is no sequence but NoneType" in state.message


def test_the_trigger_is_asked_for_each_child_also_of_what_is_not_mapped():
    with Flow("f") as flow:
        refused = plain.map([1, 2], unmapped(broken()))
        all_the_same = always.map([1, 2], unmapped(broken()))
        after = always(refused)
    states = ran(flow)
    assert children(states[refused]) == ["TriggerFailed"] * 2
    assert states[all_the_same].result == [1, 2]
    assert [type(one) for one in states[after].result] == [signals.TRIGGERFAIL] * 2


def test_an_unmapped_skip_skips_the_whole_map():
    with Flow("f") as flow:
        one = plain.map([1, 2], unmapped(skipped()))
        other = always.map([1, 2], unmapped(skipped()))
    states = ran(flow)
    assert states[one].name == "Skipped"
    assert states[other].result == [1, 2]


def test_one_of_two_that_are_mapped_over_failed():
    @task(trigger=triggers.all_finished)
    def both(x, y):
        return x, y

    with Flow("f") as flow:
        refused = plain.map(give([1, 2]), broken())
        pairs = both.map(give([1, 2]), broken())
    states = ran(flow)
    assert children(states[refused]) == ["TriggerFailed"] * 2
    assert states[pairs].result == [(1, None), (2, None)]


def test_a_skipped_child_skips_its_own_item_and_a_reduce():
    with Flow("f") as flow:
        numbers = odd_only.map([1, 2, 3])
        each, total, kept = plain.map(numbers), plain(numbers), always(numbers)
    states = ran(flow)
    assert children(states[each]) == ["Success", "Skipped", "Success"]
    assert states[total].name == "Skipped"
    assert states[kept].result == [1, None, 3]


def test_retries_inside_a_map_are_each_childs_own():
    tries = []

    @task(max_retries=2)
    def flaky(x):
        tries.append(x)
        if tries.count(x) <= x:
            raise ValueError(x)
        return x

    with Flow("f") as flow:
        values = flaky.map([0, 1, 2, 3])
    state = ran(flow)[values]
    assert children(state) == ["Success"] * 3 + ["Failed"]
    assert sorted(tries) == [0, 1, 1, 2, 2, 2, 3, 3, 3]


def test_map_over_map_over_map():
    add = task(lambda x: x + 1, name="add")
    with Flow("f") as flow:
        values = add.map(add.map(add.map(give([1, 2, 3]))))
        total = task(sum)(values)
    assert ran(flow)[total].result == 15


def test_no_items_no_children():
    with Flow("f") as flow:
        values = plain.map(give([]))
        again, total = plain.map(values), plain(values)
    states = ran(flow)
    assert states[values].name == states[again].name == "Mapped"
    assert states[total].result == states[again].map_states == []


def test_the_shortest_argument_counts():
    with Flow("f") as flow:
        pairs = task(lambda x, y: (x, y)).map(give([1, 2, 3]), ["a", "b"])
    assert ran(flow)[pairs].result == [(1, "a"), (2, "b")]


# ---- upstream without a value


def test_mapped_upstream_tasks_go_item_by_item():
    with Flow("f") as flow:
        numbers = odd_only.map([1, 2, 3])
        after = plain.map([7, 8, 9], upstream_tasks=[numbers])
        whole = plain.map([7, 8], upstream_tasks=[unmapped(numbers)])
    states = ran(flow)
    assert children(states[after]) == ["Success", "Skipped", "Success"]
    assert states[whole].name == "Skipped"


def test_a_list_upstream_says_how_many_children_there_are():
    with Flow("f") as flow:
        some = plain.map([1, 2, 3], upstream_tasks=[give([0, 0])])
        none_taken = give.map(upstream_tasks=[give([5, 6])])
    states = ran(flow)
    assert states[some].result == [1, 2]
    assert states[none_taken].result == [None, None]


# ---- mapped and unmapped as annotations of a call


def test_mapped_in_a_plain_call_maps():
    with Flow("f") as flow:
        pairs = task(lambda x, y: (x, y))(mapped(give([1, 2])), 5)
    assert ran(flow)[pairs].result == [(1, 5), (2, 5)]


def test_a_map_with_everything_unmapped_is_one_call():
    with Flow("f") as flow:
        pair = task(lambda x, y: (x, y)).map(unmapped([1]), unmapped(give(2)))
    state = ran(flow)[pair]
    assert (state.name, state.result) == ("Success", ([1], 2))


# ---- control flow


def test_a_mapped_switch_and_merge():
    with Flow("f") as flow:
        which = give(["a", "b", "c"])
        a = plain.map(which, task_args={"name": "a"})
        b = task(lambda x: x.upper(), name="b").map(which)
        switch(which, {"a": a, "b": b}, mapped=True)
        found = merge(a, b, mapped=True)
    states = ran(flow)
    assert children(states[a]) == ["Success", "Skipped", "Skipped"]
    assert states[found].result == ["a", "B", None]
    assert children(states[found]) == ["Success", "Success", "Skipped"]


def test_a_mapped_ifelse():
    with Flow("f") as flow:
        numbers = give([0, 1, 2])
        yes, no = plain.map(numbers, task_args={"name": "yes"}), plain.map(numbers)
        ifelse(numbers, yes, no, mapped=True)
    states = ran(flow)
    assert children(states[yes]) == ["Skipped", "Success", "Success"]
    assert children(states[no]) == ["Success", "Skipped", "Skipped"]


@pytest.mark.parametrize("outer", [0, 1])
@pytest.mark.parametrize("inner", [0, 1])
def test_nested_cases(outer, inner):
    with Flow("f") as flow:
        first, second = give(outer), give(inner)
        with case(first, 1):
            a = plain("a")
            with case(second, 1):
                b = plain(a)
            with case(second, 0):
                c = plain("c")
            ab = merge(b, c)
        with case(first, 0):
            d = plain("d")
        end = merge(ab, d)
    assert ran(flow)[end].result == (("c", "a")[inner] if outer else "d")


def test_a_map_inside_a_case():
    with Flow("f") as flow:
        with case(give("no"), "yes"):
            values = plain.map([1, 2])
            total = task(sum)(values)
        with case(give("yes"), "yes"):
            others = plain.map([1, 2])
    states = ran(flow)
    assert states[values].name == states[total].name == "Skipped"
    assert states[others].result == [1, 2]


def test_merge_takes_the_branch_that_ran_although_the_other_raised_skip():
    with Flow("f") as flow:
        found = merge(skipped(), give(4))
    assert ran(flow)[found].result == 4
