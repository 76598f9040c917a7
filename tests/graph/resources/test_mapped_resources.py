"""``Database.map(urls)``: a scope whose three tasks are mapped, and what works with one item."""

from contextlib import ExitStack

import pytest

from resnb import Flow, apply_map, flatten, flow, mapped, resource, resource_manager, task, unmapped
from resnb.errors import GraphError, OptionError, OutsideFlowError
from resnb.graph import editing


@resource_manager
class Database:
    def __init__(self, url, timeout=None):
        self.url = url

    def cleanup(self, resource):
        pass


@task
def load(db, *more):
    return db


def shape(flow, scope):
    return [(sorted(flow.nodes[one].mapped), flow.nodes[one].is_mapped) for one in scope.own_tasks]


MAPPED = [(["url"], True), (["manager"], True), (["manager", "resource"], True)]
PLAIN = [([], False)] * 3


@resource
def generated(url, timeout=None):
    yield url


@pytest.mark.parametrize(
    "made",
    [
        lambda: Database.map(["a"]),
        lambda: Database.map(url=["a"], timeout=unmapped(3)),
        lambda: Database(mapped(["a"]), 3),
        lambda: Database.options(ttl="2h").map(["a"]),
        lambda: resource(Database).map(["a"]),
        lambda: generated.map(["a"]),
    ],
    ids=["positional", "keywords", "by mapped()", "options", "resource()", "generator"],
)
def test_all_three_tasks_are_mapped(made):
    with Flow("f") as flow, made() as db:
        load.map(db)
    [scope] = flow.scopes
    assert scope.is_mapped
    assert shape(flow, scope) == MAPPED
    flow.validate()


def test_flatten_and_what_is_passed_whole():
    with Flow("f") as flow, Database.map(flatten([["a"], ["b"]]), unmapped([1, 2])) as db:
        load.map(db)
    [scope] = flow.scopes
    node = flow.nodes[scope.init_task]
    assert (node.mapped, node.flattened) == ({"url"}, {"url"})


def test_one_resource_is_not_mapped():
    with Flow("f") as flow, Database("a") as db:
        load(db)
    [scope] = flow.scopes
    assert not scope.is_mapped
    assert shape(flow, scope) == PLAIN


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Database.map(), GraphError, "resource 'Database': map.. needs at least one"),
        (lambda: Database.map("text"), GraphError, "'Database' cannot be mapped over url='text'"),
        (lambda: Database.map(["a"], wrong=[1]), OptionError, "'wrong'"),
        (lambda: Database.map([1]).as_executor(), GraphError, "'Database' is mapped, so no single"),
    ],
)
def test_what_is_refused(call, error, text):
    with Flow("f") as flow:
        with pytest.raises(error, match=text):
            call()
        assert len(flow.scopes) <= 1


def test_outside_a_flow():
    with pytest.raises(OutsideFlowError, match="resource 'Database' was mapped outside a flow"):
        Database.map(["a"])


def test_a_flow_function_says_what_to_write_instead():
    @flow
    def refused():
        Database.map(["a"])

    @flow
    def instead():
        with ExitStack() as stack:
            return [stack.enter_context(Database(one)) for one in ("a", "b")]

    with pytest.raises(GraphError, match="a @flow function has no mapped resources; write"):
        refused()
    assert instead() == [None, None]


def test_a_resource_is_used_inside_its_scope_only():
    with Flow("f"):
        with Database.map(["a"]) as db:
            pass
        with pytest.raises(GraphError, match="outside its scope"):
            load.map(db)


# ---- who works with one item


def test_what_is_in_step_with_the_items():
    with Flow("f") as flow:
        with Database.map(["a", "b"]) as db:
            rows = load.map(db, unmapped(1))
            more = load.map(rows, ["x", "y"])
            whole = load(db)
            both = load.map(db, unmapped(db))
            spread = load.map(flatten(rows))
            beside = load.map(["x", "y"])
            first = load.map([1], upstream_tasks=[db])
            with Database.map(rows) as inner:
                deep = load.map(inner)
            with Database(1) as single:
                alone = load.map([1], unmapped(single))
        outside = load.map(rows)
    scope = next(iter(flow.scopes))
    expected = {rows, more, first, deep, *scope.own_tasks, *flow.scope_of(inner).own_tasks}
    assert scope.in_step() == expected
    assert not {whole, both, spread, beside, alone, outside} & expected


def test_apply_map_maps_a_scope_of_its_function():
    def each(url):
        with Database(url) as db:
            return load(db)

    with Flow("f") as flow:
        rows = apply_map(each, ["a", "b"])
    [scope] = flow.scopes
    assert scope.is_mapped
    assert flow.nodes[rows].mapped == {"db"}
    assert rows in scope.in_step()


def test_apply_map_passes_a_resource_whole_and_one_of_several_to_each():
    with Flow("f") as flow, Database(1) as one, Database.map([1, 2]) as several:
        whole = apply_map(lambda x, db: load(db, x), [1, 2], one)
        each = apply_map(lambda db: load(db), several)
    assert "db" not in flow.nodes[whole].mapped
    assert flow.nodes[each].mapped == {"db"}


# ---- changes


def test_other_arguments_make_it_mapped_and_plain_again():
    with Flow("f") as flow, Database("a") as db:
        load(db)
    [scope] = flow.scopes
    editing.rebind_scope(flow, scope, {"url": ["a", "b"]}, 1, mapped=True)
    assert shape(flow, scope) == MAPPED
    editing.rebind_scope(flow, scope, {"url": "a"}, 1)
    assert shape(flow, scope) == PLAIN
    with pytest.raises(GraphError):
        editing.rebind_scope(flow, scope, {"url": 3}, 1, mapped=True)
    assert shape(flow, scope) == PLAIN
    flow.validate()


def test_a_scope_that_runs_tasks_does_not_become_mapped():
    with Flow("f") as flow, Database("a").as_executor():
        load(1)
    [scope] = flow.scopes
    with pytest.raises(GraphError, match="is mapped, so no single resource"):
        editing.rebind_scope(flow, scope, {"url": ["a"]}, 1, mapped=True)
    assert shape(flow, scope) == PLAIN


def test_copies_and_merged_flows_have_it():
    with Flow("f") as flow, Database.map(["a"]) as db:
        load.map(db)
    with Flow("g") as other:
        load(1)
    other.update(flow)
    for one in (flow.copy(), other):
        [scope] = one.scopes
        assert scope.flow is one
        assert scope.is_mapped
        assert shape(one, scope) == MAPPED
