"""`task_states`: states that are given to a run, and starting again from where a run failed."""

import pytest

from resnb import Flow, LocalExecutor, Parameter, states, task, triggers, unmapped
from resnb.run.memory import memory_of
from resnb.run.runner import RUNNER


class Story:
    """Tasks that note that they ran, and fail while they are told to."""

    def __init__(self):
        self.ran = []
        self.bad = set()

    def task(self, name, function=lambda *args: args, quiet=True, **options):
        def run(*args):
            self.ran.append(name if quiet else (name, *args))
            if name in self.bad or any(one in self.bad for one in args if isinstance(one, int)):
                raise ValueError(name)
            return function(*args)

        return task(run, name=name, **options)

    def run(self, flow, **options):
        self.ran.clear()
        return flow.run(executor=LocalExecutor(), **options)


@pytest.fixture
def story():
    return Story()


def value(x=1):
    return x


# ---- a mapping of states, as in Prefect


def test_given_states_are_kept_and_their_values_passed_on(story):
    with Flow("f") as flow:
        a = story.task("a")()
        b = story.task("b", lambda x: x + 1)(a)
    state = story.run(flow, task_states={a: states.Success(result=41)})
    assert (story.ran, state.result[b].result) == (["b"], 42)
    assert state.result[a].result == 41


@pytest.mark.parametrize(
    ("given", "after"),
    [
        (states.Failed(result=ValueError()), "TriggerFailed"),
        (states.Skipped(), "Skipped"),
        (states.Success(), "Success"),
        (states.Cached(result=1), "Success"),
    ],
)
def test_a_given_final_state_counts_as_it_is(story, given, after):
    with Flow("f") as flow:
        a = story.task("a")()
        b = story.task("b")(a)
    assert story.run(flow, task_states={a: given}).result[b].name == after
    assert "a" not in story.ran


def test_a_given_pending_state_means_nothing(story):
    with Flow("f") as flow:
        a = story.task("a")()
    story.run(flow, task_states={a: states.Pending()})
    assert story.ran == ["a"]


def test_what_is_mapped_over_a_given_mapped_task_sees_its_children(story):
    with Flow("f") as flow:
        a = story.task("a", value).map([1, 2, 3])
        b = story.task("b", value).map(a)
    children = [states.Success(result=5), states.Failed(result=ValueError()), states.Skipped()]
    state = story.run(flow, task_states={a: states.Mapped(map_states=children)})
    assert [one.name for one in state.result[b].map_states] == [
        "Success", "TriggerFailed", "Skipped",
    ]  # fmt: skip
    assert story.ran == ["b"]


def test_of_a_given_mapped_task_only_unfinished_children_run(story):
    with Flow("f") as flow:
        a = story.task("a", value, quiet=False).map([1, 2, 3])
    kept = [states.Success(result=10), states.Pending(), states.Failed(result=KeyError())]
    state = story.run(flow, task_states={a: states.Mapped(map_states=kept)}).result[a]
    assert story.ran == [("a", 2)]
    assert state.result[:2] == [10, 2]
    assert isinstance(state.result[2], KeyError)
    assert [one.name for one in state.map_states] == ["Success", "Success", "Failed"]


def test_given_children_do_not_count_if_the_items_are_others(story):
    with Flow("f") as flow:
        items = Parameter("items")
        a = story.task("a", value, quiet=False).map(items)
    kept = [states.Success(result=10), states.Pending()]
    story.run(flow, items=[7, 8, 9], task_states={a: states.Mapped(map_states=kept)})
    assert story.ran == [("a", 7), ("a", 8), ("a", 9)]


# ---- the state of an earlier run: again from where it failed


def test_what_did_not_succeed_and_what_needs_it_run_again(story):
    with Flow("f") as flow:
        a, other = story.task("a")(), story.task("other")()
        b = story.task("b")(a)
        story.task("c")(b, other)
    story.bad = {"b"}
    first = story.run(flow)
    story.bad = set()
    second = story.run(flow, task_states=first)
    assert story.ran == ["b", "c"]
    assert second.is_successful()
    third = story.run(flow, task_states=second)
    assert story.ran == []
    assert third.is_successful()


def test_what_succeeded_although_something_failed_runs_again_with_the_new_value(story):
    with Flow("f") as flow:
        a = story.task("a", lambda: 1)()
        b = story.task("b", value, trigger=triggers.all_finished)(a)
    story.bad = {"a"}
    first = story.run(flow)
    assert isinstance(first.result[b].result, ValueError)
    story.bad = set()
    assert story.run(flow, task_states=first).result[b].result == 1


def test_of_a_mapped_task_only_the_children_that_failed_run_again(story):
    with Flow("f") as flow:
        a = story.task("a", value, quiet=False).map([1, 2, 3])
        story.task("sum", sum)(a)
    story.bad = {2}
    first = story.run(flow)
    story.bad = set()
    second = story.run(flow, task_states=first)
    assert story.ran == [("a", 2), "sum"]
    assert second.result[a].result == [1, 2, 3]


