# ruff: noqa: T201 - tasks print here
"""What is told of a node or a resource when a view looks closely at it."""

import json
import pickle
import threading
import types

import pytest

from resnb import Flow, LocalExecutor, Parameter, resource_manager, task
from resnb.graph.base.signals import SKIP
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.recipes.found_objects import FoundContainer, FoundFolder
from resnb.ledger.recipes.found_process import FoundProcess
from resnb.ledger.recipes.handles import Ended
from resnb.ledger.recipes.recipe import Protection
from resnb.notebook.widget.previews import Previews
from resnb.notebook.widget.resources import handle_text
from resnb.notebook.widget.tasks import seconds_in_words
from resnb.run.active import active_run
from resnb.run.memory import memory_of
from resnb.run.runner import RUNNER
from tests.notebook.widget.looking import PATIENCE, FakeView

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\x00\ud800\u202e\nsecond line"


@resource_manager
class Machine:
    dies_with_kernel = True

    def __init__(self, size=1):
        self.size = size

    def setup(self):
        print("setting up", self.size)
        return "machine"

    def cleanup(self, resource):
        print("cleaning up", resource)


@pytest.fixture(autouse=True)
def nothing_left_open():
    yield
    KEEPER.close(KEEPER.alive(), budget=PATIENCE)
    assert active_run() is None


@pytest.fixture
def flow():
    with Flow("look") as found, Machine.use((2,), {}, name="machine") as machine:
        n = Parameter("n", default=[1, 2])
        task(lambda n, machine: (print("loading"), n)[1], name="load")(n, machine)
    return found


def test_a_task_before_and_after_its_run(flow):
    view = FakeView(flow)
    rows, texts, frame = view.look("load")
    assert rows == {"state": "pending", "inputs": "n, machine.setup", "outputs": "machine.cleanup"}
    assert (texts, frame["clocks"], frame["actions"]) == ({}, [], None)
    assert view.preview()["shows"] is None
    flow.run()
    rows, texts, _ = view.look("load")
    assert rows["state"] == "success"
    assert "duration" in rows
    assert texts == {}
    frame = view.preview()
    assert (frame["title"], frame["to"]) == ("value", "me")
    assert frame["shows"] == {"type": "list", "text": "[1, 2]"}
    assert view.logs() == {"log": "loading\n"}
    assert view.logs() == {}


def test_a_running_task_has_a_clock_and_a_growing_log():
    began, go_on = threading.Event(), threading.Event()

    def slow():
        print("begun")
        began.set()
        assert go_on.wait(PATIENCE)

    with Flow("look") as flow:
        task(slow, name="slow", max_retries=2, retry_delay=0)()
    view = FakeView(flow)
    run = flow.start()
    assert began.wait(PATIENCE)
    rows, _, frame = view.look("slow")
    assert rows == {"state": "running", "tries": "1 of at most 3"}
    [[name, seconds]] = frame["clocks"]
    assert name == "running for"
    assert seconds >= 0
    assert view.logs() == {"log": "begun\n"}
    go_on.set()
    run.wait(PATIENCE)
    assert view.look("slow")[2]["clocks"] == []


def test_a_failed_task_shows_the_users_frames_only():
    def fails():
        raise ValueError(HOSTILE)

    with Flow("look") as flow:
        task(fails, name="fails")()
    view = FakeView(flow)
    flow.run(executor=LocalExecutor())
    rows, texts, frame = view.look("fails")
    assert rows["state"] == "failed"
    assert rows["reason"].startswith("ValueError: <img src=x onerror=alert(1)>")
    assert "\n" not in rows["reason"]
    assert "in fails" in texts["traceback"]
    assert "resnb/run" not in texts["traceback"]
    json.dumps(frame, ensure_ascii=False).encode()
    assert view.preview()["shows"] is None


def test_a_mapped_task_counts_its_children_and_names_the_first_failures():
    def each(x):
        print("item", x)
        if x > 2:
            raise ValueError(f"<b>{x}</b>")
        return x

    with Flow("look") as flow:
        task(each).map(list(range(10)))
    view = FakeView(flow)
    flow.run(executor=LocalExecutor())
    rows, texts, _ = view.look("each")
    assert rows["children"] == "3 success, 7 failed"
    assert texts["first failures"].splitlines() == [
        f"[{x}] ValueError: <b>{x}</b>" for x in range(3, 8)
    ]
    assert texts["traceback of the first failure"].endswith("ValueError: <b>3</b>\n")
    assert view.logs()["log"].splitlines()[:2] == ["[0] item 0", "[1] item 1"]
    memory = memory_of(flow)
    memory.forget([])  # as when a cell is run again: states are kept, arrays are not
    rows, texts, _ = view.look("each")
    assert texts["first failures"].count("\n") == 4
    assert view.logs() == {"log": ""}


