"""The picture of a timeline, by each engine, and the text beside it."""

import re
from xml.etree import ElementTree as ET

import pytest

from resnb import Flow
from resnb.states import CACHED, FAILED, MAPPED, RUNNING, SUCCESS
from resnb.view import engines
from resnb.view.engines import run_engine
from resnb.view.palette import LEASE, TASK
from resnb.view.snapshot import snapshot
from resnb.view.timeline.chart import timeline
from resnb.view.timeline.dot import PLOT, timeline_dot
from resnb.view.timeline.picture import timeline_bundle, timeline_text
from resnb.view.timeline.record import Block, ResourceUse
from tests.view.test_dot import EVIL
from tests.view.timeline.test_timeline import CLOCK, NOT_BEGUN, record, scope_at, task_at

CANVAS = re.compile(r'n1 \[.*?pos="([\d.]+),([\d.]+)".*? width=([\d.]+)')


def run(**given):
    use = ResourceUse("client", "closed", 0, 1, frozenset({2, 3}), opened=CLOCK + 2)
    rows = [scope_at(0, 2), scope_at(8, 9), task_at(3, 5), task_at(4, 6, FAILED, 2)]
    return record(rows, uses=[use], **given)


def texts(svg):
    return [one.text for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_each_engine_draws_what_there_is(engine):
    found = texts(run_engine(engine, timeline_dot(timeline(run())), "svg"))
    said = "\n".join(found).replace("\xa0", " ")
    for words in (
        "flow · success · 10.0 s", "client", "worker 1", "worker 2", "task-2", "task-3", "0 s",
        "open 6.00 s, idle 50 %", "failed", "set-up, clean-up", "resource in use", "idle",
    ):  # fmt: skip
        assert words in said, said


def test_a_long_name_on_a_bar_keeps_its_end(engine):
    name = "load_the_orders_of_all_customers_2026"
    labels = ("client.setup", "client.cleanup", name, name)
    source = timeline_dot(timeline(run()._replace(labels=labels)))
    said = [one for one in texts(run_engine(engine, source, "svg")) if one.startswith("load")]
    assert said
    assert all("…" in one and one.endswith("2026") for one in said), said


def test_the_legend_says_what_goes_on_beyond_the_run(engine):
    words = "open before or after this run"

    def said(opened):
        use = ResourceUse("client", "open", -1, -1, frozenset({0}), opened=opened)
        found = timeline(record([task_at(1, 9)], uses=[use]))
        svg = run_engine(engine, timeline_dot(found), "svg")
        return "\n".join(texts(svg)).replace("\xa0", " ")

    assert words in said(CLOCK - 100)
    source = timeline_dot(timeline(run()))
    assert words not in "\n".join(texts(run_engine(engine, source, "svg"))).replace("\xa0", " ")


def test_each_engine_keeps_places(engine):
    """The canvas is as wide as it is to be, so nothing was laid out anew."""
    source = timeline_dot(timeline(run()))
    svg = ET.fromstring(run_engine(engine, source, "svg"))
    wide = float(svg.attrib["viewBox"].split()[2])
    assert PLOT < wide < 1.5 * PLOT
    width = 72 * float(CANVAS.search(source).group(3))
    assert wide == pytest.approx(width * 96 / 72, abs=4) or wide == pytest.approx(width, abs=4)


def test_each_engine_makes_a_png_in_time_for_as_many_bars_as_there_can_be(engine):
    rows = [task_at(0, None, MAPPED)]
    rows += [task_at(i, i + 0.9, SUCCESS, 1 + i % 24) for i in range(24 * 90)]
    found = timeline(
        record(rows, blocks=[Block(1, len(rows), 0)], planned=1, over=2200.0, workers=24)
    )
    assert sum(len(lane.bars) for lane in found.lanes) > 2_000
    assert run_engine(engine, timeline_dot(found), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("name", EVIL)
def test_names_are_text_and_nothing_else(name, engine):
    labels = run()._replace(labels=("client.setup", "client.cleanup", name, name), name=name[:40])
    workers = (name, name)
    source = timeline_dot(timeline(labels._replace(workers=workers, over=CLOCK + 9)))
    svg = run_engine(engine, source, "svg")
    assert b"<script" not in svg
    assert b"<img" not in svg
    ET.fromstring(svg)


def test_states_have_their_colours():
    source = timeline_dot(timeline(run()))
    assert TASK[SUCCESS].fill in source
    assert TASK[FAILED].fill in source
    assert "striped" in source
    assert timeline_dot(timeline(run())) == source


def test_a_clean_up_that_came_after_the_run_is_drawn_once():
    use = ResourceUse("client", "closed", 0, -1, frozenset(), opened=CLOCK + 2)
    rows = [scope_at(0, 2), task_at(2, 10)]
    left_open = timeline_dot(timeline(record(rows, uses=[use])))
    after = use._replace(closing=CLOCK + 10.5, closed=CLOCK + 11)
    cleaned_up = timeline_dot(timeline(record(rows, uses=[after])))
    assert cleaned_up.count("striped") == left_open.count("striped") + 1
    assert f"{LEASE['closed'].line}90" in cleaned_up
    assert timeline_dot(timeline(run())).count("striped") == 3  # two steps, and what they mean


@pytest.mark.parametrize("over", [None, 0.0])
def test_a_run_in_which_nothing_has_begun_can_be_drawn(over, engine):
    found = timeline(record([NOT_BEGUN], over=over, now=0.0, code=RUNNING))
    assert run_engine(engine, timeline_dot(found), "png")


def test_where_nothing_can_draw_the_text_says_so(monkeypatch):
    monkeypatch.setenv(engines.VARIABLE, "none")
    bundle = timeline_bundle(timeline(run()), "the text")
    assert list(bundle) == ["text/plain"]
    assert bundle["text/plain"].startswith("the text\n(no picture: RESNB_GRAPHVIZ='none' must be")


# ---- the text


def test_the_text_names_resources_and_tasks_in_graph_order(seed, progress):
    part = {"client.setup", "client.cleanup", "n_workers", "load", "summarize", "write"}
    told = progress({"summarize": FAILED, "write": FAILED, "load": CACHED}, flow=FAILED)
    assert timeline_text(snapshot(seed, told), part) == (
        "timeline of dask-example · failed\n"
        "resources: client (closed)\n"
        "✓ load · cached\n"
        "✗ summarize · failed\n"
        "✗ write · failed"
    )


def test_the_text_has_what_took_part_only(seed, progress):
    text = timeline_text(snapshot(seed, progress({}, leases={"client": "not yet"})), {"load"})
    assert text == "timeline of dask-example · success\n✓ load"


def test_the_text_is_bounded(work, progress):
    with Flow("long") as flow:
        for number in range(200):
            work(f"t{number}")()
    shown = snapshot(flow, progress({}))
    lines = timeline_text(shown, {one.label for one in shown.outline.nodes}).splitlines()
    assert len(lines) == 62
    assert lines[-1] == "… 140 more tasks"
