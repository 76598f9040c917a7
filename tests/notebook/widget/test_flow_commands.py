# ruff: noqa: T201 - tasks and clean-ups print here
"""What the buttons of a view do, say and refuse; real runs and leases, no front end."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resnb import Flow, Parameter, resource_manager, task
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.active import active_run
from resnb.run.memory import memory_of
from resnb.run.runner import RUNNER
from resnb.states import SUCCESS
from tests.notebook.widget.looking import PATIENCE, FakeView


@pytest.fixture(autouse=True)
def nothing_left_open():
    yield
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)
    assert active_run() is None


class Things:
    """Resources that tell what became of them, and clean-ups that fail or wait if they are to."""

    def __init__(self):
        self.story = []
        self.fails = set()
        self.go_on = threading.Event()
        self.go_on.set()
        self.began = threading.Event()
        things = self

        @resource_manager
        class Thing:
            def __init__(self, name):
                self.name = name

            def setup(self):
                return self.name

            def cleanup(self, resource):
                things.began.set()
                assert things.go_on.wait(PATIENCE)
                print("cleaning up", resource)
                things.story.append(resource)
                if resource in things.fails:
                    raise OSError(f"{resource} is busy <b>\x1b[31m")

        self.manager = Thing


@pytest.fixture
def things():
    return Things()


@pytest.fixture
def flow(things):
    """Two scopes, one inside the other, with a task."""
    with Flow("work") as found:
        n = Parameter("n", default=1)
        with things.manager.use(("outer",), {}, name="outer") as outer:
            task(lambda n, _: n, name="first")(n, outer)
            with things.manager.use(("inner",), {}, name="inner") as inner:
                task(lambda n, _: print("working", n), name="second")(n, inner)
    return found


@pytest.fixture
def view_of():
    return FakeView


@pytest.fixture
def view(flow):
    return FakeView(flow)


def leave_open(flow):
    """Run all but the clean-ups, as cells with --run do."""
    RUNNER.run_part(flow, [one for one in flow.nodes if one.kind != "cleanup"], parameters={})


def lease_states(flow):
    return {lease.name.partition("/")[2]: lease.state for lease in memory_of(flow).leases()}


def wait_for_end(flow):
    run = active_run()
    if run is not None and run.flow is flow:
        run.wait(PATIENCE)


# ---- runs


def test_a_run_by_a_button_prints_into_no_cell_and_is_seen_by_who_looks(flow, view, capsys):
    view.look("second")
    assert view.send("run", parameters={"n": 5})
    view.send("nothing of the kind")
    view.commands._work.post(lambda: wait_for_end(flow))
    view.send("cleanup")
    assert view.said() == "nothing is open"
    assert view.logs() == {"log": "working 5\n"}
    view.look("inner", "cluster")
    assert view.logs() == {"clean-up": "cleaning up inner\n"}
    assert capsys.readouterr() == ("", "")


def test_what_cannot_run_is_said_in_a_line(view):
    view.send("run", parameters={"n": "<b>many</b>"})
    assert view.said() == "parameter 'n' takes int, not str"
    view.send("cancel")
    assert view.said() == "flow 'work' is not running"


def test_run_again_keeps_what_has_succeeded(view_of):
    begun, fails = [], [True]

    def second(x):
        begun.append("second")
        if fails.pop():
            raise OSError("no answer")
        return x

    with Flow("again") as flow:
        one = task(lambda: begun.append("first") or 1, name="first")()
        task(second)(one)
    view = view_of(flow)
    view.send("run_again")
    assert view.said() == "flow 'again' has not run yet, or is running"
    flow.run()
    assert begun == ["first", "second"]
    fails.append(False)
    view.send("run_again")
    view.commands._work.post(lambda: wait_for_end(flow))
    view.send("cleanup")
    assert view.said() == "nothing is open"
    assert begun == ["first", "second", "second"]
    assert memory_of(flow).flow_code() == SUCCESS


# ---- clean up


def test_one_resource_is_cleaned_up_with_those_inside_it(flow, view, things, capsys):
    leave_open(flow)
    capsys.readouterr()
    view.look("outer", "cluster")
    assert view.send("cleanup_one", what="cluster", id="outer")
    frame = view.await_frame("said")
    assert frame["text"] == "cleaned up work/outer, work/inner"
    assert frame["done"]
    assert things.story == ["inner", "outer"]
    assert view.await_frame("inspected")["actions"]["cleanup"] == "resource 'outer' is not open"
    assert view.logs() == {"clean-up by a button": "cleaning up outer\n"}
    assert capsys.readouterr() == ("", "")


def test_one_inside_leaves_the_one_around_it(flow, view, things):
    leave_open(flow)
    view.send("cleanup_one", what="node", id="scope inner")
    assert view.said() == "cleaned up work/inner"
    assert lease_states(flow) == {"outer": "open", "inner": "closed"}
    view.send("cleanup")
    assert view.said() == "cleaned up work/outer"
    view.send("cleanup")
    assert view.said() == "nothing is open"
    assert things.story == ["inner", "outer"]


def test_a_clean_up_that_fails_is_said_with_its_reason(flow, view, things):
    leave_open(flow)
    things.fails.add("inner")
    view.send("cleanup_one", what="cluster", id="inner")
    frame = view.await_frame("said")
    assert frame["text"].startswith("not cleaned up: work/inner: OSError: inner is busy <b>")
    assert frame["text"].isprintable()
    assert not frame["done"]
    things.fails.clear()
    view.send("cleanup_one", what="cluster", id="inner")
    assert view.said() == "cleaned up work/inner"


@pytest.mark.parametrize("command", ["cleanup_one", "keep_one"])
def test_what_is_not_there_is_refused(view, command):
    for what, name in (("cluster", "<b>gone</b>"), ("node", "first"), ("cluster", "outer")):
        view.send(command, what=what, id=name)
        assert view.said() == f"resource {name!r} is not open"


def test_what_a_run_uses_is_refused_while_it_is_on(flow, view, things):
    leave_open(flow)
    things.go_on.clear()
    things.began.clear()
    run = flow.start()
    assert things.began.wait(PATIENCE)
    rows, _, frame = view.look("outer", "cluster")
    reason = "flow 'work' is running: cancel it, and it is cleaned up"
    assert rows["lease"] == "open"
    assert frame["actions"]["cleanup"] == reason
    for command in ("cleanup_one", "cleanup"):
        view.send(command, what="cluster", id="outer")
        assert view.said() == reason
    things.go_on.set()
    run.wait(PATIENCE)


def test_while_another_flow_is_running_resources_are_cleaned_up_all_the_same(
    flow, view, things, capsys
):
    leave_open(flow)
    began, go_on = threading.Event(), threading.Event()

    def waits():
        print("of the other flow")
        began.set()
        assert go_on.wait(PATIENCE)
        print("still of the other flow")

    with Flow("other") as other:
        task(waits, name="waits")()
    run = other.start()
    assert began.wait(PATIENCE)
    capsys.readouterr()
    view.send("cleanup")
    assert view.said() == "cleaned up work/outer, work/inner"
    assert capsys.readouterr().out == ""
    go_on.set()
    run.wait(PATIENCE)
    assert capsys.readouterr().out == "still of the other flow\n"
    assert (
        memory_of(other).log_of(other.get_tasks("waits")[0]).endswith("still of the other flow\n")
    )


def test_one_can_look_and_look_away_while_a_clean_up_hangs(flow, view, things):
    leave_open(flow)
    things.go_on.clear()
    things.began.clear()
    view.send("cleanup_one", what="cluster", id="inner")
    assert things.began.wait(PATIENCE)
    assert view.look("inner", "cluster")[0]["lease"] == "closing"
    assert view.live.inspections.at() != {}
    view.send("look_away")
    assert view.live.inspections.at() == {}
    things.go_on.set()
    assert view.said() == "cleaned up work/inner"


# ---- keep


def test_a_resource_is_kept_and_everybody_who_looks_is_told(flow, view):
    leave_open(flow)
    assert view.look("outer", "cluster")[2]["actions"] == {
        "cleanup": "", "keep": "", "forget": False
    }  # fmt: skip
    view.send("keep_one", what="cluster", id="outer")
    frame = view.await_frame("said")
    assert frame["text"] == "work/outer is kept for 30 minutes after this kernel's end"
    assert frame["done"]
    rows = dict(view.await_frame("inspected")["rows"])
    assert rows["held by"] == "this kernel; kept for 30m after its end"
    assert rows["limits"] == "keep 30m"
    [outer, _] = memory_of(flow).leases()
    assert outer.limits.keep == 1800.0
    assert outer.state == states.OPEN


def test_what_lives_in_the_kernel_cannot_be_kept(flow, view):
    leave_open(flow)
    [outer, _] = memory_of(flow).leases()
    outer.manager.dies_with_kernel = True
    view.send("keep_one", what="cluster", id="outer")
    assert view.said().endswith("cannot be kept: it lives inside the kernel's process")
    assert outer.limits.keep is None


# ---- a mapped scope


@pytest.fixture
def mapped(things):
    things.fails = {"broken"}
    with Flow("work") as found:
        names = task(lambda: ["a", "b", "c"], name="names")()
        with things.manager.use((names,), {}, name="each", mapped=True) as each:
            task(lambda name: name, name="first").map(each)
    return found


def items_of(view):
    frame = view.look("each", "cluster")[2]
    return [(one["item"], one["name"], one["state"]) for one in frame.get("items", [])]


def test_each_item_has_a_line_and_buttons_of_its_own(mapped, things):
    view = FakeView(mapped)
    assert items_of(view) == []
    assert view.look("each", "cluster")[0]["lease"] == "not yet, one for each item"
    leave_open(mapped)
    assert items_of(view) == [
        (0, "each[0]", "open"),
        (1, "each[1]", "open"),
        (2, "each[2]", "open"),
    ]
    assert view.look("each", "cluster")[0]["lease"] == "3 open"
    view.send("cleanup_one", what="cluster", id="each", item=1)
    assert view.said() == "cleaned up work/each[1]"
    assert things.story == ["b"]
    assert items_of(view)[1] == (1, "each[1]", "closed")
    assert view.look("each", "cluster")[0]["lease"] == "2 open, 1 closed"
    [log] = [one for one in view.logs() if "button" in one]
    assert log == "clean-up by a button[1]"
    view.send("cleanup_one", what="cluster", id="each", item=1)
    assert view.said() == "resource 'each' is not open"
    view.send("cleanup_one", what="cluster", id="each", item=7)
    assert view.said() == "resource 'each' is not open"
    view.send("keep_one", what="cluster", id="each", item=2)
    assert view.said() == "work/each[2] is kept for 30 minutes after this kernel's end"
    [one] = [one for one in view.look("each", "cluster")[2]["items"] if one["item"] == 2]
    assert one["said"] == "kept for 30m after the kernel's end"
    view.send("cleanup_one", what="cluster", id="each")
    assert view.said() == "cleaned up work/each[0], work/each[2]"
    assert sorted(things.story) == ["a", "b", "c"]


def test_an_item_that_cannot_be_cleaned_up_says_why(mapped, things):
    view = FakeView(mapped)
    leave_open(mapped)
    things.fails = {"b"}
    view.send("cleanup_one", what="cluster", id="each")
    assert "not cleaned up: work/each[1]: OSError: b is busy" in view.said()
    states_now = [state for _, _, state in items_of(view)]
    assert states_now[::2] == ["closed", "closed"]
    assert states_now[1] in ("failed", "with the reaper")
    assert "b is busy" in view.look("each", "cluster")[2]["items"][1]["said"]
    things.fails = set()


# ---- several views


def test_two_views_look_at_different_things_at_once(flow, view):
    leave_open(flow)
    view.look("second", view="one")
    view.look("outer", "cluster", view="two")
    frame = view.live.inspections.frame(lambda subject: view.commands.sources(view.live, subject))
    assert [(one["to"], one["text"]) for one in frame["logs"]] == [("one", "working 1\n")]
    view.send("cleanup")
    told = [view.await_frame("inspected") for _ in range(2)]
    assert sorted((one["to"], one["id"]) for one in told) == [("one", "second"), ("two", "outer")]


def test_a_preview_for_a_view_that_has_looked_away_is_not_made(flow, view):
    calls = []
    view.commands._previews = type("No", (), {"call": lambda *_: calls.append(1)})()
    leave_open(flow)
    held = threading.Event()
    view.commands._values.post(lambda: held.wait(PATIENCE))
    view.look("first")
    view.send("look_away")
    held.set()
    over = threading.Event()
    view.commands._values.post(over.set)
    assert over.wait(PATIENCE)
    assert calls == []


def test_a_name_without_end_is_cut(view):
    assert view.send("inspect", what="node", id="x" * 100_000)
    assert len(view.await_frame("inspected")["id"]) == 200


# ---- the room, and what is folded


def test_scopes_that_are_left_open_are_closed_and_nothing_else(flow, view, things):
    leave_open(flow)
    view.send("close_scopes")
    assert view.said() == "cleaned up work/outer, work/inner"
    assert set(lease_states(flow).values()) == {states.CLOSED}
    assert not memory_of(flow).open_leases


def test_a_header_is_unfolded_and_a_graph_turned(flow, view):
    view.send("open")
    first = view.live.refresh()[0]
    assert view.send("unfold", what="cluster", id="outer")
    opened = view.live.refresh()[0]
    assert len(opened["nodes"]) == len(first["nodes"]) + 3
    assert view.send("fold", what="cluster", id="outer")
    assert view.live.refresh()[0]["version"] == first["version"]
    view.send("room", width=300.0, height=200.0, direction="right")
    assert view.live.refresh()[0]["direction"] == "right"


def test_tasks_that_are_drawn_as_one_are_looked_at_together(view_of):
    def work(number):
        if number == 7:
            raise ValueError("seven")

    with Flow("many") as flow:
        for number in range(120):
            task(work, name=f"part-{number}")(number)
    view = view_of(flow)
    view.live.opened("me")
    [node] = view.live.refresh()[0]["nodes"]
    flow.run(quiet=True)
    rows, texts, _ = view.look(node["id"])
    assert rows["tasks"] == "120: 119 success, 1 failed"
    assert rows["names"].startswith("part-0, part-1")
    assert texts["first failures"] == "part-7: ValueError: seven"


LOST = """
from resnb import Flow, resource_manager, task
from resnb.ledger.admin.commands import LedgerCommands
from tests.notebook.widget.looking import FakeView

@resource_manager
class Thing:
    def setup(self):
        raise OSError("half made")
    def cleanup(self, resource):
        pass

with Flow("lost") as flow, Thing.use((), {}, name="thing") as thing:
    task(id, name="use")(thing)
flow.run(quiet=True)
view = FakeView(flow)
actions = view.look("thing", "cluster")[2]["actions"]
print(actions["forget"], "look for it" in actions["cleanup"], len(LedgerCommands().leases()))
for _ in range(2):
    view.send("forget_one", what="cluster", id="thing")
    print(view.said())
print(view.look("thing", "cluster")[2]["actions"]["forget"], LedgerCommands().leases())
"""


def test_what_nobody_can_clean_up_is_forgotten_when_it_is_gone(ledger_home, tmp_path):
    script = tmp_path / "lost.py"  # an interpreter of its own, whose leases are in a ledger
    script.write_text(LOST, encoding="utf-8")
    root = Path(__file__).parents[3]
    environment = {**os.environ, "RESNB_HOME": str(ledger_home), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "True True 1",
        "forgotten: lost/thing",
        "resource 'thing' has nothing to forget",
        "False []",
    ], done.stderr
