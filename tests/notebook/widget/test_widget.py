"""The widget's side of its views' messages: who is heard, who is forgotten; no front end."""

import gc
import threading
import time
import weakref
from contextlib import suppress

import pytest

from resnb import Flow, task
from resnb.notebook.widget.model import FlowWidget
from resnb.states import SUCCESS
from resnb.view.live.ticker import TICKER
from resnb.view.live.viewers import SILENCE


@pytest.fixture
def flow():
    with Flow("shown") as found:
        task(lambda: 1, name="one")()
    return found


@pytest.fixture
def no_ticker(monkeypatch):
    """Nothing is refreshed but by this thread."""
    monkeypatch.setattr(TICKER, "add", lambda *_: None)


@pytest.fixture
def widget(flow, no_ticker, monkeypatch):
    found = FlowWidget(flow)
    found.sent = []
    monkeypatch.setattr(found, "send", lambda frame: found.sent.append(frame))
    monkeypatch.setattr(FlowWidget, "is_seen", False)
    found.views = lambda: list(found._live.views)
    found.hears = lambda **content: found._received(found, content, [])
    yield found
    found.close()


def test_a_view_is_heard_until_it_is_closed(widget):
    widget.hears(do="open", view="a", ask="a/1")
    assert widget.views() == ["a"]
    assert {"frame": "taken", "ask": "a/1"} in widget.sent
    assert FlowWidget.is_seen
    widget.hears(do="close", view="a", ask="a/2")
    assert widget.views() == []


def test_the_first_frames_come_with_the_model_and_more_without_a_word_from_a_view(flow):
    widget = FlowWidget(flow)
    try:
        assert [one["frame"] for one in widget.rest] == ["structure", "states", "failures", "form"]
        assert widget._live.is_watched
    finally:
        widget.close()


def test_a_flow_whose_first_layout_takes_long_has_a_widget_all_the_same(flow, monkeypatch):
    monkeypatch.setattr("resnb.view.live.flow.STILL_AFTER", 0.0)  # a picture would be due then
    widget = FlowWidget(flow)
    try:
        assert widget.bundle()["application/vnd.jupyter.widget-view+json"]["flow"] == flow.name
        assert widget.rest
    finally:
        widget.close()


def test_what_is_kept_for_views_is_how_the_last_run_ended(no_ticker):
    divisors = iter([0, 1])
    with Flow("again") as flow:
        task(lambda: 1 / next(divisors), name="one")()
    widget = FlowWidget(flow)
    try:
        for _ in range(2):
            flow.run(quiet=True)
            for frame in widget._live.refresh():
                widget._send_frame(frame)
            widget._kept._next = float("-inf")  # whatever making it took
            widget.settle(is_moving=False)
        assert set(widget.rest[1]["codes"]) == {SUCCESS}
    finally:
        widget.close()


def test_what_comes_twice_is_done_once_and_confirmed_twice(widget, monkeypatch):
    begun = []
    monkeypatch.setattr(widget._commands, "take", lambda *one: begun.append(one) or True)
    for _ in range(2):  # over the widget's comm and over the control channel
        widget.hears(do="run", view="a", ask="a/1", parameters={})
    assert len(begun) == 1
    assert widget.sent == 2 * [{"frame": "taken", "ask": "a/1"}]


def test_a_view_that_was_forgotten_is_known_again_with_what_it_looked_at(widget):
    widget.hears(do="open", view="a", ask="a/1")
    widget.hears(do="inspect", view="a", ask="a/2", what="node", id="one")
    live = widget._live
    live.views.forget(live._now() + 2 * SILENCE, is_deaf=False)
    live.inspections.keep(live.views)
    assert widget.views() == []
    assert live.inspections.at() == {}
    before = len(widget.sent)
    widget.hears(do="here", view="a", ask="a/3", what="node", id="one")
    assert widget.views() == ["a"]
    assert [subject.label for subject in live.inspections.at().values()] == ["one"]
    assert {"frame": "taken", "ask": "a/3"} not in widget.sent[before:]


@pytest.mark.parametrize(
    "content",
    [{"do": "open"}, {"do": "open", "view": 3}, {"do": "here", "view": "x" * 65}, {"do": ["open"], "view": []}],
)  # fmt: skip
def test_a_view_without_a_name_is_none(widget, content):
    widget.hears(**content, ask="1")
    assert widget.views() == []
    assert not FlowWidget.is_seen


@pytest.mark.parametrize(
    "content", ["text", None, [1], {"do": "open", "view": "a", "x": "x" * 70_000}]
)
def test_other_messages_are_not_looked_at(widget, content):
    widget._received(widget, content, [])
    assert widget.views() == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"do": "format"}, "has none of its forms"),
        ({"do": "inspect", "what": "node"}, "id is missing"),
        ({"do": "inspect", "what": "edge", "id": "one"}, "what is none of node, cluster"),
        ({"do": "timeline", "shown": 1}, "shown is no truth value"),
        ({"do": "run", "parameters": {"n": [1]}}, "parameters.n has none of its forms"),
        ({"do": "run", "parameters": [1]}, "parameters is no table"),
        ({"do": "keep_one", "what": "node", "id": "one", "item": True}, "item is no whole number"),
    ],
)
def test_a_command_that_cannot_be_read_is_refused_with_the_reason(widget, content, why):
    widget.hears(**content, view="a", ask="a/1")
    [frame] = widget.sent
    assert (frame["frame"], frame["done"]) == ("said", False)
    assert frame["text"].endswith(why)


def test_a_flow_of_the_same_name_takes_over_the_views(widget, flow):
    widget.hears(do="open", view="a", ask="a/1")
    with Flow("shown") as other:
        task(lambda: 2, name="two")()
    widget.follow(other)
    widget.follow(other)
    assert widget.views() == ["a"]
    assert widget._live.flow is other


def test_widgets_that_were_closed_leave_no_thread_and_no_commands(leak_grace):
    before = set(threading.enumerate())
    commands = []
    for number in range(5):
        with Flow(f"shown {number}") as flow:
            task(lambda: 1, name="one")()
        widget = FlowWidget(flow)
        commands.append(weakref.ref(widget._commands))
        for do in ("open", "inspect", "cancel", "cleanup"):
            content = {"do": do, "view": "a", "ask": "a/1", "what": "node", "id": "one"}
            widget._received(widget, content, [])
        widget.close()
        del widget
    deadline = time.monotonic() + leak_grace
    while (begun := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        for thread in begun:
            with suppress(RuntimeError):  # it is just being started
                thread.join(leak_grace)
    assert not begun
    gc.collect()
    assert [one() for one in commands if one() is not None] == []


def test_a_front_end_that_shows_no_view_gets_a_picture_until_a_view_is_heard_of(flow, no_ticker):
    widget = FlowWidget(flow)
    try:
        live, still = widget._live, widget._output.children[0]
        live.time = live._shown + 60.0
        live._now = lambda: live.time
        live.refresh()
        assert 'alt="shown · not run yet' in still.value
        assert "has no anywidget. Install resnb there" in still.value
        still.value, live.time = "", live.time + 60.0
        assert live.refresh() == []
        assert still.value == ""
        live.opened("a")
        live.refresh()
        assert not live.has_more
        assert still.value == ""
    finally:
        widget.close()
