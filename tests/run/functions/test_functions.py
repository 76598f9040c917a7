# ruff: noqa: T201 - what tasks print is what is tested
"""``@flow`` functions: tasks that run when they are called, and the graph they leave behind."""

import sqlite3
import threading
from enum import Enum
from typing import NamedTuple

import pytest

from resnb import (
    Flow,
    LocalExecutor,
    ThreadExecutor,
    case,
    flow,
    get_run_logger,
    signals,
    states,
    tags,
    task,
    triggers,
    unmapped,
)
from resnb.errors import GraphError, OptionError, OutsideFlowError, RunError
from resnb.events import EVENTS, RunBegan, RunEnded, StructureChanged
from resnb.view.snapshot import snapshot
from resnb.view.text import flow_text
from tests.run.parts import PATIENCE, ManualClock


@task
def load(n):
    return {"rows": [n] * n}


@task
def size(data):
    return 1000 + len(data["rows"])


@task
def same(value):
    return value


@task
def fail(*_):
    raise ValueError("no")


def edges(one):
    """The edges of a flow by name, with the argument."""
    return sorted(
        (edge.upstream_task.name, edge.downstream_task.name, edge.key or "") for edge in one.edges
    )


def names(one):
    return [task.name for task in one.sorted_tasks()]


def text(one):
    return flow_text(snapshot(one, one.memory)).splitlines()


# ---- calling


def test_tasks_run_when_they_are_called_and_give_their_values():
    seen = []

    @flow
    def etl(n, scale=2):
        data = load(n)
        seen.append(data)
        return size(data) * scale

    assert etl(3) == 2006
    assert etl(1, scale=1) == 1001
    assert seen == [{"rows": [3, 3, 3]}, {"rows": [1]}]
    assert etl.state.is_successful()
    assert etl.state.result == 1001


def test_the_graph_is_that_of_the_latest_run():
    @flow
    def etl(n):
        for _ in range(n):
            data = load(1)
        return size(data)

    assert names(etl) == ["n"]
    etl(2)
    assert names(etl) == ["n", "load", "load", "size"]
    etl(1)
    assert names(etl) == ["n", "load", "size"]
    etl.validate()
    assert text(etl) == ["etl · success", "parameters: n=1", "✓ load", "✓ size ← load"]


def test_nodes_of_repeated_calls_are_numbered_alike_in_every_run():
    @flow
    def etl(n):
        for _ in range(n):
            load(1)

    labels = []
    for n in (2, 3):
        etl(n)
        outline = snapshot(etl, etl.memory).outline
        labels.append([node.label for node in outline.nodes if node.kind == "task"])
    assert labels == [["load", "load-2"], ["load", "load-2", "load-3"]]


