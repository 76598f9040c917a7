"""Mapped resources: one for each item, each with its own lease, thread, limits and clean-up."""

import threading
from contextlib import suppress

import pytest

from resnb import (
    Flow,
    LocalExecutor,
    Parameter,
    ThreadExecutor,
    flatten,
    resource,
    resource_manager,
    signals,
    states,
    task,
    triggers,
    unmapped,
)
from resnb.errors import GraphError, NoValueError, TaskCancelled
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.reaper_client import ReaperMessage
from resnb.run.memory import memory_of
from tests.run.parts import PATIENCE, Stubborn, ended, names, run_in_circles, started, use


@pytest.fixture(params=[LocalExecutor, ThreadExecutor], ids=["local", "threads"])
def executor(request):
    return request.param()


@task
def load(db, *more):
    return f"rows of {db}"


def faulty(things, **options):
    """A manager that fails where its name says so."""
    note = things.note

    @resource_manager(**options)
    class Thing:
        def __init__(self, name, *more):
            if name == "no init":
                raise ValueError(name)
            self.name = name

        def setup(self):
            note("setup", self.name)
            if self.name == "no setup":
                raise OSError(self.name)
            if self.name == "skips":
                raise signals.SKIP(self.name)
            return self.name

        def cleanup(self, resource):
            note("cleanup", resource)
            if self.name == "no cleanup":
                raise OSError(self.name)

    return Thing


def children(state, task):
    return [one.name for one in state.result[task].map_states]


def own(flow, state, number=0):
    """The states of the children of a scope's init, set-up and clean-up."""
    return [children(state, one) for one in list(flow.scopes)[number].own_tasks]


# ---- each item has its own


def test_each_child_has_the_resource_of_its_item(things, executor):
    seen = []

    @task
    def leases(dbs, rows):
        seen.extend(lease.name for lease in KEEPER.alive())
        return dbs, rows

    with Flow("f") as flow, things.manager().map(["a", "b", "c"]) as db:
        rows = load.map(db)
        whole = leases(db, rows)
    state = flow.run(executor=executor)
    assert state.is_successful()
    expected = ["rows of a", "rows of b", "rows of c"]
    assert state.result[rows].result == expected
    assert state.result[whole].result == (["a", "b", "c"], expected)
    assert sorted(seen) == ["f/Thing[0]", "f/Thing[1]", "f/Thing[2]"]
    assert own(flow, state) == [["Success"] * 3] * 3
    assert sorted(things.story[-3:]) == ["cleanup a", "cleanup b", "cleanup c"]
    assert sorted(things.story[:6]) == sorted(
        f"{step} {name}" for step in ("init", "setup") for name in "abc"
    )


def test_arguments_are_those_of_map(executor):
    given = []

    @resource
    def database(url, timeout, name="x"):
        given.append((url, timeout, name))
        yield url
        given.remove((url, timeout, name))

    with Flow("f") as flow:
        urls = Parameter("urls", default=[["a"], ["b", "c"]])
        each = task(lambda urls: [f"db {one}" for part in urls for one in part])(urls)
        with database.map(flatten(urls), unmapped([1, 2]), name=each) as db:
            seen = task(lambda _: sorted(given))(db)
    assert flow.run(executor=executor).result[seen].result == [
        ("a", [1, 2], "db a"), ("b", [1, 2], "db b"), ("c", [1, 2], "db c"),
    ]  # fmt: skip
    assert given == []
    state = flow.run(executor=executor, urls=[["z"]])
    assert state.result[seen].result == [("z", [1, 2], "db z")]


@pytest.mark.parametrize("trigger", [triggers.all_successful, triggers.all_finished])
def test_nothing_to_map_over(things, executor, trigger):
    with Flow("f") as flow, things.manager().map(task(list)()) as db:
        rows = load.map(db)
        whole = use(db, rows, task_args={"trigger": trigger})
    state = flow.run(executor=executor)
    assert state.is_successful()
    assert state.result[whole].result == ([], [])
    assert things.story == []


