"""Timelines of made-up runs: nothing is lost, nothing overlaps, and few bars are enough."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnb.states import (
    CANCELLED,
    FAILED,
    MAPPED,
    PENDING,
    RETRYING,
    RUNNING,
    SKIPPED,
    SUCCESS,
)
from resnb.view.timeline.bands import Band, band_text, united
from resnb.view.timeline.bars import ONE, Span, merged, side_by_side
from resnb.view.timeline.chart import MOST_BARS, timeline
from resnb.view.timeline.record import EXECUTOR, LOOP, Block, ResourceUse, RunRecord
from resnb.view.timeline.scale import duration_text, ticks

CLOCK = 100.0
"""What the clock of a made-up run says when it begins."""


def record(rows, *, uses=(), blocks=(), planned=None, over=10.0, now=None, workers=2, code=SUCCESS):
    """A run; a row is (start, end, state, home, worker), without times if it did not run."""
    planned = len(rows) if planned is None else planned
    names = ("setup", "cleanup")
    own = {getattr(use, name): f"{use.label}.{name}" for use in uses for name in names}
    kinds = {getattr(use, name): name for use in uses for name in names}
    return RunRecord(
        "flow", code, CLOCK, CLOCK + (over if now is None else now),
        None if over is None else CLOCK + over,
        bytes(row[2] for row in rows),
        array("d", [0.0 if row[0] is None else CLOCK + row[0] for row in rows]),
        array("d", [0.0 if row[1] is None else CLOCK + row[1] for row in rows]),
        array("I", [row[0] is not None for row in rows]),
        array("I", [row[4] for row in rows]),
        tuple(f"worker {number + 1}" for number in range(workers)),
        tuple(own.get(row, f"task-{row}") for row in range(planned)),
        tuple(kinds.get(row, "task") for row in range(planned)),
        tuple(row[3] for row in rows[:planned]),
        tuple(blocks), tuple(uses),
    )  # fmt: skip


def task_at(start, end, code=SUCCESS, worker=1):
    return start, end, code, EXECUTOR, worker


def scope_at(start, end, code=SUCCESS, place=0):
    return start, end, code, place, 0


NOT_BEGUN = (None, None, PENDING, EXECUTOR, 0)


def shown(found):
    """Each lane's bars in words."""
    return {
        lane.label: [
            (found.label_of(bar), round(bar.start, 3), round(bar.end, 3)) for bar in lane.bars
        ]
        for lane in found.lanes
    }


# ---- what is drawn


def test_a_bar_per_task_on_its_workers_row():
    found = timeline(record([task_at(0, 4), task_at(4, 10), task_at(1, 3, FAILED, 2), NOT_BEGUN]))
    assert shown(found) == {
        "worker 1": [("task-0", 0, 4), ("task-1", 4, 10)],
        "worker 2": [("task-2", 1, 3)],
    }
    assert found.lanes[1].bars[0].code == FAILED
    assert (found.first, found.last, found.seconds, found.is_on) == (0, 10, 10, False)


def test_children_are_bars_and_their_mapped_task_is_none():
    rows = [task_at(0, None, MAPPED), task_at(0, 5), task_at(5, 9), task_at(1, 2, worker=2)]
    found = timeline(record(rows, blocks=[Block(1, 4, 0)], planned=1))
    assert shown(found) == {
        "worker 1": [("task-0[0]", 0, 5), ("task-0[1]", 5, 9)],
        "worker 2": [("task-0[2]", 1, 2)],
    }


def test_a_task_that_is_mapped_over_nothing_is_an_instant():
    found = timeline(record([task_at(3, None, MAPPED)], blocks=[Block(1, 1, 0)], planned=1))
    assert shown(found) == {"worker 1": [("task-0", 3, 3)]}


def test_what_took_no_time_is_an_instant():
    found = timeline(record([task_at(1, 1), task_at(6, 6, FAILED)]))
    assert shown(found) == {"worker 1": [("task-0", 1, 1), ("task-1", 6, 6)]}


def test_what_runs_goes_on_until_now():
    found = timeline(record([task_at(0, 2), task_at(2, None, RUNNING)], over=None, now=7.0))
    assert shown(found) == {"worker 1": [("task-0", 0, 2), ("task-1", 2, 7)]}
    assert found.is_on


