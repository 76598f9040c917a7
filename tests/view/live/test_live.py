"""What views are told, given what has happened; without threads, clocks and engines."""

import json
import threading
from datetime import UTC, date, datetime
from enum import Enum
from queue import Queue

import pytest

import resnb
from resnb import Flow, Parameter
from resnb.errors import OptionError
from resnb.events import RunBegan, RunEnded, StructureChanged
from resnb.run.output.log import Log
from resnb.states import FAILED, PENDING, RUNNING, SUCCESS
from resnb.view.engines import DrawingError
from resnb.view.live.flow import LiveFlow
from resnb.view.live.layout import Box, Layout
from resnb.view.live.log_watch import LogSource, Subject
from resnb.view.live.parameter_form import checked, form
from resnb.view.live.ticker import Ticker, pause
from resnb.view.wire.frames import Frame
from resnb.wire import fault
from tests.run.parts import PATIENCE


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Layouts:
    """Stands in for the engine, and counts how often it was asked."""

    def __init__(self):
        self.count = 0
        self.error = None

    def __call__(self, outline):
        self.count += 1
        if self.error:
            raise DrawingError(self.error)
        box = Box(0, 0, 1, 1)
        return Layout(1, 1, (box,) * len(outline.nodes), (box,) * len(outline.clusters), ())


@pytest.fixture
def layouts():
    return Layouts()


@pytest.fixture
def live(seed, progress, layouts):
    found = LiveFlow(seed, lambda: found.told, lay_out=layouts, now=lambda: found.time)
    found.told, found.time = progress({}, flow=PENDING), 0.0
    return found


def kinds(frames):
    assert [fault(Frame, one) for one in frames] == [""] * len(frames)
    assert json.loads(json.dumps(frames)) is not None
    return [one["frame"] for one in frames]


def test_nobody_is_told_anything_while_nobody_looks(live, layouts):
    assert live.refresh() == []
    assert layouts.count == 0


def test_a_view_is_told_everything_once(live, layouts):
    live.opened("a")
    first, *others = live.refresh()
    assert kinds([first, *others]) == ["structure", "states", "failures", "form"]
    assert first["resnb"] == resnb.__version__
    assert live.refresh() == []
    live.opened("b")
    assert kinds(live.refresh()) == ["structure", "states", "failures", "form"]
    assert layouts.count == 1


def test_what_changes_is_told_as_a_delta_of_the_same_structure(live, progress):
    live.opened("a")
    version = live.refresh()[0]["version"]
    live.told = progress({"load": RUNNING}, leases={"client": "open"}, flow=RUNNING)
    [delta] = live.refresh()
    assert (delta["frame"], delta["version"], delta["flow"]) == ("delta", version, RUNNING)
    assert delta["leases"] == [(0, "open")]
    assert live.is_moving
    live.told = progress({"load": SUCCESS}, leases={"client": "open"}, flow=RUNNING)
    [delta] = live.refresh()
    assert delta["codes"] == [(2, SUCCESS)]
    assert "leases" not in delta


def test_a_structure_is_laid_out_again_only_where_it_has_changed(live, layouts, seed, work):
    live.opened("a")
    first = live.refresh()[0]
    live.happened(StructureChanged(seed.name))
    assert kinds(live.refresh()) == ["form"]
    with seed:
        work("more")()
    live.happened(StructureChanged("another"))
    assert live.refresh() == []
    live.happened(StructureChanged(seed.name))
    structure, *_ = live.refresh()
    assert len(structure["nodes"]) == len(first["nodes"]) + 1
    assert structure["version"] != first["version"]
    assert layouts.count == 2