def test_each_item_has_a_thread_of_its_own(executor):
    threads = {}

    @resource_manager
    class Thing:
        def __init__(self, name):
            self.name = name
            threads[name] = {threading.get_ident()}

        def setup(self):
            threads[self.name].add(threading.get_ident())
            return self.name

        def cleanup(self, name):
            threads[name].add(threading.get_ident())

    @task(thread="setup")
    def bound(name):
        threads[name].add(threading.get_ident())

    with Flow("f") as flow, Thing.map(["a", "b"]) as db:
        bound.map(db)
    assert flow.run(executor=executor).is_successful()
    assert [len(one) for one in threads.values()] == [1, 1]
    assert threads["a"] != threads["b"]
    assert threading.get_ident() not in threads["a"] | threads["b"]


def test_a_resource_that_all_flows_share_is_shared_item_by_item(things):
    shared = things.manager(lifetime="kernel")
    for name, items in (("f", ["a", "b"]), ("g", ["b", "c"])):
        with Flow(name) as flow, shared.map(items) as db:
            rows = load.map(db)
        assert flow.run().result[rows].result == [f"rows of {one}" for one in items]
    assert sorted(things.story[-2:]) == ["init c", "setup c"]
    assert len(things.story) == 6
    assert sorted(one.name for one in KEEPER.alive()) == [
        "kernel/Thing[0]", "kernel/Thing[1]", "kernel/Thing[1]-2",
    ]  # fmt: skip
    assert KEEPER.close(KEEPER.alive(), budget=PATIENCE) == []


# ---- what fails


def test_a_set_up_that_fails_fails_what_is_mapped_over_it(things, executor):
    @task(trigger=triggers.any_successful)
    def some(rows):
        return [one for one in rows if isinstance(one, str)]

    with Flow("f") as flow, faulty(things).map(["a", "no setup", "c"]) as db:
        rows = load.map(db)
        whole = load(db)
        found = some(rows)
    flow.set_reference_tasks([found])
    state = flow.run(executor=executor)
    assert state.is_successful()
    assert own(flow, state) == [
        ["Success"] * 3, ["Success", "Failed", "Success"], ["Success", "Skipped", "Success"],
    ]  # fmt: skip
    assert children(state, rows) == ["Success", "TriggerFailed", "Success"]
    assert state.result[whole].name == "TriggerFailed"
    assert state.result[found].result == ["rows of a", "rows of c"]
    assert sorted(things.story[-2:]) == ["cleanup a", "cleanup c"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no init", ["Failed", "TriggerFailed", "Skipped", "TriggerFailed"]),
        ("no setup", ["Success", "Failed", "Skipped", "TriggerFailed"]),
        ("skips", ["Success", "Skipped", "Skipped", "Skipped"]),
        ("no cleanup", ["Success", "Success", "Failed", "Success"]),
    ],
)
def test_what_becomes_of_an_item(things, executor, name, expected):
    with Flow("f") as flow, faulty(things).map(["a", name]) as db:
        rows = load.map(db)
    state = flow.run(executor=executor)
    assert [one[1] for one in (*own(flow, state), children(state, rows))] == expected
    assert [one[0] for one in (*own(flow, state), children(state, rows))] == ["Success"] * 4
    assert "cleanup a" in things.story
    assert state.is_failed() == ("TriggerFailed" in expected)
    left = [lease.name for lease in KEEPER.alive()]
    assert left == (["f/Thing[1]"] if name == "no cleanup" else [])
    for lease in KEEPER.alive():
        lease.manager.name = "mended"
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)


def test_all_clean_ups_are_tried_and_each_that_fails_is_named(things, executor):
    manager = faulty(things, cleanup_retries=1)
    with Flow("f") as flow, manager.map(["no cleanup", "a", "no cleanup", "b"]) as db:
        load.map(db)
    state = flow.run(executor=executor)
    assert state.is_successful()
    assert "(item 0): OSError: no cleanup; " in state.message
    assert "(item 2): OSError: no cleanup" in state.message
    assert sorted(things.story[4:]) == ["cleanup a", "cleanup b", *["cleanup no cleanup"] * 4]
    for lease in KEEPER.alive():
        lease.manager.name = "mended"
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)


@pytest.mark.parametrize("bad", ["raises", "skips"])
def test_what_it_is_mapped_over_does_not_come(things, executor, bad):
    @task
    def urls():
        raise ValueError if bad == "raises" else signals.SKIP

    with Flow("f") as flow, things.manager().map(urls()) as db:
        rows = load.map(db)
    state = flow.run(executor=executor)
    expected = "TriggerFailed" if bad == "raises" else "Skipped"
    assert names(state)["Thing"] == names(state)["Thing.setup"] == expected
    assert state.result[rows].name == expected
    assert names(state)["Thing.cleanup"] == "Skipped"
    assert things.story == []


