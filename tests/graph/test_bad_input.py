"""Bad input has one clear line that names rule, object and remedy, and it changes nothing."""

import pytest

from resnb import Flow, Parameter, resource_manager, task
from resnb.errors import GraphError, NoValueError, OptionError, OutsideFlowError, RunError
from resnb.graph import editing
from resnb.graph.base.building import BUILDING, Building
from tests.graph.shapes import dump


@resource_manager
class Thing:
    def __init__(self, size=1):
        self.size = size

    def cleanup(self, resource): ...


@resource_manager
class Other:
    def cleanup(self, resource): ...


@task
def load(n=0):
    return n


@task
def use(x, y=0):
    return x, y


class World:
    """Two flows that stand, the first with a scope, and handles of everything in them."""

    def __init__(self):
        with Flow("main") as self.flow:
            self.n = Parameter("n", default=1)
            self.first = load(self.n)
            self.scope = Thing()
            with self.scope as self.resource:
                self.inside = use(self.resource, self.first)
                with Other() as self.inner:
                    self.deep = use(self.inner)
            self.last = use(self.inside)
        with Flow("elsewhere") as self.elsewhere:
            self.foreign = load()
            self.foreign_scope = Other()
        (_, self.inner_scope) = self.flow.scopes

    def dumps(self):
        return dump(self.flow), dump(self.elsewhere)


def within(block, statement):
    with block:
        return statement()