def test_a_row_that_waits_for_its_next_try_left_its_worker_to_the_next_task():
    rows = [task_at(0, None, RETRYING), task_at(3, None, RUNNING)]
    found = timeline(record(rows, over=None, now=7.0))
    assert shown(found) == {"worker 1": [("task-0", 0, 3), ("task-1", 3, 7)]}


def test_coroutines_get_as_many_lanes_as_they_need():
    rows = [(0, 4, SUCCESS, LOOP, 0), (1, 3, SUCCESS, LOOP, 0), (4, 6, SUCCESS, LOOP, 0)]
    assert shown(timeline(record(rows))) == {
        "coroutines": [("task-0", 0, 4), ("task-2", 4, 6)],
        "coroutines, lane 2": [("task-1", 1, 3)],
    }


def test_workers_are_called_by_their_own_names_and_many_share_a_lane():
    rows = [task_at(0, 5, worker=number + 1) for number in range(40)]
    lanes = timeline(record(rows, workers=40)).lanes
    assert [lane.label for lane in lanes[:2]] == ["worker 1", "worker 2"]
    assert (lanes[-1].label, lanes[-1].kind) == ("16 more workers", "more")
    assert sum(bar.number for lane in lanes for bar in lane.bars) == 40


# ---- resources


def held(**given):
    return ResourceUse("client", given.pop("lease", "closed"), 0, 1, frozenset({2, 3}), **given)


def test_a_band_tells_how_long_a_resource_was_idle():
    rows = [scope_at(0, 2), scope_at(8, 9), task_at(3, 5), task_at(4, 6, worker=2), task_at(0, 9)]
    [band] = timeline(record(rows, uses=[held(opened=CLOCK + 2)])).bands
    assert (band.setup, band.open, band.cleanup) == ((0, 2), (2, 8), (8, 9))
    assert band.used == ((3, 6),)
    assert (band.seconds, band.idle, band.share) == (6, 3, 0.5)
    assert band_text(band) == "open 6.00 s, idle 50 %"


def test_the_lane_of_a_scope_has_its_set_up_and_clean_up():
    rows = [scope_at(0, 2), scope_at(8, 9), task_at(3, 5), scope_at(5, 6)]
    found = timeline(record(rows, uses=[held(opened=CLOCK + 2)]))
    assert [found.kind_of(bar) for bar in found.lanes[0].bars] == ["setup", "task", "cleanup"]
    assert (found.lanes[0].label, found.lanes[0].kind) == ("client", "scope")


def test_what_was_left_open_goes_on_to_now_and_is_cut_off_where_that_is_long():
    rows = [scope_at(0, 2), NOT_BEGUN, task_at(2, 6), NOT_BEGUN]
    use = held(lease="open", opened=CLOCK + 2)
    found = timeline(record(rows, uses=[use], over=10.0, now=12.0))
    assert found.bands[0].open == (2, 12)
    assert (found.last, found.seconds) == (12, 10)
    assert band_text(found.bands[0]) == "still open after 10.0 s, idle 60 %"
    found = timeline(record(rows, uses=[use], over=10.0, now=1000.0))
    assert found.bands[0].open == (2, 1000)
    assert found.last == pytest.approx(10.6)


def test_what_an_earlier_run_opened_begins_before_the_run():
    rows = [NOT_BEGUN, NOT_BEGUN, task_at(0, 5), NOT_BEGUN]
    use = held(lease="closed", opened=CLOCK - 50, closing=CLOCK + 10, closed=CLOCK + 11)
    found = timeline(record(rows, uses=[use]))
    [band] = found.bands
    assert (band.open, band.cleanup) == ((-50, 10), (10, 11))
    assert band.share == 0.5
    assert found.first < 0
    assert (
        band_text(band) == "opened by an earlier run, open 10.0 s since this one began, idle 50 %"
    )