def test_what_it_is_mapped_over_has_no_items(things):
    with Flow("f") as flow, things.manager().map(task(lambda: 3)()) as db:
        load.map(db)
    state = flow.run()
    assert "Thing' cannot be mapped over name, which is no sequence but int" in state.message
    assert things.story == []


def test_items_whose_upstream_children_failed_or_were_skipped(things, executor):
    @task
    def url(name):
        if name == "fails":
            raise ValueError(name)
        if name == "skips":
            raise signals.SKIP
        return name

    with Flow("f") as flow, things.manager().map(url.map(["a", "fails", "skips", "d"])) as db:
        rows = load.map(db)
    state = flow.run(executor=executor)
    assert children(state, rows) == ["Success", "TriggerFailed", "Skipped", "Success"]
    assert sorted(things.story[-2:]) == ["cleanup a", "cleanup d"]
    assert len(things.story) == 6


def test_a_set_up_tries_again_with_a_lease_of_its_own(things, executor):
    tries = []

    @resource_manager(setup_task_kwargs={"max_retries": 1, "retry_delay": 0})
    class Thing:
        def __init__(self, name):
            self.name = name

        def setup(self):
            tries.append(self.lease.id)
            self.lease.record(self.name)
            if self.name == "late" and not things.story:
                raise OSError
            return self.name

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Thing.map(["a", "late"]) as db:
        task(lambda db: things.note("use", db)).map(db)
    assert flow.run(executor=executor).is_successful()
    assert len(set(tries)) == 3
    story = [one for one in things.story if "late" in one]
    assert story == ["cleanup late", "use late", "cleanup late"]


def test_a_set_up_that_hangs_holds_up_its_own_item_only(clock, things):
    stubborn = Stubborn()

    @resource_manager(setup_task_kwargs={"timeout": 5})
    class Thing:
        def __init__(self, name):
            self.name = name

        def setup(self):
            if self.name == "hangs":
                with suppress(TaskCancelled):
                    stubborn()
            things.note("set up", self.name)
            return self.name

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Thing.map(["a", "hangs"]) as db:
        rows = load.map(db)
    run = started(flow, clock)
    stubborn.await_beginning()
    things.await_note("set up a")
    clock.await_only_timer(5)
    clock.advance(5)
    clock.await_timer(30.0)
    clock.advance(30.0)
    state = ended(run)
    assert own(flow, state) == [["Success"] * 2, ["Success", "TimedOut"], ["Success", "Skipped"]]
    assert children(state, rows) == ["Success", "TriggerFailed"]
    assert things.story == ["set up a", "cleanup a"]
    stubborn.let_go.set()
    things.await_note("cleanup hangs")


# ---- what stops a run


def test_cancel_cleans_up_every_item(things, executor):
    began = threading.Event()

    @task
    def waits(db):
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager().map(["a", "b", "c"]) as db:
        rows = waits.map(db)
        after = load.map(rows)
    run = started(flow, executor=executor)
    began.wait(PATIENCE)
    run.cancel()
    state = ended(run)
    assert state.is_cancelled()
    assert set(children(state, rows)) == {"Cancelled"}
    assert state.result[after].name == "Cancelled"
    assert sorted(things.story[-3:]) == ["cleanup a", "cleanup b", "cleanup c"]


def test_cancel_during_set_ups_cleans_up_what_they_return(things):
    began, go_on = threading.Barrier(3, timeout=PATIENCE), threading.Event()

    @resource_manager
    class Slow:
        def __init__(self, name):
            self.name = name

        def setup(self):
            began.wait()
            go_on.wait(PATIENCE)
            return self.name

        def cleanup(self, resource):
            things.note("cleanup", resource)

    with Flow("f") as flow, Slow.map(["a", "b"]) as db:
        rows = load.map(db)
    run = started(flow)
    began.wait()
    run.cancel()
    go_on.set()
    state = ended(run)
    assert own(flow, state)[1] == ["Success", "Success"]
    assert state.result[rows].name == "Cancelled"
    assert sorted(things.story) == ["cleanup a", "cleanup b"]


