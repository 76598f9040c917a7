"""Scopes: which edges follow from them, how they nest, and how they are joined later on."""

import pytest

from resnb import Flow, Parameter, resource_manager, task, triggers
from resnb.errors import ArgumentError, GraphError, HandleError, OptionError
from resnb.graph.base.options import SCOPE_OPTIONS
from resnb.graph.resources.scope import ScopeOptions
from tests.graph.shapes import arrows, dump, names


@resource_manager
class Outer:
    def __init__(self, size=1):
        self.size = size

    def cleanup(self, resource): ...


@resource_manager
class Inner:
    def __init__(self, size=1):
        self.size = size

    def setup(self): ...

    def cleanup(self, resource): ...


@task
def a(*values):
    return values


b, c, d = (a.copy(name=name) for name in "bcd")

OWN = {
    "{0} -> {0}.setup.manager",
    "{0} -> {0}.cleanup.manager",
    "{0}.setup -> {0}.cleanup.resource",
}


def own(*managers):
    """The edges among the tasks that each of these scopes brings along."""
    return {edge.format(name) for name in managers for edge in OWN}


@pytest.fixture
def flow():
    return Flow("f")


# ---- derived edges


def test_first_tasks_follow_setup_and_last_ones_precede_cleanup(flow):
    # setup -> a -> b -> cleanup
    #      `-> c ----------^
    with flow, Inner():
        b(a())
        c()
    assert arrows(flow) == own("Inner") | {
        "Inner.setup -> a",
        "a -> b.values[0]",
        "Inner.setup -> c",
        "b -> Inner.cleanup",
        "c -> Inner.cleanup",
    }


def test_a_task_that_takes_the_resource_has_that_edge_only(flow):
    with flow, Inner() as resource:
        a(resource)
    assert arrows(flow) == own("Inner") | {
        "Inner.setup -> a.values[0]",
        "a -> Inner.cleanup",
    }


def test_a_task_that_needs_one_from_outside_waits_for_setup_too(flow):
    with flow:
        before = a()
        with Inner():
            inside = b(before)
        c(inside)
    assert arrows(flow) == own("Inner") | {
        "a -> b.values[0]",
        "Inner.setup -> b",
        "b -> Inner.cleanup",
        "b -> c.values[0]",
    }


def test_a_chain_that_leaves_the_scope_and_comes_back(flow):
    # setup -> a -> (b) -> c -> cleanup, with b outside
    with flow:
        scope = Inner()
        with scope:
            first = a()
        between = b(first)
        with scope:
            c(between)
    assert {"Inner.setup -> c", "a -> Inner.cleanup", "c -> Inner.cleanup"} <= arrows(flow)
    assert "b -> Inner.cleanup" not in arrows(flow)


def test_an_empty_scope_has_its_own_edges_only(flow):
    with flow, Inner():
        pass
    assert arrows(flow) == own("Inner")
    assert names(flow.sorted_tasks()) == ["Inner", "Inner.setup", "Inner.cleanup"]


def test_an_explicit_edge_to_cleanup_is_not_doubled(flow):
    with flow:
        scope = Inner()
        with scope as resource:
            inside = a()
        inside >> scope.cleanup_task
        resource >> inside
    assert arrows(flow) == own("Inner") | {"Inner.setup -> a", "a -> Inner.cleanup"}
    assert len(flow.edges) == 5


def test_cleanup_may_wait_for_a_task_outside(flow):
    with flow:
        scope = Inner()
        with scope:
            a()
        b() >> scope.cleanup_task
    assert names(flow.sorted_tasks()) == ["Inner", "Inner.setup", "a", "b", "Inner.cleanup"]


def test_cleanup_comes_right_after_the_last_task_of_its_scope(flow):
    with flow:
        with Outer():
            a()
            with Inner():
                b()
            c()
        d()
    assert names(flow.sorted_tasks()) == [
        "Outer", "Outer.setup", "a", "Inner", "Inner.setup", "b", "Inner.cleanup", "c",
        "Outer.cleanup", "d",
    ]  # fmt: skip