# name -> (statement, error, what its line holds)
IN_THE_FLOW = {
    "a cycle": (
        lambda w: w.last >> w.first,
        GraphError,
        ["flow 'main' must have no cycle", "'load'", "'use'"],
    ),
    "a cycle through a value": (
        lambda w: w.first.set_upstream(w.last, key="n", flow=w.flow),
        GraphError,
        ["task 'load' has a value for argument 'n' already"],
    ),
    "a task after itself": (
        lambda w: w.first >> w.first,
        GraphError,
        ["no cycle", "'load' -> 'load'"],
    ),
    "a cycle through cleanup": (
        lambda w: w.scope.cleanup_task >> w.first,
        GraphError,
        ["no cycle", "'Thing.cleanup'"],
    ),
    "a cycle through edges of a scope": (
        lambda w: w.deep >> w.scope.init_task,
        GraphError,
        ["no cycle", "'Thing.setup'", "'Other'"],
    ),
    "a later part of a chain": (
        lambda w: w.flow.chain(w.n, w.last, w.first),
        GraphError,
        ["no cycle"],
    ),
    "a later part of a list": (
        lambda w: w.first << [w.n, w.last],
        GraphError,
        ["no cycle"],
    ),
    "a task of another flow": (
        lambda w: use(w.first, w.foreign),
        GraphError,
        ["task 'load' belongs to flow 'elsewhere'", "'main'", "call the task again inside 'main'"],
    ),
    "a task of another flow in a list": (
        lambda w: use([1, {"k": w.foreign}]),
        GraphError,
        ["belongs to flow 'elsewhere'", "call the task again"],
    ),
    "a task of another flow to wait for": (
        lambda w: [w.n, w.foreign] >> w.last,
        GraphError,
        ["belongs to flow 'elsewhere'"],
    ),
    "arithmetic on a task of another flow": (
        lambda w: w.foreign + 1,
        GraphError,
        ["belongs to flow 'elsewhere'"],
    ),
    "a scope of another flow": (
        lambda w: within(w.foreign_scope, load),
        GraphError,
        ["scope 'Other' belongs to flow 'elsewhere'", "flow 'main'", "use 'Other' again there"],
    ),
    "a scope entered where it does not belong": (
        lambda w: within(w.inner_scope, lambda: within(w.scope, load)),
        GraphError,
        ["scope 'Thing' was made outside scope 'Other'", "in the `with` line itself"],
    ),
    "a scope's task sent to another flow": (
        lambda w: within(w.scope, lambda: load(flow=w.elsewhere)),
        GraphError,
        ["scope 'Thing' belongs to flow 'main'", "flow 'elsewhere'"],
    ),
    "a scope sent to another flow": (
        lambda w: within(w.scope, lambda: Other(flow=w.elsewhere)),
        GraphError,
        ["scope 'Thing' belongs to flow 'main'", "flow 'elsewhere'"],
    ),
    "a resource outside its scope": (
        lambda w: use(w.resource),
        GraphError,
        ["task 'use' uses resource 'Thing' outside its scope", "`with` block", "--with Thing"],
    ),
    "a resource in a list outside its scope": (
        lambda w: use([w.resource]),
        GraphError,
        ["uses resource 'Thing' outside its scope", "--with Thing"],
    ),
    "an item of a resource outside its scope": (
        lambda w: w.resource["x"],
        GraphError,
        ["uses resource 'Thing' outside its scope"],
    ),
    "an inner resource in the outer scope": (
        lambda w: within(w.scope, lambda: use(w.inner)),
        GraphError,
        ["uses resource 'Other' outside its scope", "--with Other"],
    ),
    "a resource that another scope takes": (
        lambda w: Thing(w.resource),
        GraphError,
        ["task 'Thing' uses resource 'Thing' outside its scope"],
    ),
    "a missing argument": (lambda _: use(), OptionError, ["'use' is missing argument 'x'"]),
    "a surplus argument": (
        lambda _: use(1, 2, 3),
        OptionError,
        ["'use' takes 2 arguments (x, y), but 3 were given"],
    ),
    "an unknown argument": (
        lambda _: use(1, z=2),
        OptionError,
        ["'use' has no parameter 'z'", "x, y"],
    ),
    "an unknown argument of a resource": (
        lambda _: Thing(sise=2),
        OptionError,
        ["resource 'Thing' has no parameter 'sise'", "size"],
    ),
    "a surplus argument of a resource": (
        lambda _: Other(1),
        OptionError,
        ["resource 'Other' takes 0 arguments (none), but 1 were given"],
    ),
    "an unknown option": (
        lambda _: load(task_args={"timeuot": 1}),
        OptionError,
        ["'load' has no option 'timeuot'", "did you mean 'timeout'"],
    ),
    "an unknown option of a resource": (
        lambda _: Thing.options(lifetme="flow")(),
        OptionError,
        ["'Thing' has no option 'lifetme'", "did you mean 'lifetime'"],
    ),
    "a mapped argument that is no sequence": (
        lambda w: use.map(5, w.first),
        GraphError,
        ["'use' cannot be mapped over x=5, which is no sequence", "unmapped(...)"],
    ),
    "nothing to map over": (lambda _: use.map(), GraphError, ["'use'", "at least one argument"]),
    "a second parameter of that name": (
        lambda _: Parameter("n"),
        GraphError,
        ["flow 'main' already has a parameter 'n'", "use that handle"],
    ),
    "a parameter that is no identifier": (
        lambda _: Parameter("my n"),
        GraphError,
        ["Parameter('my n')", "identifier"],
    ),
    "arguments for a task that has some": (
        lambda w: w.last.bind(1),
        GraphError,
        ["'use' has its arguments already", "call it again"],
    ),
    "an edge to no parameter": (
        lambda w: w.flow.add_edge(w.n, w.last, key="z"),
        GraphError,
        ["task 'use' has no parameter 'z'"],
    ),
    "a second value for an argument": (
        lambda w: w.flow.add_edge(w.n, w.last, key="x"),
        GraphError,
        ["task 'use' has a value for argument 'x' already"],
    ),
    "a function where a task should be": (
        lambda w: w.flow.add_task(print),
        GraphError,
        ["flow 'main'", "print", "is no task", "decorate the function with @task"],
    ),
    "a list where a task should be": (
        lambda w: w.flow.add_edge(w.first, [w.last]),
        GraphError,
        ["is no task"],
    ),
    "a constant to wait for": (
        lambda w: w.last.set_upstream(print),
        GraphError,
        ["task 'use' cannot wait for", "no task", "@task"],
    ),
    "a constant that should wait": (lambda w: w.first >> 5, GraphError, ["5 is no task"]),
    "a task instead of a list of tasks": (
        lambda w: load(upstream_tasks=w.first),
        OptionError,
        ["'load': upstream_tasks takes a list", "brackets around 'load'"],
    ),
    "a run inside the building block": (
        lambda w: w.flow.run(),
        RunError,
        ["flow 'main' cannot run inside its own building block", "after the `with` block"],
    ),
    "a start inside a scope's block": (
        lambda w: within(w.scope, w.flow.start),
        RunError,
        ["flow 'main' cannot run inside its own building block"],
    ),
    "edges of a task that is not there": (
        lambda w: w.flow.edges_to(w.foreign),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
    "sorting from a stranger on": (
        lambda w: w.flow.sorted_tasks([w.foreign]),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
    "reference tasks that are not there": (
        lambda w: w.flow.set_reference_tasks([w.last, w.foreign]),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
    "a flow with a parameter of the same name": (
        lambda w: w.flow.update(Flow("third", tasks=[w.third])),
        GraphError,
        ["flows 'main' and 'third' both have a parameter 'n'", "merge_parameters=True"],
    ),
    "removing what others need": (
        lambda w: editing.remove(w.flow, [w.first]),
        GraphError,
        ["task 'use' stays and needs a task that is to be removed"],
    ),
    "removing a stranger": (
        lambda w: editing.remove(w.flow, [w.foreign]),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
    "substituting a stranger": (
        lambda w: editing.substitute(w.flow, {w.first: w.foreign}),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
    "a substitution that closes a cycle": (
        lambda w: editing.substitute(w.flow, {w.n: w.last}),
        GraphError,
        ["flow 'main' must have no cycle, but with this change it has", "'load'"],
    ),
    "a substitution that takes a resource out of its scope": (
        lambda w: editing.substitute(w.flow, {w.inside: w.resource}),
        GraphError,
        ["uses resource 'Thing' outside its scope"],
    ),
    "substituting a part of a scope": (
        lambda w: editing.substitute(w.flow, {w.scope.init_task: w.n}),
        GraphError,
        ["task 'Thing' is part of scope 'Thing'", "together, by those of another scope"],
    ),
    "moving a stranger": (
        lambda w: editing.reorder(w.flow, [w.foreign], None),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
    "moving in front of a stranger": (
        lambda w: editing.reorder(w.flow, [w.first], w.foreign),
        GraphError,
        ["flow 'main' has no task 'load'"],
    ),
}
OUTSIDE = {
    "a task called outside a flow": (
        lambda _: load(),
        OutsideFlowError,
        ["task 'load' was called outside a flow", "with Flow(...)", "%%flow", "load.run(...)"],
    ),
    "a task mapped outside a flow": (
        lambda _: use.map([1]),
        OutsideFlowError,
        ["task 'use' was called outside a flow"],
    ),
    "an operator on a definition": (
        lambda _: load + 1,
        OutsideFlowError,
        ["task 'load' was called outside a flow"],
    ),
    "an edge between definitions": (
        lambda _: load >> use,
        OutsideFlowError,
        ["was called outside a flow"],
    ),
    "a resource mapped outside a flow": (
        lambda _: Thing.map([1]),
        OutsideFlowError,
        ["resource 'Thing' was mapped outside a flow", "--with", "flow=..."],
    ),
    "an edge between flows": (
        lambda w: w.first >> w.foreign,
        GraphError,
        ["belongs to flow 'elsewhere'", "'main'"],
    ),
    "a flow without a name": (lambda _: Flow(" "), OptionError, ["Flow(' ')", "not empty"]),
    "a flow with a number as name": (lambda _: Flow(5), OptionError, ["Flow(5)", "a text"]),
    "a hook that is no function": (
        lambda _: Flow("g", on_failure=5),
        OptionError,
        ["flow 'g': on_failure takes functions, not 5"],
    ),
    "a value before any run": (
        lambda w: w.first.value,
        NoValueError,
        ["task 'load' has no value yet", "%flow run main", "flow.run()"],
    ),
    "a value of a definition": (
        lambda _: load.value,
        NoValueError,
        ["task 'load' is in no flow", "call it in a flow"],
    ),
    "a parameter given twice": (
        lambda w: w.flow.run({"n": 1}, n=2),
        OptionError,
        ["parameter 'n' was given twice"],
    ),
}


@pytest.fixture
def world():
    world = World()
    world.third = Parameter("n")
    return world


def check(world, statement, error, parts):
    before = world.dumps()
    surroundings = BUILDING.get()
    with pytest.raises(error) as caught:
        statement(world)
    line = str(caught.value)
    assert [part for part in parts if part not in line] == []
    assert "\n" not in line
    assert world.dumps() == before
    assert BUILDING.get() == surroundings
    for flow in (world.flow, world.elsewhere):
        flow.validate()


@pytest.mark.parametrize("name", IN_THE_FLOW)
def test_inside_the_block(world, name):
    with world.flow:
        check(world, *IN_THE_FLOW[name])
    assert BUILDING.get() == Building()


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_any_block(world, name):
    check(world, *OUTSIDE[name])


def test_the_flow_can_be_built_on_after_an_error(world):
    with world.flow:
        with pytest.raises(GraphError):
            use(world.foreign)
        handle = use(world.first)
    assert world.flow.upstream_tasks(handle) == {world.first}
    world.flow.validate()


def test_leaving_a_flow_also_leaves_what_was_entered_inside_and_never_left(world):
    with world.elsewhere:
        with world.flow:
            world.scope.__enter__()
        assert BUILDING.get().flow is world.elsewhere
    assert BUILDING.get() == Building()


def test_a_task_whose_arguments_were_refused_can_be_used_again(world):
    fresh = use.copy(tags=["own"])
    with world.flow:
        with pytest.raises(GraphError):
            fresh.bind(world.foreign)
        assert (fresh.flow, fresh.tags) == (None, {"own"})
        fresh.bind(1)
    assert fresh.flow is world.flow


def test_tags_of_a_refused_task_are_taken_back(world):
    from resnb import tags

    fresh = use.copy()
    with world.flow, tags("t"), pytest.raises(GraphError):
        fresh.bind(world.foreign)
    assert fresh.tags == frozenset()