def test_a_mapped_task_has_a_value_when_all_its_children_have_ended():
    began, go_on = threading.Event(), threading.Event()

    def each(x):
        began.set()
        assert not x or go_on.wait(PATIENCE)
        return x

    with Flow("look") as flow:
        task(each).map([0, 1])
    view = FakeView(flow)
    run = flow.start()
    assert began.wait(PATIENCE)
    assert view.look("each")[0]["state"] in ("mapped", "running")
    assert view.preview()["shows"] is None
    go_on.set()
    run.wait(PATIENCE)
    assert view.look("each")[0]["children"] == "2 success"
    assert view.preview()["shows"]["text"] == "[0, 1]"


def test_skipped_and_cancelled_tasks_and_those_after_a_failure_say_why():
    def skips():
        raise SKIP("not today")

    with Flow("look") as flow:
        first = task(skips, name="skips")()
        task(lambda: 1 / 0, name="fails")()
        task(lambda x: x, name="after")(first)
        task(lambda x: x, name="never")(flow.get_tasks("fails")[0])
    view = FakeView(flow)
    flow.run()
    assert view.look("skips")[0]["reason"] == "not today"
    assert view.preview()["shows"] is None
    assert view.look("after")[0]["state"] == "skipped"
    assert view.look("after")[0]["reason"]
    assert view.look("never")[0]["state"] == "trigger failed"
    assert view.look("never")[0]["reason"]


def test_a_cancelled_task_says_so():
    began, go_on = threading.Event(), threading.Event()
    with Flow("look") as flow:
        one = task(lambda: (began.set(), go_on.wait(PATIENCE)), name="one")()
        task(lambda x: x, name="two")(one)
    view = FakeView(flow)
    run = flow.start()
    assert began.wait(PATIENCE)
    assert view.send("cancel")
    view.look("one")  # by now the cancel, which came first, has been carried out
    go_on.set()
    run.wait(PATIENCE)
    rows, _, _ = view.look("two")
    assert rows["state"] == "cancelled"
    assert rows["reason"]


def test_a_parameter_shows_its_default_and_then_its_value(flow):
    view = FakeView(flow)
    assert view.look("n")[0]["parameter"] == "has a default"
    assert view.preview()["shows"]["text"] == "[1, 2]"
    flow.run(n=7)
    rows, _, _ = view.look("n")
    assert rows["outputs"] == "load"
    assert view.preview()["shows"]["text"] == "7"
    with Flow("must") as other:
        Parameter("m")
    assert FakeView(other).look("m")[0]["parameter"] == "required"


def test_what_is_gone_says_so(flow):
    view = FakeView(flow)
    for what in ("node", "cluster"):
        rows, _, _ = view.look("<b>gone</b>", what)
        assert rows == {"state": "it is no part of the flow any more"}
        assert view.preview()["shows"] is None
    assert view.logs() == {}


def test_a_folded_scope_counts_the_tasks_inside_and_has_its_buttons(flow):
    view = FakeView(flow)
    flow.run()
    rows, _, frame = view.look("scope machine")
    assert rows["tasks inside"] == "1 task: 1 success; Unfold shows them"
    assert rows["lease"] == "closed"
    assert frame["actions"]["cleanup"] == "resource 'machine' is not open"
    assert view.logs()["set-up"] == "setting up 2\n"


def test_values_that_hang_are_said_to_and_hold_nobody_up():
    let_go = threading.Event()

    class Slow:
        def __repr__(self):
            let_go.wait(PATIENCE)
            return "slow"

    with Flow("look") as flow:
        task(lambda: Slow(), name="slow")()
        task(lambda: 3, name="quick")()
    flow.run()
    view = FakeView(flow, previews=Previews(patience=0.01))
    try:
        for _ in range(3):
            view.look("slow")
            assert view.preview()["shows"] == {"type": "Slow", "text": "its repr takes too long"}
        view.commands._previews._patience = PATIENCE
        view.look("quick")
        assert view.preview()["shows"]["text"] == "3"
    finally:
        let_go.set()


# ---- resources


def opened(flow):
    """Run the flow's load task as a cell with --run does, so that its scope stays open."""
    wanted = [one for one in flow.nodes if one.kind not in ("cleanup", "parameter")]
    RUNNER.run_part(flow, [*wanted, *flow.get_tasks("n")], parameters={})
    [lease] = memory_of(flow).leases()
    return lease