def test_the_kernel_ends_during_a_run(things):
    began = threading.Event()

    @task
    def waits(db):
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager().map(["a", "b"]) as db:
        waits.map(db)
    run = started(flow)
    began.wait(PATIENCE)
    assert KEEPER.close_all(budget=PATIENCE) == []
    ended(run)
    assert sorted(things.story[-2:]) == ["cleanup a", "cleanup b"]


# ---- one resource is taken away


def taken(name, word="close", state="ttl"):
    [lease] = [one for one in KEEPER.alive() if one.name == name]
    KEEPER.on_message(ReaperMessage(word, lease.id, state, "too old"))


@pytest.mark.parametrize("state", ["ttl", "idle"])
def test_a_resource_that_is_taken_away_ends_the_work_with_it(things, state):
    began, free = threading.Barrier(3, timeout=PATIENCE), threading.Event()

    @task
    def works(db):
        began.wait()
        while not free.is_set():
            free.wait(0.001)
        return db

    with Flow("f") as flow, things.manager().map(["a", "b"]) as db:
        rows = works.map(db)
        after = load.map(rows)
        whole = load(db, rows)
        separate = use(rows)
    with flow:
        apart = use(1)
    flow.set_reference_tasks([rows])
    run = started(flow)
    began.wait()
    if state == "idle":  # it is in use
        taken("f/Thing[0]", state="idle")
        assert run.execution.scopes.taken_away.items == {}
    taken("f/Thing[0]")
    things.await_note("cleanup a")
    assert "cleanup b" not in things.story
    free.set()
    result = ended(run)
    assert children(result, rows) == ["Cancelled", "Success"]
    assert children(result, after) == ["Cancelled", "Success"]
    assert result.result[after].map_states[0].message == "resource 'f/Thing[0]' is gone: too old"
    assert result.result[whole].name == "Cancelled"
    assert result.result[separate].name == "Cancelled"
    assert result.result[apart].name == "Success"
    assert things.story.count("cleanup a") == things.story.count("cleanup b") == 1
    assert own(flow, result)[2] == ["Success", "Success"]


def test_what_depends_on_a_resource_that_is_taken_away_goes_first(things):
    began, free = threading.Barrier(3, timeout=PATIENCE), threading.Event()
    manager = things.manager()

    @task
    def works(db):
        began.wait()
        while not free.is_set():
            free.wait(0.001)

    with (
        Flow("f") as flow,
        manager.map(["a", "b"]) as outer,
        manager.options(name="Inner").map(task(lambda x: f"in {x}").map(outer)) as inner,
    ):
        works.map(inner)
    run = started(flow)
    began.wait()
    taken("f/Thing[1]")
    things.await_note("cleanup b")
    assert things.story[-2:] == ["cleanup in b", "cleanup b"]
    free.set()
    ended(run)
    assert things.story[-2:] == ["cleanup in a", "cleanup a"]


# ---- nested


def around():
    return {one.name: [outer.name for outer in one.around] for one in KEEPER.alive()}


def test_scopes_in_scopes(things, executor):
    manager, seen = things.manager(), {}
    with (
        Flow("f") as flow,
        manager.options(name="One")("one"),
        manager.options(name="Each").map(["a", "b"]) as each,
        manager.options(name="Inner").map(each) as inner,
        manager.options(name="All")("all"),
    ):
        rows = task(lambda _: seen.update(around())).map(inner)
        use(rows)
    assert flow.run(executor=executor).is_successful()
    assert seen == {
        "f/One": [],
        "f/Each[0]": ["f/One"],
        "f/Each[1]": ["f/One"],
        "f/Inner[0]": ["f/Each[0]", "f/One"],
        "f/Inner[1]": ["f/Each[1]", "f/One"],
        "f/All": ["f/Inner[0]", "f/Inner[1]", "f/Each[0]", "f/Each[1]", "f/One"],
    }
    ends = [one for one in things.story if one.startswith("cleanup")]
    assert ends[0] == "cleanup all"
    assert sorted(ends[1:3]) == sorted(ends[3:5]) == ["cleanup a", "cleanup b"]
    assert ends[5] == "cleanup one"


def test_items_of_other_items_may_depend_on_all(things):
    manager, seen = things.manager(), {}
    with (
        Flow("f") as flow,
        manager.options(name="Each").map(["a", "b"]),
        manager.options(name="Inner").map(["x"]),
    ):
        task(lambda: seen.update(around()))()
    assert flow.run().is_successful()
    assert seen["f/Inner[0]"] == ["f/Each[0]", "f/Each[1]"]