def test_cleanup_runs_whatever_happened(flow):
    with flow, Inner() as resource:
        pass
    scope = flow.find_scope("Inner")
    assert scope.setup_task is resource
    assert scope.cleanup_task.trigger is triggers.all_finished
    assert scope.cleanup_task.skip_on_upstream_skip is False


# ---- nesting


def test_a_nested_scope_is_a_member_of_the_one_around_it(flow):
    with flow, Outer() as outer, Inner(outer) as inner:
        a(inner)
    assert arrows(flow) == own("Outer", "Inner") | {
        "Outer.setup -> Inner.size",
        "Inner.setup -> a.values[0]",
        "a -> Inner.cleanup",
        "Inner.cleanup -> Outer.cleanup",
    }
    outside, inside = flow.scopes
    assert (outside.parent, inside.parent) == (None, outside)
    assert list(inside.around()) == [inside, outside]
    assert list(outside.members) == list(inside.own_tasks)


def test_a_nested_scope_without_arguments_waits_for_the_outer_setup(flow):
    with flow, Outer(), Inner():
        a()
    assert {"Outer.setup -> Inner", "Inner.cleanup -> Outer.cleanup"} <= arrows(flow)
    assert "a -> Outer.cleanup" not in arrows(flow)


def test_the_outer_resource_may_be_used_inside_the_inner_scope(flow):
    with flow, Outer() as outer, Inner() as inner:
        a(outer, inner)
    assert {"Outer.setup -> a.values[0]", "Inner.setup -> a.values[1]"} <= arrows(flow)


def test_scopes_around_mapped_tasks(flow):
    with flow, Inner() as resource:
        a.map([1, 2], upstream_tasks=[resource])
    assert "Inner.setup => a" in arrows(flow)
    assert "a -> Inner.cleanup" in arrows(flow)


# ---- several uses


def test_a_manager_may_be_used_several_times(flow):
    with flow:
        with Inner(1) as first:
            a(first)
        with Inner(2) as second:
            b(second)
    one, two = flow.scopes
    assert (one.setup_task, two.setup_task) == (first, second)
    assert set(one.own_tasks).isdisjoint(two.own_tasks)
    assert names(one.members) == ["a"]
    assert names(two.members) == ["b"]
    assert len(flow.edges) == 2 * 5


def test_a_manager_may_be_nested_in_itself(flow):
    with flow, Inner() as outer, Inner(outer) as inner:
        a(inner)
    first, second = flow.scopes
    assert second.parent is first
    assert names(first.members) == ["Inner", "Inner.cleanup", "Inner.setup"]


def test_a_manager_may_be_used_in_several_flows():
    flows = [Flow("f"), Flow("g")]
    for flow in flows:
        with flow, Inner():
            a()
    assert [len(flow.tasks) for flow in flows] == [4, 4]


def test_a_scope_gets_a_name_of_its_own(flow):
    with flow:
        scope = Inner.use((), {}, name="client")
    assert flow.find_scope("client") is scope
    assert flow.find_scope("Inner") is None
    assert repr(scope) == "<Scope: client>"


# ---- joining


def test_joining_adds_members(flow):
    with flow:
        scope = Outer()
        with scope as resource:
            first = a(resource)
        outside = b(first)
        with scope as again:
            c(again, outside)
    assert again is resource
    assert list(scope.members) == [first, *flow.get_tasks("c")]
    assert arrows(flow) == own("Outer") | {
        "Outer.setup -> a.values[0]",
        "a -> b.values[0]",
        "Outer.setup -> c.values[0]",
        "b -> c.values[1]",
        "a -> Outer.cleanup",
        "c -> Outer.cleanup",
    }


def test_joining_makes_a_last_task_no_longer_last(flow):
    with flow:
        scope = Outer()
        with scope:
            first = a()
        assert "a -> Outer.cleanup" in arrows(flow)
        with scope:
            b(first)
    assert "a -> Outer.cleanup" not in arrows(flow)
    assert "b -> Outer.cleanup" in arrows(flow)


def test_joining_after_the_block_needs_no_flow(flow):
    with flow:
        scope = Outer()
    with scope:
        handle = a()
    assert handle.flow is flow
    assert flow.nodes[handle].scope is scope