def test_a_resource_before_while_and_after_it_is_open(flow):
    view = FakeView(flow)
    rows, _, frame = view.look("machine", "cluster")
    assert rows == {
        "lease": "not yet",
        "manager": "Machine",
        "during set-up": "protected",
        "once open": "protected",
    }
    assert frame["clocks"] == []
    refused = dict.fromkeys(("cleanup", "keep"), "resource 'machine' is not open")
    assert frame["actions"] == {**refused, "forget": False}
    lease = opened(flow)
    rows, _, frame = view.look("machine", "cluster")
    assert rows["lease"] == "open"
    assert rows["named"] == "look/machine"
    assert rows["id"] == lease.id
    assert rows["held by"] == "this kernel"
    assert [name for name, _ in frame["clocks"]] == ["age", "unused for"]
    assert frame["actions"] == {
        "cleanup": "",
        "keep": "resource 'look/machine' cannot be kept: it lives inside the kernel's process",
        "forget": False,
    }
    assert view.logs() == {"set-up": "setting up 2\n"}
    KEEPER.close([lease])
    rows, _, frame = view.look("machine", "cluster")
    assert (rows["lease"], rows["held by"]) == ("closed", "nobody")
    assert frame["clocks"] == []


def test_both_marks_limits_and_the_reason_are_told(flow):
    lease = opened(flow)
    lease.entry = types.SimpleNamespace(
        protection=Protection("no find(lease_id)", f"attribute {HOSTILE!r} does not pickle"),
        notice="the ledger keeps what looks like secrets: attribute 'token'",
        handle=None,
        claim=lambda: True,
        closed=lambda **_: None,
    )
    lease.reason = HOSTILE
    lease.limits = lease.limits._replace(keep=1800.0)
    view = FakeView(flow)
    rows, _, frame = view.look("machine", "cluster")
    assert rows["during set-up"] == "unprotected: no find(lease_id)"
    assert rows["once open"].startswith("unprotected: attribute '<img")
    assert rows["notice"].endswith("attribute 'token'")
    assert rows["limits"] == "keep 30m"
    assert rows["held by"] == "this kernel; kept for 30m after its end"
    assert "\n" not in rows["reason"]
    json.dumps(frame, ensure_ascii=False).encode()


def test_who_holds_a_lease_that_the_reaper_took(flow):
    lease = opened(flow)
    view = FakeView(flow)
    lease.follow("closing", "the reaper is cleaning it up")
    rows, _, frame = view.look("machine", "cluster")
    assert rows["lease"] == "with the reaper"
    assert rows["held by"] == "the reaper, which is cleaning it up"
    assert frame["actions"]["cleanup"] == "the reaper is cleaning up look/machine already"
    lease.follow("closed", "cleaned up by the reaper")
    rows, _, _ = view.look("machine", "cluster")
    assert rows["held by"] == "nobody: the reaper has cleaned it up"


@pytest.mark.parametrize(
    ("handle", "text"),
    [
        ({"pid": 3, "api_key": "hush"}, "{'pid': 3, 'api_key': <not shown>}"),
        (FoundProcess(123, 4, ["run", "--password", "hush"]), "process 123"),
        (FoundFolder("/tmp/x"), "folder '/tmp/x'"),
        (FoundContainer("abc"), "container 'abc'"),
        (Ended("Client"), "Client, which ends with the kernel"),
        ("x" * 10_000, None),
        ("\x1b[31m\x00<b>", "'\\x1b[31m\\x00<b>'"),
    ],
)
def test_a_handle_is_told_without_secrets(handle, text):
    found = handle_text(pickle.dumps(handle))
    assert len(found) <= 402
    assert text is None or found == text


def test_a_handle_is_previewed_while_there_is_one(flow):
    lease = opened(flow)
    lease.entry.handle = pickle.dumps({"path": "/tmp/x", "token": "hush"})
    view = FakeView(flow)
    view.look("machine", "cluster")
    frame = view.preview()
    assert frame["title"] == "handle"
    assert frame["shows"]["text"] == "{'path': '/tmp/x', 'token': <not shown>}"
    lease.entry.handle = b"no pickle"
    view.look("machine", "cluster")
    assert view.preview()["shows"]["text"] == "it cannot be read: UnpicklingError"
    KEEPER.close([lease])
    view.look("machine", "cluster")
    assert view.preview()["shows"] is None


def test_what_the_reaper_wrote_down_is_told_as_it_grows(flow, tmp_path, monkeypatch):
    lease = opened(flow)
    monkeypatch.setattr(KEEPER, "_book", types.SimpleNamespace(home=tmp_path))
    view = FakeView(flow)
    view.look("machine", "cluster")
    assert "reaper" not in view.logs()
    log = tmp_path / "logs" / f"{lease.id}.log"
    log.parent.mkdir()
    log.write_bytes(b"clean-up begins\n\xff\x1b[31m<b>")
    assert view.logs() == {"reaper": "clean-up begins\n\N{REPLACEMENT CHARACTER}<b>"}
    with log.open("ab") as file:
        file.write(b"x" * 20_000 + b"the end")
    found = view.logs()["reaper"]
    assert found.endswith("xthe end")
    assert len(found) == 8_000
    assert view.logs() == {}
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.00001, "under 1 ms"), (0.0123, "12.3 ms"), (1.5, "1.5 s"), (90, "90s"), (3700, "61m")],
)
def test_durations_have_as_many_digits_as_matter(seconds, words):
    assert seconds_in_words(seconds) == words