def test_an_inner_set_up_of_an_item_that_failed(things, executor):
    thing = faulty(things)
    with (
        Flow("f") as flow,
        thing.options(name="Outer").map(["a", "no setup"]) as outer,
        thing.options(name="Inner").map(outer) as inner,
    ):
        rows = load.map(inner)
    state = flow.run(executor=executor)
    assert children(state, rows) == ["Success", "TriggerFailed"]
    assert own(flow, state, 1) == [
        ["Success", "TriggerFailed"], ["Success", "TriggerFailed"], ["Success", "Skipped"],
    ]  # fmt: skip
    assert things.story[-2:] == ["cleanup a", "cleanup a"]


# ---- options


@pytest.mark.parametrize("on", ["success", "failure"])
def test_on_is_judged_for_each_item(things, on):
    @task
    def works(db):
        if db == "bad":
            raise ValueError
        return db

    with Flow("f") as flow, things.manager(on=on).map(["a", "bad"]) as db:
        after = load.map(works.map(db))
    state = flow.run()
    assert children(state, after) == ["Success", "TriggerFailed"]
    closed, left = ("a", "f/Thing[1]") if on == "success" else ("bad", "f/Thing[0]")
    assert [one for one in things.story if "cleanup" in one] == [f"cleanup {closed}"]
    assert [lease.name for lease in KEEPER.alive()] == [left]
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)


def test_on_success_counts_what_all_items_share(things):
    with Flow("f") as flow, things.manager(on="success").map(["a", "b"]) as db:
        load.map(db)
        task(lambda db: 1 / 0, name="breaks")(db)
    flow.run()
    assert len(KEEPER.alive()) == 2
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)


def test_lifetime_flow(things, executor):
    with Flow("f") as flow:
        with things.manager(lifetime="flow").map(["a", "b"]) as db:
            rows = load.map(db)
        task(lambda _: things.note("after"))(rows)
    assert flow.run(executor=executor).is_successful()
    assert things.story[-3] == "after"
    assert sorted(things.story[-2:]) == ["cleanup a", "cleanup b"]


def test_limits_and_the_time_of_a_clean_up_are_each_items_own(clock, things):
    stubborn, limits = Stubborn(), []

    @resource_manager(cleanup_timeout=7, ttl="1h")
    class Thing:
        def __init__(self, name):
            self.name = name

        def setup(self):
            limits.append((self.lease.limits.ttl, self.lease.limits.cleanup_timeout))
            return self.name

        def cleanup(self, resource):
            if resource == "hangs":
                with suppress(TaskCancelled):
                    stubborn()
            things.note("cleanup", resource)

    with Flow("f") as flow, Thing.map(["hangs", "b"]) as db:
        load.map(db)
    run = started(flow, clock)
    stubborn.await_beginning()
    things.await_note("cleanup b")
    clock.await_timer(7)
    clock.advance(7)
    clock.await_timer(30.0)
    clock.advance(30.0)
    state = ended(run)
    assert own(flow, state)[2] == ["TimedOut", "Success"]
    assert limits == [(3600.0, 7.0)] * 2
    assert [(one.name, one.state) for one in KEEPER.alive()] == [("f/Thing[0]", "failed")]
    stubborn.let_go.set()
    assert stubborn.done.wait(PATIENCE)
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)


# ---- handles and open scopes


def test_the_value_of_the_handle_is_the_list_of_open_resources(things):
    seen = []
    with Flow("f") as flow, faulty(things).map(["a", "no setup", "c"]) as db:
        task(lambda: seen.append(db.value), name="looks", trigger=triggers.all_finished)()
    with pytest.raises(NoValueError, match="has not run"):
        _ = db.value
    flow.run()
    assert seen == [["a", None, "c"]]
    with pytest.raises(NoValueError, match="is closed"):
        _ = db.value


def part(flow, tasks):
    """Run a part, as a cell with ``--run`` does: clean-ups are left out."""
    return started(flow, only=tasks).wait(PATIENCE)