def test_an_exception_of_the_function_is_raised_as_it_is():
    @flow
    def broken():
        load(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        broken()
    assert broken.state.is_failed()
    assert broken.state.message == "KeyError: 'mine'"


def test_a_tasks_exception_is_the_functions_to_catch():
    @flow
    def careful():
        try:
            return fail()
        except ValueError as error:
            return str(error)

    assert careful() == "no"
    assert careful.state.is_successful()
    assert careful.state.message == "but task 'fail': ValueError: no"


def test_the_state_instead_of_an_exception():
    @flow
    def broken():
        fail()

    state = broken(return_state=True)
    assert state.name == "Failed"
    assert isinstance(state.result, ValueError)
    assert broken.run().name == "Failed"

    @flow
    def chooses():
        return states.Skipped("nothing to do")

    assert chooses(return_state=True).is_skipped()


def test_the_state_of_a_task_instead_of_an_exception():
    @flow
    def careful():
        return fail(return_state=True).name, same(3, return_state=True).result

    assert careful() == ("Failed", 3)


def test_tasks_run_on_the_functions_thread():
    """So that what is bound to a thread works."""

    @task
    def connect():
        return sqlite3.connect(":memory:")

    @task
    def ask(connection):
        return connection.execute("select 6 * 7").fetchone()[0], threading.get_ident()

    @flow
    def query():
        connection = connect()
        try:
            return ask(connection)
        finally:
            connection.close()

    assert query() == (42, threading.get_ident())


def test_setup_and_cleanup_tasks_with_try_and_finally(things):
    @task
    def set_up():
        things.note("set up")
        return {"db": object()}

    @task
    def clean_up(resources):
        things.note("clean up", *resources)

    @flow
    def seed():
        resources = set_up()
        try:
            fail(resources)
        finally:
            clean_up(resources)

    with pytest.raises(ValueError, match="no"):
        seed()
    assert things.story == ["set up", "clean up db"]
    assert edges(seed) == [("set_up", "clean_up", "resources"), ("set_up", "fail", "_[0]")]


def test_handles_answer_for_the_latest_run():
    @flow
    def etl():
        size(load(2))

    etl()
    (one,) = etl.get_tasks("size")
    assert (one.value, one.state.name) == (1002, "Success")


def test_a_picture_is_that_of_the_latest_run():
    @flow
    def etl():
        size(load(2))

    state = etl(return_state=True)
    assert repr(etl.visualize(state)) == repr(etl.visualize())
    assert "✓ size ← load" in etl.visualize(state).mimebundle()["text/plain"]


def test_options_of_a_call():
    @flow
    def etl():
        with tags("slow"):
            load(1, task_args={"name": "other"})
        return load.with_options(name="third")(2)

    assert etl() == {"rows": [2, 2]}
    assert [(one.name, set(one.tags)) for one in etl.sorted_tasks()] == [
        ("other", {"slow"}),
        ("third", set()),
    ]


def test_arguments_are_checked_where_they_are_given():
    @flow
    def etl(n):
        return load(n, 2)

    with pytest.raises(OptionError, match="flow 'etl' is missing argument 'n'"):
        etl()
    with pytest.raises(OptionError, match="task 'load' takes 1 argument"):
        etl(1)


# ---- retries, time limits, hooks


def test_a_task_is_tried_again():
    tries = []

    @task(retries=2, retry_delay_seconds=0)
    def flaky():
        tries.append(len(tries))
        if len(tries) < 3:
            raise OSError("not yet")
        return len(tries)

    @flow
    def patient():
        return flaky()

    assert patient() == 3
    (one,) = patient.get_tasks("flaky")
    assert patient.memory.tries_of(one) == 3


def test_the_function_is_tried_again_with_an_empty_graph():
    tries, ended = [], []

    @flow(retries=1, on_failure=lambda: ended.append("failed"))
    def flaky():
        tries.append(len(tries))
        load(1)
        if len(tries) < 2:
            raise OSError("not yet")
        return "done"

    assert flaky() == "done"
    assert names(flaky) == ["load"]
    assert ended == []


def test_a_task_that_takes_too_long_is_left_behind():
    let_go = threading.Event()

    @task(timeout_seconds=0.05)
    def slow():
        let_go.wait(PATIENCE)

    @flow
    def impatient():
        try:
            slow()
        except TimeoutError as error:
            let_go.set()
            return str(error)

    assert impatient() == "it ran for longer than its timeout of 0.05 s"


def test_hooks_of_tasks_and_flows(things):
    @task
    def after(run):
        get_run_logger().info("after")
        things.note("hook", run.flow.name)

    @task(on_completion=[after], on_failure=lambda one, run, state: things.note(state.name))
    def main(ok):
        if not ok:
            raise ValueError("no")

    @flow(
        on_completion=lambda one, run, state: things.note("flow", one.name, state.name),
        on_failure=[lambda run: things.note("flow failed", run.state.name)],
    )
    def my_flow(ok):
        main(ok)

    my_flow(ok=True)
    with pytest.raises(ValueError, match="no"):
        my_flow(ok=False)
    assert things.story == [
        "hook my_flow",
        "flow my_flow Success",
        "Failed",
        "flow failed Failed",
    ]


# ---- where values come from


class Colour(Enum):
    RED = 1


class Pair(NamedTuple):
    x: int
    y: int


OWN = {
    "a dict": lambda: {"a": 1},
    "an object": object,
    "a large number": lambda: 123_456,
    "a fraction": lambda: 0.5,
    "a text": lambda: "data.csv",
    "bytes": lambda: b"data",
    "a pair": lambda: Pair(1, 2),
    "an empty list": list,
}
NOBODYS = {
    "none": lambda: None,
    "true": lambda: True,
    "a small number": lambda: 7,
    "a letter": lambda: "a",
    "no text": lambda: "",
    "an empty tuple": lambda: (),
    "a class": lambda: dict,
    "a function": lambda: len,
    "a member": lambda: Colour.RED,
    "a module": lambda: threading,
}


@pytest.mark.parametrize("what", OWN)
def test_what_a_task_made_is_recognised(what):
    make = task(OWN[what], name="make")

    @flow
    def linked():
        return same(make())

    assert linked() == make.run() or what == "an object"
    assert edges(linked) == [("make", "same", "value")]


@pytest.mark.parametrize("what", NOBODYS)
def test_what_anybody_may_have_gives_no_edge(what):
    make = task(NOBODYS[what], name="make")

    @flow
    def linked():
        return same(make())

    linked()
    assert edges(linked) == []


def test_a_constant_that_is_equal_to_a_result_gives_no_edge():
    path, number = "data.csv", 123_456

    @task
    def where():
        return path

    @task
    def how_many():
        return number

    @flow
    def constants():
        assert where() == "data.csv"
        assert how_many() == 123_456
        same(path)
        same("data.csv")
        same(number)
        same(123_456)

    constants()
    assert edges(constants) == []


def test_parts_of_results_and_results_in_collections():
    @task
    def both():
        return [1], {"k": object()}

    @flow
    def parts():
        first, second = both()
        same(first)
        same([{"x": second}, load(1)])

    parts()
    assert edges(parts) == [
        ("both", "same", "value"),
        ("both", "same", "value"),
        ("load", "same", "value"),
    ]


def test_arguments_of_the_function_are_sources_too():
    @flow
    def etl(data, n=2):
        same(data)

    etl([1, 2])
    assert edges(etl) == [("data", "same", "value")]


# ---- futures


def test_submitted_tasks_run_side_by_side():
    both = threading.Barrier(2, timeout=PATIENCE)

    @task
    def meet(n):
        both.wait()
        return n

    @flow
    def parallel():
        one, two = meet.submit(1), meet.submit(2)
        return one.result(), two.result()

    assert parallel() == (1, 2)


def test_a_future_is_an_argument_like_any_other():
    @flow
    def chained():
        data = load.submit(3)
        first = size.submit(data)
        second = same(first)
        third = same.submit([{"x": first}, data])
        return second, third

    assert chained() == (1003, [{"x": 1003}, {"rows": [3, 3, 3]}])
    assert edges(chained) == [
        ("load", "same", "value"),
        ("load", "size", "data"),
        ("size", "same", "value"),
        ("size", "same", "value"),
    ]


def test_more_waiting_tasks_than_workers():
    """A worker is taken only once the arguments are there."""

    @flow(executor=ThreadExecutor(1))
    def narrow():
        let_go = threading.Event()
        first = same.submit(task(lambda: let_go.wait(PATIENCE), name="wait").submit())
        more = [same.submit(first) for _ in range(20)]
        let_go.set()
        return more

    assert narrow() == [True] * 20


def test_what_a_future_tells():
    let_go = threading.Event()

    @task
    def wait():
        let_go.wait(PATIENCE)
        return 5

    @flow
    def asking():
        future = wait.submit()
        assert not future.done()
        with pytest.raises(TimeoutError, match=r"task 'wait' has not ended within 0.01 s"):
            future.result(timeout=0.01)
        let_go.set()
        assert future.wait().name == "Success"
        bad = fail.submit()
        assert isinstance(bad.result(raise_on_failure=False), ValueError)
        with pytest.raises(ValueError, match="no"):
            bad.result()
        return repr(future), future.name, future.state.result

    assert asking() == ("<future of task 'wait': its value is .result()>", "wait", 5)


def test_what_needs_a_future_that_failed_does_not_run():
    @flow
    def chained():
        with pytest.raises(RunError, match="task 'same' did not run") as caught:
            same(fail.submit())
        assert isinstance(caught.value.__cause__, ValueError)
        return task(lambda x: "ran", name="always", trigger=triggers.all_finished)(fail.submit())

    assert chained() == "ran"
    assert [one.state.name for one in chained.get_tasks("same")] == ["TriggerFailed"]


def test_wait_for():
    order = []

    @task
    def step(name):
        order.append(name)

    @flow
    def ordered():
        first = step.submit("a")
        second = step.submit("b", wait_for=[first])
        step("c", wait_for=[second])

    ordered()
    assert order == ["a", "b", "c"]
    assert edges(ordered) == [("step", "step", ""), ("step", "step", "")]


def test_map():
    @task
    def add(x, y):
        return x + y

    @flow
    def mapped():
        futures = add.map(same.submit([1, 2, 3]), unmapped(10))
        return futures, futures.result(), same(futures)

    assert mapped() == ([11, 12, 13], [11, 12, 13], [11, 12, 13])
    assert len(mapped.get_tasks("add")) == 3

    @flow
    def with_what_is_no_list():
        return add.map([1, 2], 5).result(), add.map(["a", "b"], y="cd").result()

    assert with_what_is_no_list() == ([6, 7], ["acd", "bcd"])

    @flow
    def wrong(*args):
        add.map(*args)

    with pytest.raises(GraphError, match="'add' is mapped over nothing: submit it, or give it at"):
        wrong(1, "ab")
    with pytest.raises(
        GraphError, match=r"cannot be mapped over 1=\{'a': 2\}, which is no sequence"
    ):
        wrong([1], {"a": 2})


def test_a_signal_is_a_state():
    @task
    def skip():
        raise signals.SKIP("nothing to do")

    @flow
    def skipping():
        return skip(), skip.submit()

    assert skipping() == (None, None)


def test_a_failure_that_nobody_asked_for_is_told(capsys):
    @flow
    def careless():
        fail.submit()
        fail.submit().wait()

    careless()
    assert capsys.readouterr().err == (
        "task 'fail' failed, and nobody asked for its result: ValueError: no\n"
    )


def test_coroutines():
    @task
    async def later(n):
        return [n]

    @flow
    def plain():
        return later(1) + later.submit(2).result()

    assert plain() == [1, 2]


def test_in_line():
    @flow(executor=LocalExecutor())
    def here():
        future = same.submit(threading.get_ident())
        assert future.done()
        return future, same.map([1, 2])

    assert here() == (threading.get_ident(), [1, 2])


# ---- output


def test_output_comes_in_the_same_order_on_every_run(capsys):
    let_go = threading.Event()

    @task
    def say(word, wait=False):
        print(f"{word} begins")
        if wait:
            let_go.wait(PATIENCE)
        print(f"{word} ends")

    @flow
    def talk():
        slow = say.submit("slow", wait=True)
        say.submit("unasked")
        print("function")
        say("direct")
        get_run_logger().info("logged")
        let_go.set()
        slow.wait()
        print("over")

    talk()
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "function",
        "direct begins",
        "direct ends",
        "slow begins",
        "slow ends",
        "over",
        "unasked begins",
        "unasked ends",
    ]
    assert printed.err == "INFO: logged\n"
    (direct,) = [one for one in talk.get_tasks("say") if "direct" in talk.memory.log_of(one)]
    assert talk.memory.log_of(direct) == "direct begins\ndirect ends\n"