def test_a_view_that_cannot_say_so_yet_is_kept_up_to_date(seed, progress, layouts):
    live = LiveFlow(
        seed, lambda: live.told, lay_out=layouts, now=lambda: live.time, is_deaf=lambda: live.deaf
    )
    live.time, live.deaf, live.told = 0.0, True, progress({}, flow=PENDING)
    live.shown()
    assert kinds(live.refresh()) == ["structure", "states", "failures", "form"]
    assert kinds(live.at_rest()) == ["structure", "states", "failures", "form"]
    live.told = progress({"load": RUNNING}, flow=RUNNING)
    assert kinds(live.refresh()) == ["delta"]
    for live.time, sent in ((0.5, []), (1.0, ["states"]), (1.5, []), (2.0, ["states"])):
        assert kinds(live.refresh()) == sent
    live.time = 5.0
    assert kinds(live.refresh()) == ["structure", "states", "failures", "form"]
    live.time = 1000.0  # the cell is still running
    assert live.refresh()
    live.deaf, live.told = False, progress({}, flow=SUCCESS)
    assert kinds(live.refresh()) == ["delta"]


def test_what_views_say_only_spares_work(live, progress):
    live.shown()
    live.refresh()
    live.opened("a")
    assert kinds(live.refresh()) == ["structure", "states", "failures", "form"]
    live.closed("a")
    live.told = progress({}, flow=RUNNING)
    assert live.refresh() == []
    live.shown()
    assert kinds(live.refresh()) == ["structure", "states", "failures", "form"]


def test_after_the_last_view_is_closed_nothing_is_told(live, progress):
    live.opened("a")
    live.refresh()
    live.closed("a")
    live.closed("a")
    live.told = progress({}, flow=RUNNING)
    assert live.refresh() == []


def test_what_cannot_be_drawn_is_said_once_to_each_view(live, layouts):
    layouts.error = "no engine"
    live.opened("a")
    assert kinds(live.refresh()) == ["failed", "failures", "form"]
    assert live.refresh() == []
    assert kinds(live.at_rest()) == ["failed", "failures", "form"]
    live.opened("b")
    assert kinds(live.refresh()) == ["failed", "failures", "form"]


def test_a_run_is_timed(live, progress, seed):
    live.opened("a")
    assert live.refresh()[1]["elapsed"] is None
    live.happened(RunBegan(seed.name))
    live.time, live.told = 2.0, progress({}, flow=RUNNING)
    assert live.refresh()[0]["elapsed"] == 2.0
    live.time = 3.0
    live.happened(RunEnded(seed.name, "Success"))
    live.time, live.told = 9.0, progress({}, flow=SUCCESS)
    assert live.refresh()[0]["elapsed"] == 3.0


def test_a_large_flow_is_folded_until_somebody_unfolds_it(large, progress, layouts):
    live = LiveFlow(large, lambda: progress({}), lay_out=layouts)
    live.opened("a")
    small = live.refresh()[0]
    assert small["folded"] == "yes"
    assert len({one["id"] for one in small["nodes"]}) == len(small["nodes"]) == 7
    assert [len(one.get("inside", [])) for one in small["nodes"]] == [99, 0, 99, 0, 99, 0, 0]
    live.unfold(unfolded=True)
    whole = live.refresh()[0]
    assert (whole["folded"], len(whole["nodes"])) == ("unfolded", 301)


def test_one_folded_node_is_opened_and_the_rest_stays_folded(large, progress, layouts):
    live = LiveFlow(large, lambda: progress({}), lay_out=layouts)
    live.opened("a")
    first = live.refresh()[0]["nodes"][0]
    assert len(live.folded(first["id"])) == 99
    live.open(Subject("node", first["id"]), opened=True)
    opened = live.refresh()[0]
    assert len(opened["nodes"]) == 105
    assert first["inside"][0] in {one["id"] for one in opened["nodes"]}
    live.unfold(unfolded=False)
    assert len(live.refresh()[0]["nodes"]) == 7


def test_what_a_scope_does_for_itself_is_in_its_header_until_it_is_opened(live):
    live.opened("a")
    structure = live.refresh()[0]
    own = ["client.init", "client.setup", "client.cleanup"]
    assert structure["clusters"][0]["inside"] == own
    assert own[0] not in {one["id"] for one in structure["nodes"]}
    live.open(Subject("cluster", "client"), opened=True)
    structure = live.refresh()[0]
    assert structure["clusters"][0]["inside"] == []
    assert {*own} <= {one["id"] for one in structure["nodes"]}