def test_what_is_open_is_used_again_and_what_failed_is_set_up(things):
    manager = faulty(things)
    broken = [True]

    @task
    def names_of():
        return ["a", "no setup" if broken else "b", "c"]

    with Flow("f") as flow:
        given = names_of()
        with manager.map(given) as db:
            rows = load.map(db)
    scope = next(iter(flow.scopes))
    inside = [given, scope.init_task, scope.setup_task, rows]
    assert part(flow, inside).is_failed()
    opened = memory_of(flow).open_leases
    assert list(opened) == [ScopeUse(scope, 0), ScopeUse(scope, 2)]
    assert db.value == ["a", None, "c"]
    broken.clear()
    things.story.clear()
    assert part(flow, inside).is_successful()
    assert things.story == ["setup b"]
    assert db.value == ["a", "b", "c"]
    things.story.clear()
    assert flow.run().is_successful()
    assert sorted(things.story) == ["cleanup a", "cleanup b", "cleanup c"]
    assert memory_of(flow).open_leases == {}


def test_other_items_close_what_is_open_of_the_old_ones(things):
    manager = faulty(things)
    items = [["a", "b", "no setup"]]

    with Flow("f") as flow:
        given = task(lambda: items[0], name="given")()
        with manager.map(given) as db:
            rows = load.map(db)
    scope = next(iter(flow.scopes))
    inside = [given, scope.init_task, scope.setup_task, rows]
    assert part(flow, inside).is_failed()
    items[0] = ["z"]
    assert part(flow, inside).is_successful()
    things.await_note("cleanup b")
    assert things.story.index("cleanup a") < things.story.index("setup z")
    assert db.value == ["z"]
    assert flow.run().is_successful()
    assert sorted(things.story) == sorted(
        ["setup a", "setup b", "setup no setup", "cleanup a", "cleanup b", "setup z", "cleanup z"]
    )


# ---- running again from where it failed


def test_only_the_items_that_are_needed_are_set_up_again(things, executor):
    bad = {"b"}

    @task
    def works(db):
        if db in bad:
            raise ValueError(db)
        return db

    with Flow("f") as flow, things.manager().map(["a", "b", "c"]) as db:
        rows = works.map(db)
    first = flow.run(executor=executor)
    assert first.is_failed()
    bad.clear()
    things.story.clear()
    second = flow.run(executor=executor, task_states=first)
    assert second.is_successful()
    assert things.story == ["init b", "setup b", "cleanup b"]
    assert second.result[rows].result == ["a", "b", "c"]
    assert own(flow, second)[2] == ["Skipped", "Success", "Skipped"]


@pytest.mark.parametrize("fails", ["whole", "set-up", "nothing"])
def test_otherwise_all_items_are_or_none(things, fails):
    manager = faulty(things)
    broken = [fails]

    @task
    def whole(dbs):
        if broken == ["whole"]:
            raise ValueError
        return dbs

    with Flow("f") as flow, manager.map(["a", "no setup" if fails == "set-up" else "b"]) as db:
        load.map(db)
        whole(db)
    first = flow.run()
    assert first.is_failed() == (fails != "nothing")
    broken.clear()
    things.story.clear()
    flow.run(task_states=first)
    expected = {"whole": "ab", "set-up": ["a", "no setup"], "nothing": ""}[fails]
    assert sorted(one for one in things.story if "setup" in one and "cleanup" not in one) == [
        f"setup {one}" for one in expected
    ]


def test_a_set_up_that_is_given_has_nothing_to_clean_up(things):
    with Flow("f") as flow, things.manager().map(["a", "b"]) as db:
        rows = load.map(db)
    given = {db: states.Cached(result=["x", "y"])}
    state = flow.run(task_states=given)
    assert state.result[rows].result == ["rows of x", "rows of y"]
    assert [one for one in things.story if "init" not in one] == []


# ---- what cannot be


@pytest.mark.parametrize("where", ["own task", "thread"])
def test_what_is_refused_before_anything_begins(things, where):
    with Flow("f") as flow:
        if where == "own task":
            with things.manager()() as db:
                use(db)
            db.scope.init_task.set_upstream([1, 2], key="name", mapped=True)
        else:
            with things.manager().map(["a"]) as db:
                task(lambda _: 1, name="bound", thread="setup")(db)
    fault = {
        "own task": r"mapped by an edge to one of its own tasks: write Thing.map\(...\)",
        "thread": "task 'bound' has thread='setup', and scope 'Thing' has a thread for each item",
    }[where]
    with pytest.raises(GraphError, match=fault):
        flow.run()
    assert things.story == []