def test_joining_an_inner_scope_alone(flow):
    with flow:
        with Outer() as outer:
            scope = Inner()
        with scope as inner:
            a(outer, inner)
    assert "a -> Inner.cleanup" in arrows(flow)
    assert "a -> Outer.cleanup" not in arrows(flow)


def test_a_scope_may_be_entered_inside_itself(flow):
    with flow:
        scope = Outer()
        with scope, scope:
            a()
        b()
    assert names(scope.members) == ["a"]


def test_a_block_that_raises_ends_the_scope(flow):
    with flow:
        scope = Outer()
        with pytest.raises(ZeroDivisionError), scope:
            raise ZeroDivisionError
        outside = a()
    assert flow.nodes[outside].scope is None


def test_a_flow_inside_a_scope_is_outside_of_it(flow):
    other = Flow("g")
    with flow, Outer(), other:
        handle = a()
    assert other.nodes[handle].scope is None


def test_a_member_that_follows_its_own_cleanup_is_refused(flow):
    # cleanup -> b -> c, with c inside
    with flow:
        scope = Outer()
        with scope:
            a()
        late = b()
        scope.cleanup_task >> late
        edges = flow.edges
        with scope, pytest.raises(GraphError, match=r"no cycle.*'Outer.cleanup'.*'c'"):
            c(late)
    assert flow.edges == edges
    assert names(scope.members) == ["a"]


def test_a_task_after_cleanup_is_fine(flow):
    with flow:
        scope = Outer()
        with scope:
            a()
        b(upstream_tasks=[scope.cleanup_task])
    assert "Outer.cleanup -> b" in arrows(flow)
    assert names(flow.sorted_tasks())[-2:] == ["Outer.cleanup", "b"]
    flow.validate()


# ---- which tasks decide the outcome


def test_cleanup_and_setup_are_no_reference_tasks(flow):
    with flow:
        with Outer():
            a()
            with Inner():
                b()
        c()
    assert names(flow.reference_tasks()) == ["a", "b", "c"]
    assert names(flow.terminal_tasks()) == ["Outer.cleanup", "c"]


def test_setup_of_an_empty_scope_is_a_reference_task(flow):
    with flow, Outer():
        pass
    assert names(flow.reference_tasks()) == ["Outer.setup"]


# ---- options


def test_options_of_the_definition_and_of_one_use(flow):
    manager = resource_manager(ttl="2h", on="success")(Outer.resource_class)
    longer = manager.options(ttl=60, cleanup_retries=2, lifetime="flow", keep="30m")
    with flow:
        first, second = manager(), longer()
    assert first.options == ScopeOptions(ttl=7200, on="success")
    assert second.options == ScopeOptions(
        ttl=60, on="success", cleanup_retries=2, lifetime="flow", keep=1800
    )
    assert longer.signature == manager.signature


def test_what_lives_in_the_kernel_cannot_be_kept():
    class Inside(Outer.resource_class):
        dies_with_kernel = True

    for refused in (
        lambda: resource_manager(keep="5m")(Inside),
        lambda: resource_manager(Inside).options(keep="5m"),
    ):
        with pytest.raises(OptionError, match="'Inside': keep contradicts dies_with_kernel = True"):
            refused()
    assert resource_manager(Inside).options(keep=None).scope_options.keep is None


def test_what_an_hour_costs_is_a_number():
    assert Outer.options(cost_per_hour=2).scope_options.cost_per_hour == 2.0
    assert Outer.options(cost_per_hour="0.52").scope_options.cost_per_hour == 0.52
    assert Outer.options(cost_per_hour=None).scope_options.cost_per_hour is None


def test_options_left_alone():
    assert Outer.scope_options == ScopeOptions(
        cleanup_timeout=60,
        cleanup_retries=0,
        ttl=None,
        idle_timeout=None,
        keep=None,
        on="always",
        lifetime="block",
    )
    assert Outer.options(cleanup_timeout=None, ttl=None).scope_options == Outer.scope_options