def test_progress_counts_tasks_that_are_not_drawn(work, progress, layouts):
    with Flow("wide") as flow:
        for number in range(400):
            work(f"task {number}")()
        work("each").map([1, 2, 3])
    live = LiveFlow(flow, lambda: live.told, lay_out=layouts)
    live.told = progress({"task 399": PENDING}, flow=RUNNING, counts={"each": {RUNNING: 3}})
    live.opened("a")
    assert live.refresh()[1]["tally"] == (403, 399, 0, 3)
    live.told = progress({}, flow=RUNNING, counts={"each": {RUNNING: 3}})
    [delta] = live.refresh()
    assert delta["tally"] == (403, 400, 0, 3)
    assert delta["counts"] == [(0, ((SUCCESS, 400),))]


def test_looks_come_less_often_where_they_cost_more():
    assert pause(0.01, 0.0002) == pytest.approx(0.04)
    assert pause(0.01, 0.001) == pytest.approx(0.09)
    assert pause(0.01, 0.5) == pytest.approx(0.99)
    assert pause(3.0, 0.0) == 0.0


def test_a_reader_need_not_wait_for_the_pause_that_a_large_flow_takes(live, monkeypatch):
    monkeypatch.setattr("resnb.view.live.ticker.pause", lambda *_: 3600.0)
    ticker, sent = Ticker(), Queue()
    live.opened("a")
    ticker.add(live, sent.put)
    assert sent.get(timeout=PATIENCE)["frame"] == "structure"
    live.opened("b")
    ticker.look()
    while sent.get(timeout=PATIENCE)["frame"] != "structure":
        pass
    ticker.remove(live)
    ticker.look()  # so that its thread ends at once