@pytest.mark.parametrize(
    ("rows", "lease", "said"),
    [
        ([scope_at(0, None, RUNNING)], "opening", "being set up"),
        ([scope_at(0, 3, FAILED)], "closed", "not set up: its set-up failed"),
        ([NOT_BEGUN], "not yet", "not set up"),
    ],
)
def test_a_resource_that_never_opened_has_no_band(rows, lease, said):
    rows = [*rows, (None, None, SKIPPED, 0, 0), NOT_BEGUN, NOT_BEGUN]
    [band] = timeline(record(rows, uses=[held(lease=lease)], over=None, now=4.0)).bands
    assert band.open is None
    assert band.share == 0
    assert band_text(band) == said


def test_a_clean_up_that_was_put_off_is_none():
    rows = [scope_at(0, 1), scope_at(5, 5, SKIPPED), task_at(1, 5), NOT_BEGUN]
    [band] = timeline(record(rows, uses=[held(lease="open", opened=CLOCK + 1)])).bands
    assert (band.cleanup, band.is_open) == (None, True)


def test_a_scope_that_has_no_part_in_the_run_is_not_shown():
    use = ResourceUse("other", "closed", -1, -1, frozenset())
    found = timeline(record([task_at(0, 5)], uses=[use]))
    assert (found.bands, [lane.kind for lane in found.lanes]) == ((), ["worker"])


def test_many_resources_share_a_lane_and_are_counted():
    uses = [ResourceUse(f"r{i}", "closed", i, -1, frozenset(), opened=CLOCK + 1) for i in range(15)]
    found = timeline(record([scope_at(0, 1, place=i) for i in range(15)], uses=uses))
    assert (len(found.bands), found.more_bands) == (12, 3)
    assert found.lanes[12].label == "3 more resources"
    assert sum(bar.number for bar in found.lanes[12].bars) == 3


def test_many_resources_with_many_tasks_have_a_few_bands():
    inside = frozenset(range(1_000, 1_400))
    uses = [ResourceUse(f"r{i}", "closed", i, -1, inside, opened=CLOCK + 1) for i in range(1_000)]
    rows = [scope_at(0, 1, place=i) for i in range(1_000)] + [NOT_BEGUN] * 399
    rows.append((1, None, MAPPED, EXECUTOR, 1))
    rows += [task_at(1 + i / 10_000, 1 + (i + 1) / 10_000) for i in range(20_000)]
    run = record(rows, uses=uses, blocks=[Block(1_400, 21_400, 1_399)], planned=1_400)
    found = timeline(run)
    assert [band.busy for band in found.bands] == pytest.approx([2] * 12)


# ---- what always holds

seconds = st.floats(0, 10).map(lambda value: round(value, 2))


@st.composite
def records(draw):
    """Any run, however odd: rows of a worker may overlap, ends may be missing or too late."""
    uses = draw(st.integers(0, 3))
    planned = 2 * uses + draw(st.integers(0, 12))
    children = draw(st.integers(0, 25)) if planned > 2 * uses else 0
    rows = []
    for row in range(planned + children):
        start = draw(st.none() | seconds)
        code = draw(st.sampled_from([SUCCESS, FAILED, RUNNING, RETRYING, CANCELLED]))
        end = draw(st.none() | st.floats(start, 12)) if start is not None else None
        home = row // 2 if row < 2 * uses else draw(st.sampled_from([EXECUTOR, LOOP]))
        rows.append((start, end, code, home, draw(st.integers(0, 3))))
    blocks = []
    if planned > 2 * uses:
        of = planned - 1
        rows[of] = (*rows[of][:2], MAPPED, *rows[of][3:])
        blocks = [Block(planned, planned + children, of)]
    rows_ = st.frozensets(st.integers(0, max(planned - 1, 0)))
    times = st.none() | st.floats(CLOCK - 5, CLOCK + 20)
    lease = st.sampled_from(["open", "closed", "failed", "opening"])
    found = [
        ResourceUse(f"r{i}", draw(lease), 2 * i, 2 * i + 1, draw(rows_), draw(times), draw(times), draw(times))
        for i in range(uses)
    ]  # fmt: skip
    over = draw(st.none() | st.just(10.0))
    now = draw(st.floats(10, 30))
    return record(rows, uses=found, blocks=blocks, planned=planned, over=over, now=now)