def test_options_of_the_three_tasks(flow):
    manager = resource_manager(
        name="thing",
        init_task_kwargs={"tags": ["i"]},
        setup_task_kwargs={"max_retries": 2, "name": "begin"},
        cleanup_task_kwargs={"timeout": "1m"},
    )(Inner.resource_class)
    changed = manager.options(setup_task_kwargs={"max_retries": 5}, name="other")
    with flow:
        init, setup, cleanup = manager().own_tasks
        _, setup_too, _ = changed().own_tasks
    assert names([init, setup, cleanup]) == ["thing", "begin", "thing.cleanup"]
    assert (init.tags, setup.max_retries, cleanup.timeout) == ({"i"}, 2, 60)
    assert (setup_too.max_retries, setup_too.name, changed.name) == (5, "begin", "other")
    assert manager.task_options["setup"]["max_retries"] == 2


WHERE = {
    "definition": lambda options: resource_manager(**options)(Outer.resource_class),
    "use": lambda options: Outer.options(**options),
}
WRONG_OPTIONS = {
    "unknown": ({"tll": 1}, r"no option 'tll'; did you mean 'ttl'\?"),
    "no duration": ({"ttl": "soon"}, "ttl='soon' is no duration: write '30s'"),
    "negative": ({"idle_timeout": -1}, "idle_timeout=-1 is no duration"),
    "on": ({"on": "sometimes"}, "on='sometimes' must be one of always, success, failure"),
    "lifetime": ({"lifetime": "day"}, "lifetime='day' must be one of block, flow, kernel"),
    "retries": ({"cleanup_retries": 1.5}, "cleanup_retries=1.5 must be a whole number"),
    "retries below 0": ({"cleanup_retries": -1}, "cleanup_retries=-1 must be a whole number"),
    "retries none": ({"cleanup_retries": None}, "cleanup_retries=None must be a whole number"),
    "a cost below 0": ({"cost_per_hour": -1}, "cost_per_hour=-1 must be a number of at least 0"),
    "a cost that is none": ({"cost_per_hour": "much"}, "cost_per_hour='much' must be a number"),
    "a task's option": (
        {"setup_task_kwargs": {"max_retry": 1}},
        r"'\w+.setup' has no option 'max_retry'; did you mean 'max_retries'\?",
    ),
    "trigger of cleanup": (
        {"cleanup_task_kwargs": {"trigger": triggers.all_failed}},
        "cleanup_task_kwargs cannot set 'trigger', because a clean-up always runs; use on=",
    ),
    "skipping cleanup": (
        {"cleanup_task_kwargs": {"skip_on_upstream_skip": True}},
        "cleanup_task_kwargs cannot set 'skip_on_upstream_skip'",
    ),
    "thread of set-up": (
        {"setup_task_kwargs": {"thread": "worker"}},
        r"setup_task_kwargs cannot set 'thread', because .* with @task\(thread='setup'\)",
    ),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
@pytest.mark.parametrize("where", WHERE)
def test_wrong_options_are_refused_where_they_are_written(name, where):
    options, message = WRONG_OPTIONS[name]
    with pytest.raises((OptionError, GraphError), match=message):
        WHERE[where](options)


def test_parameters_and_handles_are_arguments_of_a_manager(flow):
    with flow:
        size, extra = Parameter("size"), a()
        Outer(size)
        Inner(size=[extra, size])
    assert {
        "size -> Outer.size",
        "a -> Inner.size",
        "size -> Inner.size",
    } <= arrows(flow)


def test_an_option_given_as_an_argument_says_where_it_goes():
    assert set(SCOPE_OPTIONS) == set(ScopeOptions._fields)
    for option in SCOPE_OPTIONS:
        remedy = rf"it is an option: write \.options\({option}=\.\.\.\)"
        with pytest.raises(ArgumentError, match=remedy):
            Outer(**{option: None})


@pytest.mark.parametrize("call", ["__call__", "map"])
def test_a_resource_is_called_in_tasks_only(call):
    with Flow("f") as flow, Inner() as one:
        before = dump(flow)
        with pytest.raises(HandleError, match="resource 'Inner' cannot be called here: there is"):
            getattr(one, call)([1, 2])
        assert dump(flow) == before