# ---- flows in flows


def test_a_flow_function_in_another_is_a_node(capsys):
    @flow
    def child(n):
        print("child")
        return size(load(n))

    @flow
    def parent():
        rows = child(2)
        return same(rows)

    assert parent() == 1002
    assert edges(parent) == [("child", "same", "value")]
    assert names(child) == ["n", "load", "size"]
    (node,) = parent.get_tasks("child")
    assert (node.state.result, parent.memory.log_of(node)) == (1002, "child\n")
    assert capsys.readouterr().out == "child\n"


def test_a_child_that_fails():
    @flow
    def child():
        fail()

    @flow
    def parent():
        with pytest.raises(ValueError, match="no"):
            child()
        return child(return_state=True).name

    assert parent() == "Failed"
    assert [one.state.name for one in parent.get_tasks("child")] == ["Failed", "Success"]


def test_a_function_that_calls_itself():
    @flow
    def down(n):
        load(n)
        return [n, *(down(n - 1) if n else [])]

    assert down(3) == [3, 2, 1, 0]
    assert names(down) == ["n", "load", "down"]


def test_one_run_at_a_time():
    other = Flow("other")

    @flow
    def outer():
        with pytest.raises(RunError, match="'other' cannot run inside @flow function 'outer'"):
            other.run()
        with pytest.raises(RunError, match="flow 'outer' is running"):
            task(other.run)()
        with Flow("built") as built:
            load(1)
            with case(same(1), 1):
                pass
        return len(built.tasks)

    assert outer() >= 2
    assert names(outer) == ["run"]