def test_a_flow_may_be_removed_in_the_middle_of_anything(live):
    ticker = Ticker()

    def collected():
        with ticker._lock:  # a garbage collection while another flow is added
            ticker.remove(live)

    thread = threading.Thread(target=collected, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_what_failed_is_told_first_and_again_only_when_it_is_something_else(live, progress):
    live.opened("a")
    live.refresh()
    live.told = progress({"load": FAILED}, failures={"load": "no such file"}, flow=RUNNING)
    _, failures = live.refresh()
    assert kinds([failures]) == ["failures"]
    assert (failures["total"], failures["first"]) == (1, [("load", "no such file")])
    live.told = progress({"load": FAILED}, failures={"load": "no such file"}, flow=FAILED)
    assert kinds(live.refresh()) == ["delta"]
    assert live.at_rest()[2] == failures
    live.told = progress({}, flow=RUNNING)
    assert live.refresh()[1] == {"frame": "failures", "total": 0, "first": []}


# ---- the form


def test_fields_have_the_kind_of_their_default():
    with Flow("form") as flow:
        for name, default in {
            "n": 3,
            "exact": 2**53 - 1,
            "big": -(2**53),
            "x": 0.5,
            "on": True,
            "s": "a",
            "any": None,
            "t": (1,),
            "l": [1, {"a": None}],
            "d": {"a": 1},
            "keys": {1: 2},
            "day": date(2026, 1, 31),
            "moment": datetime(2026, 1, 31, 8, tzinfo=UTC),
            "size": Size.SMALL,
            "o": object(),
        }.items():
            flow.add_task(Parameter(name, default=default))
        flow.add_task(Parameter("must"))
    fields = {one["name"]: one for one in form(flow)["fields"]}
    assert {name: one["kind"] for name, one in fields.items()} == {
        "n": "int", "exact": "int", "big": "other", "x": "float", "on": "bool", "s": "str", "any": "text", "t": "list", "must": "text",
        "l": "list", "d": "dict", "keys": "other", "day": "date", "moment": "datetime",
        "size": "choice", "o": "other",
    }  # fmt: skip
    assert fields["must"]["required"]
    assert [name for name, one in fields.items() if not one["editable"]] == ["big", "keys", "o"]
    assert fields["big"]["default"] == "-9007199254740992"
    assert (fields["l"]["default"], fields["day"]["default"]) == ('[1, {"a": null}]', "2026-01-31")
    assert (fields["size"]["default"], fields["size"]["choices"]) == ("SMALL", ["SMALL", "LARGE"])


def test_values_of_a_front_end_are_checked(seed):
    with Flow("form") as flow:
        flow.add_task(Parameter("n", default=3))
        flow.add_task(Parameter("x", default=0.5))
        defaults = {"t": (1,), "l": [], "d": {}, "day": date(2026, 1, 31), "size": Size.SMALL}
        for name, default in defaults.items():
            flow.add_task(Parameter(name, default=default))
    assert checked(flow, {"n": 4, "x": 2}) == {"n": 4, "x": 2.0}
    texts = {"t": "[1, 2]", "l": "[null]", "d": '{"a": []}', "day": "2026-02-28", "size": "LARGE"}
    assert checked(flow, texts) == {
        "t": (1, 2), "l": [None], "d": {"a": []}, "day": date(2026, 2, 28), "size": Size.LARGE
    }  # fmt: skip
    for values, reason in (
        ({"l": "{}"}, "takes list, not '{}'"),
        ({"d": "[" * 100_000}, "takes dict, not"),
        ({"d": "__import__('os')"}, "takes dict, not"),
        ({"day": "tomorrow"}, "takes date, not 'tomorrow'"),
        ({"size": "HUGE"}, "takes Size, not 'HUGE'"),
        ({"n": "4"}, "takes int, not str"),
        ({"n": True}, "takes int, not bool"),
        ({"m": 1}, "has no parameter 'm'"),
    ):
        with pytest.raises(OptionError, match=reason):
            checked(flow, values)


# ---- several views, and logs


@pytest.fixture
def talking(seed, progress, layouts):
    """A flow of which every node has the same log."""
    log = Log()
    found = LiveFlow(
        seed,
        lambda: found.told,
        lay_out=layouts,
        now=lambda: found.time,
        sources=lambda _: [LogSource("log", 1, log.since)],
        is_deaf=lambda: found.deaf,
    )
    found.told, found.time, found.deaf, found.log = progress({}, flow=RUNNING), 0.0, False, log
    return found


def test_logs_and_states_take_turns(talking, progress):
    talking.opened("a")
    talking.refresh()
    talking.inspections.begin("a", Subject("node", "load"))
    told = []
    for number in range(10):
        talking.log.add(f"{number}\n")
        talking.told = progress({"load": number % 3}, flow=RUNNING)
        frames = talking.refresh()
        told += kinds(frames)
        assert len(frames) == 1
    assert told == ["logs", "delta"] * 5


def test_what_was_printed_last_is_told_after_the_last_states(talking, progress):
    talking.opened("a")
    talking.refresh()
    talking.inspections.begin("a", Subject("node", "load"))
    talking.refresh()
    talking.log.add("the last words")
    talking.told = progress({"load": SUCCESS}, flow=SUCCESS)
    assert kinds(talking.refresh()) == ["delta"]
    assert not talking.is_moving
    assert talking.has_more
    assert kinds(talking.refresh()) == ["logs"]
    assert not talking.has_more
    assert talking.refresh() == []


def test_nothing_more_is_to_be_told_where_nobody_looks_closely(talking):
    talking.opened("a")
    talking.refresh()
    assert not talking.has_more
    talking.log.add("text")
    assert talking.refresh() == []


def test_a_view_that_dies_is_forgotten_and_one_that_comes_back_gets_everything(talking):
    talking.opened("a")
    talking.opened("b")
    talking.refresh()
    talking.inspections.begin("a", Subject("node", "load"))
    talking.time = 100.0
    assert not talking.heard("b")
    talking.time, talking.deaf = 200.0, True
    talking.refresh()
    assert list(talking.views) == ["a", "b"]
    talking.time, talking.deaf = 330.0, False
    talking.heard("b")
    talking.refresh()
    assert list(talking.views) == ["b"]
    assert talking.inspections.at() == {}
    assert talking.heard("a")
    assert kinds(talking.refresh()) == ["structure", "states", "failures", "form"]


def test_closing_one_view_leaves_the_other(talking):
    talking.opened("a")
    talking.opened("b")
    talking.refresh()
    for view in "ab":
        talking.inspections.begin(view, Subject("node", "load"))
    talking.closed("a")
    talking.log.add("text")
    [frame] = talking.refresh()
    assert [one["to"] for one in frame["logs"]] == ["b"]