@given(records(), st.integers(1, 400), st.integers(1, 50))
def test_no_task_is_lost_and_no_bars_overlap(run, columns, most):
    found = timeline(run, columns, most)
    parents = {block.of for block in run.blocks if block.first < block.last}
    began = sum(bool(tries) for row, tries in enumerate(run.tries) if row not in parents)
    assert sum(bar.number for lane in found.lanes for bar in lane.bars) == began
    for lane in found.lanes:
        for bar, following in pairwise(lane.bars):
            assert bar.end <= following.start
        for bar in lane.bars:
            assert 0 <= bar.start <= bar.end <= found.seconds
    assert sum(len(lane.bars) for lane in found.lanes) <= max(most, len(found.lanes))


@given(records())
def test_nothing_is_idle_for_longer_than_it_was_open(run):
    found = timeline(run)
    for band in found.bands:
        assert 0 <= band.idle <= band.seconds + 1e-9
        assert 0 <= band.share <= 1
        for start, end in band.used:
            assert band.open is not None
            assert max(0, band.open[0]) <= start <= end <= band.open[1]
    assert found.first <= 0 < found.last
    assert all(0 <= tick.at <= found.last * (1 + 1e-6) for tick in found.ticks)


spans = st.lists(st.tuples(seconds, st.floats(0, 3)), max_size=40).map(
    lambda pairs: [Span(a, a + b, SUCCESS, 0, place) for place, (a, b) in enumerate(sorted(pairs))]
)


@given(spans)
def test_as_few_lanes_as_can_be(found):
    lanes = side_by_side(found)
    assert sorted(span for lane in lanes for span in lane) == sorted(found)
    for lane in lanes:
        assert all(a.end <= b.start for a, b in pairwise(lane))
    at_once = [1 + sum(a.end > b.start for a in found[:place]) for place, b in enumerate(found)]
    assert len(lanes) == max(at_once, default=0)


@given(spans, st.floats(0.001, 5))
def test_merging_keeps_the_total(found, pixel):
    for lane in side_by_side(found):
        bars = merged(lane, pixel)
        assert sum(bar.number for bar in bars) == len(lane)
        assert sum(bar.busy for bar in bars) == pytest.approx(sum(s.end - s.start for s in lane))
        assert all(bar.item == ONE for bar in bars if bar.number > 1)


@given(st.lists(st.tuples(seconds, seconds)), seconds, seconds)
def test_united_times_lie_within_and_apart(pairs, low, high):
    found = united(pairs, (low, high))
    for start, end in found:
        assert low <= start < end <= high
    assert all(a[1] < b[0] for a, b in pairwise(found))


@given(st.floats(1e-6, 1e7))
def test_ticks_are_few_and_start_at_zero(span):
    found = ticks(span)
    assert 1 <= len(found) <= 8
    assert found[0].at == 0
    assert len({tick.label for tick in found}) == len(found)


@settings(max_examples=500)
@given(st.floats(0, 1e6))
def test_durations_are_short(duration):
    assert len(duration_text(duration)) <= 12


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "under 1 ms"), (0.38, "380 ms"), (9.994, "9.99 s"), (12.44, "12.4 s"), (59.97, "1 min 00 s"),
     (125, "2 min 05 s"), (4200, "1 h 10 min")],
)  # fmt: skip
def test_durations_in_words(duration, text):
    assert duration_text(duration) == text


# ---- how large it may be


def test_a_hundred_thousand_tasks_are_few_bars():
    rows = [task_at(None, None, MAPPED, 0)]
    rows[0] = (0.0, None, MAPPED, EXECUTOR, 1)
    rows += [task_at(i * 0.0004, i * 0.0004 + 0.0003, SUCCESS, 1 + i % 4) for i in range(100_000)]
    rows[77] = (*rows[77][:2], FAILED, *rows[77][3:])
    run = record(rows, blocks=[Block(1, 100_001, 0)], planned=1, over=40.0, workers=4)
    found = timeline(run)
    bars = [bar for lane in found.lanes for bar in lane.bars]
    assert sum(bar.number for bar in bars) == 100_000
    assert len(bars) <= MOST_BARS
    assert any(bar.code == FAILED for bar in bars)
    assert len(bars) < 100


def test_a_band_that_was_never_open_is_never_idle():
    assert Band("x", "not yet").idle == Band("x", "not yet").share == 0