def test_a_branch_that_was_not_taken_stays_so(story):
    from resnb import case

    with Flow("f") as flow:
        with case(story.task("which", lambda: 1)(), 2):
            story.task("branch")()
        story.task("b")()
    story.bad = {"b"}
    first = story.run(flow)
    story.bad = set()
    story.run(flow, task_states=first)
    assert story.ran == ["b"]


def test_a_parameter_with_a_new_value_counts_as_new(story):
    with Flow("f") as flow:
        n = Parameter("n", default=1)
        a = story.task("a", value)(n)
        story.task("b")()
    first = story.run(flow)
    state = story.run(flow, task_states=first, n=5)
    assert (story.ran, state.result[a].result) == (["a"], 5)


# ---- resources


def scopes_of(flow, story, things, *, nested=False):
    thing_of = things.manager()
    with flow:
        with thing_of("one") as one:
            a = story.task("a", lambda *_: [1, 2])(one)
        with thing_of("two") as two:
            b = story.task("b", lambda x, _: x).map(a, unmapped(two))
            if nested:
                with thing_of("inner") as inner:
                    story.task("c")(inner)
    return a, b


def test_only_the_resources_that_are_needed_are_set_up_again(story, things):
    flow = Flow("f")
    scopes_of(flow, story, things)
    story.bad = {2}
    first = story.run(flow)
    assert first.is_failed()
    things.story.clear()
    story.bad = set()
    second = story.run(flow, task_states=first)
    assert second.is_successful()
    assert things.story == ["init two", "setup two", "cleanup two"]
    assert story.ran == ["b"]


def test_a_scope_is_needed_for_one_inside_it(story, things):
    flow = Flow("f")
    scopes_of(flow, story, things, nested=True)
    story.bad = {"c"}
    first = story.run(flow)
    things.story.clear()
    story.bad = set()
    story.run(flow, task_states=first)
    assert things.story == [
        "init two", "setup two", "init inner", "setup inner", "cleanup inner", "cleanup two",
    ]  # fmt: skip
    assert story.ran == ["c"]


def test_a_resource_of_an_earlier_run_is_never_passed_on(story, things):
    thing_of = things.manager()
    with Flow("f") as flow, thing_of("x") as thing:
        a = story.task("a", value)(thing)
    first = story.run(flow)
    kept = {one: state for one, state in first.result.items() if one is not a}
    things.story.clear()
    assert story.run(flow, task_states=kept).result[a].result == "x"
    assert things.story == ["setup x", "cleanup x"]  # by the manager object that was given


def test_members_that_are_given_need_no_resource(story, things):
    thing_of = things.manager()
    with Flow("f") as flow:
        with thing_of("x") as thing:
            a = story.task("a", value)(thing)
        b = story.task("b", value)(a)
    state = story.run(flow, task_states={a: states.Success(result=3)})
    assert state.result[b].result == 3
    assert things.story == []
    assert state.result[thing].message == "nothing in its scope is left to run"


def test_a_set_up_that_failed_is_tried_again(story, things):
    from resnb import resource_manager

    fails = [True]

    @resource_manager
    class Thing:
        def setup(self):
            if fails:
                raise ValueError(fails.pop())
            return 1

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Thing() as thing:
        a = story.task("a", value)(thing)
    first = story.run(flow)
    assert first.is_failed()
    assert story.run(flow, task_states=first).result[a].result == 1
    assert things.story == ["cleanup 1"]


@pytest.mark.parametrize("given", ["all", "state"])
def test_a_scope_that_is_open_again_is_closed_by_the_next_run_that_computes_nothing(
    story, things, given
):
    thing_of = things.manager()
    with Flow("f") as flow, thing_of("x") as thing:
        a = story.task("a", value)(thing)
    (scope,) = flow.scopes
    memory = memory_of(flow)
    story.run(flow)
    assert memory.state_of(scope.cleanup_task).is_successful()
    RUNNER.run_part(flow, [scope.init_task, scope.setup_task, a], parameters={})
    assert memory.lease_state(scope) == "open"
    assert memory.state_of(scope.cleanup_task).is_pending()
    before = {task: memory.state_of(task) for task in flow.nodes}
    before[scope.cleanup_task] = states.Success()  # as a state that somebody has kept
    things.story.clear()
    story.run(flow, task_states=states.Success("", before) if given == "state" else before)
    assert things.story == ["cleanup x"]
    assert memory.lease_state(scope) == "closed"


def test_views_show_what_became_of_a_resource_that_the_latest_run_did_not_need(story, things):
    thing_of = things.manager()
    with Flow("f") as flow:
        with thing_of("x") as thing:
            story.task("a", value)(thing)
        b = story.task("b", value)(1)
    (scope,) = flow.scopes
    memory = memory_of(flow)
    first = story.run(flow)
    again = {task: first.result[task] for task in flow.nodes if task is not b}
    things.story.clear()
    story.run(flow, task_states=again)
    assert (things.story, memory.lease_state(scope)) == ([], "closed")
    story.run(flow, task_states={task: states.Skipped() for task in flow.nodes})
    assert memory.lease_state(scope) == "not yet"