def test_a_task_in_a_task_is_outside():
    @task
    def nested():
        return load(1)

    @flow
    def outer():
        with pytest.raises(OutsideFlowError, match="'load' was called outside a flow"):
            nested()
        return "done"

    assert outer() == "done"
    with pytest.raises(OutsideFlowError, match="'load' was called outside a flow"):
        load(1)
    with pytest.raises(OutsideFlowError, match="'load' was submitted outside a @flow function"):
        load.submit(1)


def test_a_run_in_the_background():
    let_go = threading.Event()

    @flow
    def slow(n):
        let_go.wait(PATIENCE)
        return same(n)

    run = slow.start(n=4)
    assert run.state.name == "Running"
    with pytest.raises(RunError, match="flow 'slow' is running"):
        slow(1)
    let_go.set()
    assert run.wait(PATIENCE).result == 4


# ---- views


def test_events_tell_of_the_run_and_of_the_graph():
    seen = []
    stop = EVENTS.listen(seen.append)

    @flow
    def etl():
        for _ in range(200):
            same(None)

    etl()
    stop()
    assert seen[0] == RunBegan("etl")
    assert seen[-1] == RunEnded("etl", "Success")
    assert 1 <= seen.count(StructureChanged("etl")) < 100


def test_redrawing_is_put_off_as_the_graph_grows():
    from resnb.run.functions.redraw import PER_TASK, SHORTEST, RedrawNotifier

    seen, clock = [], ManualClock()
    stop = EVENTS.listen(seen.append)
    redrawing = RedrawNotifier("x", clock)
    redrawing.changed(1)
    redrawing.changed(2)
    assert [timer[1] for timer in clock.timers] == [SHORTEST + PER_TASK]
    clock.advance(1.0)
    assert seen == [StructureChanged("x")]
    redrawing.changed(10_000)
    assert clock.timers[0][1] >= 2.0
    redrawing.finish()
    stop()
    assert seen == [StructureChanged("x")] * 2
    assert clock.timers == []


