"""Tasks that share a name are told apart, in errors as in views."""

import pickle

import pytest

from resnb import Flow, resource_manager, task
from resnb import flow as flow_function
from resnb.errors import FlowFailed, NoValueError
from resnb.graph.base.labels import numbered
from resnb.view.sketch import sketch


@task
def total(x):
    return 1 / x


@resource_manager
class Box:
    def __init__(self, fails=False):
        self.fails = fails

    def setup(self):
        return 1 / (not self.fails)

    def cleanup(self, resource):
        pass


@pytest.fixture
def flow():
    with Flow("f") as flow:
        ones = [total(1), total(0), total(0)]
        total(ones[1])
        total.map([1, 0])
    return flow


def test_numbers_begin_at_two_and_leave_out_what_is_taken():
    assert numbered(["a", "b", "a", "a-2", "a"]) == ("a", "b", "a-3", "a-2", "a-4")


def test_a_flow_calls_its_tasks_as_views_do(flow):
    assert [flow.label_of(one) for one in flow.sorted_tasks()] == [
        node.label for node in sketch(flow).outline.nodes
    ]


def test_labels_follow_what_becomes_of_the_flow(flow):
    third = flow.get_tasks(name="total")[2]
    assert flow.label_of(third) == "total-3"
    with flow:
        total(2)
    assert flow.label_of(flow.get_tasks(name="total")[-1]) == "total-6"


def test_the_own_tasks_of_two_scopes_of_one_manager_are_called_by_their_scopes():
    with Flow("f") as flow:
        for _ in range(2):
            with Box() as box:
                total(box)
    labels = {flow.label_of(one) for one in flow.tasks}
    assert {"Box.setup", "Box-2.setup", "Box.cleanup", "Box-2.cleanup"} < labels


def test_a_failure_names_each_task_by_its_label(flow, capsys):
    state = flow.run()
    assert "task 'total-2': ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(FlowFailed) as caught:
        state.raise_for_failure()
    assert [part.split(":")[0] for part in str(caught.value).split("failed: ")[1].split("; ")] == [
        "task 'total-2'",
        "task 'total-3'",
        "task 'total-5' (item 1)",
    ]


def test_handles_and_values_say_which_task_they_are(flow):
    second, fourth = flow.get_tasks(name="total")[1], flow.get_tasks(name="total")[3]
    assert "task 'total-2' of flow 'f'" in repr(second)
    with pytest.raises(NoValueError, match=r"^task 'total-2' has no value yet: flow 'f'"):
        _ = second.value
    flow.run()
    with pytest.raises(NoValueError, match=r"^task 'total-2' has no value: it failed"):
        _ = second.value
    with pytest.raises(NoValueError, match=r"^task 'total-4' has no value: it failed"):
        _ = fourth.value


def test_two_scopes_of_one_manager_are_told_apart_when_one_fails():
    with Flow("f") as flow:
        with Box():
            total(1)
        with Box(fails=True) as right:
            total(right)
    assert "task 'Box-2.setup': ZeroDivisionError" in flow.run().message


def test_a_value_that_was_let_go_says_whose_it_was():
    with Flow("f", keep_values="terminal") as flow:
        one = total(1)
        total(total(one))
    flow.run()
    with pytest.raises(NoValueError, match=r"^the value of task 'total' was let go"):
        _ = one.value
    second = flow.get_tasks(name="total")[1]
    copied = pickle.loads(pickle.dumps(second.state.kept.__reduce__()[1]))
    assert copied == ("total-2", "f")


def test_a_function_tells_its_calls_apart(capsys):
    @flow_function
    def calls():
        total.submit(1)
        total.submit(0)

    calls()
    assert "task 'total-2' failed, and nobody asked for its result" in capsys.readouterr().err