# ---- what is refused


def test_options_of_prefect_without_a_meaning_here():
    for option, remedy in {
        "task_runner": "executor=ThreadExecutor",
        "persist_result": "not persisted",
        "version": "leave it out",
    }.items():
        with pytest.raises(OptionError, match=f"has no option '{option}', .*{remedy}"):
            flow(**{option: "x"})(lambda: 1)
        assert flow(**{option: None})(lambda: 1)() == 1
    with pytest.raises(OptionError, match="did you mean 'retries'"):
        flow(retry=2)(lambda: 1)
    with pytest.raises(OptionError, match="timeout was given twice"):
        flow(timeout=2, timeout_seconds=3)(lambda: 1)
    with pytest.raises(OptionError, match="max_retries was given twice"):
        task(retries=2, max_retries=3)(lambda: 1)
    with pytest.raises(GraphError, match="@flow decorates a function"):
        flow(load)


def test_executors_of_other_kinds():
    with pytest.raises(
        RunError, match=r"runs its tasks on ThreadExecutor, LocalExecutor or .*, not 'dask'"
    ):
        flow(executor="dask")(lambda: 1)()


def test_a_function_is_not_built_from_outside():
    @flow
    def etl():
        return load(1)

    with pytest.raises(GraphError, match="flow 'etl' is a function and cannot be built"), etl:
        pass
    with pytest.raises(GraphError, match="cannot take task 'load'"):
        load(1, flow=etl)
    with pytest.raises(OptionError, match="whose run takes no executor"):
        etl.run(executor=LocalExecutor())
    assert repr(etl) == "<Flow: 'etl', a function, 0 tasks>"


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadExecutor(2)], ids=["local", "threads"])
def test_hooks_of_a_task_that_was_refused_are_called(executor):
    told = []

    @task
    def broken():
        raise ValueError("no")

    @task(on_failure=lambda _task, state: told.append(state.name))
    def after(value):
        return value

    @flow(executor=executor)
    def both():
        state = after.submit(broken.submit()).wait()
        return state.name, type(state.result)

    assert both() == ("TriggerFailed", signals.TRIGGERFAIL)
    assert told == ["TriggerFailed"]


def test_a_state_handler_can_say_that_there_is_to_be_no_run():
    told = []

    def handler(_flow, old, new):
        told.append((old.name, new.name))
        return states.Skipped("not today") if new.is_running() else None

    @flow(state_handlers=[handler])
    def never():
        told.append("run")

    assert never(return_state=True).message == "not today"
    assert told == [("Pending", "Running")]
