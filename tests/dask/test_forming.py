"""Bundles of random graphs: every row travels once, after what it needs, and none too many."""

from collections import deque
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.dask.bundles.estimates import LARGE, Estimates
from resnb.dask.bundles.forming import Bundle, Bundler, Limits

LIMITS = Limits()
SHORT, LONG = 0.001, 1.0


class Graph:
    """Rows, of which each needs earlier ones; a row has ended once its bundle has."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.downstream = [[] for _ in upstream]
        for row, above in enumerate(upstream):
            for one in above:
                self.downstream[one].append(row)
        self.placed, self.ended = set(), set()

    def place(self, row):
        self.placed.add(row)
        return [one for one in self.downstream[row] if self.placed.issuperset(self.upstream[one])]

    def followers(self, row):
        return self.downstream[row]

    def is_inside(self, row, rows):
        return all(one in rows or one in self.ended for one in self.upstream[row])


@st.composite
def graphs(draw):
    """What each row needs, and how long it takes; None for rows of a kind that was never seen."""
    count = draw(st.integers(1, 40))
    upstream = [
        sorted(draw(st.sets(st.integers(max(0, row - 6), row - 1), max_size=2))) if row else []
        for row in range(count)
    ]
    seconds = [draw(st.sampled_from((None, 0.0, SHORT, SHORT, 0.008, 0.1, LONG, inf)))
               for _ in range(count)]  # fmt: skip
    return upstream, seconds


def roots(upstream):
    return [row for row, above in enumerate(upstream) if not above]


@given(given=graphs(), threads=st.integers(0, 4), data=st.data())
def test_every_row_travels_once_after_what_it_needs(given, threads, data):
    upstream, seconds = given
    graph, known = Graph(upstream), list(seconds)
    doubts = data.draw(st.sampled_from((0.0, SHORT)))
    bundler = Bundler(graph, lambda row: row % 3, known.__getitem__, lambda _: doubts)
    for row in roots(upstream):
        bundler.offer(row)
    in_flight, order = deque(), []
    while True:
        for bundle in bundler.formed(threads):
            in_flight.append(bundle)
            order += bundle.rows
            for place, row in enumerate(bundle.rows):
                before = {*bundle.rows[:place]}
                assert all(one in before or one in graph.placed for one in upstream[row])
            check(bundle.rows, known, upstream)
        ahead = sum(one.counts for one in in_flight)
        assert ahead <= LIMITS.ahead * max(1, threads)
        if not in_flight:
            break
        number = data.draw(st.integers(0, len(in_flight) - 1))
        ended = next(one for one in (in_flight[number], *in_flight)
                      if all(up in graph.ended or up in one.rows
                             for row in one.rows for up in upstream[row]))  # fmt: skip
        in_flight.remove(ended)
        graph.ended.update(ended.rows)
        for row in ended.rows:
            for other in range(row % 3, len(known), 3):
                known[other] = SHORT if known[other] is None else known[other]
        bundler.ended(ended)
    assert sorted(order) == list(range(len(upstream)))
    assert not bundler.waiting


def check(rows, seconds, upstream):
    """A bundle is one row, short enough, or a chain."""
    costs = [seconds[row] for row in rows]
    if len(rows) == 1:
        return
    assert all(one is None or one <= LIMITS.long for one in costs)
    total = sum((one or 0.0) + LIMITS.overhead for one in costs)
    links = all(upstream[row] and before in upstream[row]
                for before, row in pairwise(rows))  # fmt: skip
    assert total <= LIMITS.bundle or links
    assert total <= LIMITS.chain + len(rows) * LIMITS.overhead
    if not links:
        assert all(one is not None and one <= LIMITS.short for one in costs)


def bundler_of(upstream, seconds, doubt=inf):
    """A bundler of rows of one kind, which may take `doubt` seconds more or less."""
    return Bundler(Graph(upstream), lambda _: "kind", seconds.__getitem__, lambda _: doubt, LIMITS)


def formed(upstream, seconds, threads=2, doubt=inf):
    """The bundles that a new graph is given at once."""
    bundler = bundler_of(upstream, seconds, doubt)
    for row in roots(upstream):
        bundler.offer(row)
    return [one.rows for one in bundler.formed(threads)], bundler


def chain(count):
    return [[], *([row] for row in range(count - 1))]


def test_a_chain_travels_as_a_whole():
    assert formed(chain(300), [SHORT] * 300)[0] == [tuple(range(300))]


def test_a_chain_of_what_nobody_has_seen_travels_in_parts():
    found, _ = formed(chain(200), [None] * 200)
    assert [len(rows) for rows in found] == [64, 64, 64, 8]


def test_a_long_link_travels_alone():
    assert formed(chain(5), [SHORT, SHORT, LONG, SHORT, SHORT])[0] == [(0, 1), (2,), (3, 4)]


def test_what_is_needed_elsewhere_ends_its_bundle():
    #     1 -> 2
    # 0 <        (two long ones)
    #     3
    found, _ = formed([[], [0], [1], [0]], [SHORT, LONG, SHORT, LONG])
    assert found[0] == (0,)


def test_a_tree_travels_together_with_its_leaves():
    # 0 1  2 3
    #  4    5
    #    6
    assert formed([[], [], [], [], [0, 1], [2, 3], [4, 5]], [SHORT / 2] * 7)[0] == [
        (0, 1, 4, 2, 3, 5, 6)
    ]


def test_few_short_rows_are_spread_over_the_threads():
    found, bundler = formed([[]] * 24, [0.005] * 24)
    assert [len(rows) for rows in found] == [8, 8, 2, 2]
    assert len(bundler.waiting) == 24 - 20


def test_rows_whose_times_are_known_well_are_divided_equally():
    found, bundler = formed([[]] * 24, [0.005] * 24, doubt=0.0002)
    assert [len(rows) for rows in found] == [12, 12]
    assert not bundler.waiting


def test_rows_that_take_no_time_are_not_divided():
    assert formed([[]] * 24, [0.0001] * 24, doubt=0.0)[0] == [tuple(range(24))]


def test_the_bundles_of_a_round_have_one_size():
    found, bundler = formed([[]] * 400, [0.005] * 400, doubt=0.0002)
    assert [len(rows) for rows in found] == [20, 20, 59, 59]
    assert len(bundler.waiting) == 400 - 2 * (20 + 59)
    for _ in range(4):
        bundler.ended(Bundle((), counts=True))
        found += [one.rows for one in bundler.formed(2)]
    assert [len(rows) for rows in found[4:]] == [59, 59, 62, 62]


def test_what_is_left_is_one_bundle_for_each_thread_if_its_times_are_known_well():
    found, bundler = formed([[]] * 200, [0.005] * 200, doubt=0.0002)
    assert [len(rows) for rows in found] == [100, 100]
    assert not bundler.waiting


def test_many_short_rows_wait_until_the_cluster_comes_to_them():
    found, bundler = formed([[]] * 1000, [SHORT] * 1000)
    assert [len(rows) for rows in found] == [19, 19, 285, 285]
    assert len(bundler.waiting) == 1000 - 2 * (19 + 285)


def test_a_thread_that_has_nothing_to_do_gets_some_soon():
    _, bundler = formed([[]] * 5000, [SHORT] * 5000, threads=1)
    assert not bundler.formed(1)
    assert [len(one.rows) for one in bundler.formed(2)] == [285, 285]
    assert next(len(one.rows) for one in bundler.formed(8)) == 19


def test_a_thread_that_had_to_wait_is_given_more_ahead():
    found, bundler = formed([[]] * 5000, [SHORT] * 5000)
    bundler.idled(LIMITS.idle / 2)
    assert not bundler.formed(2)
    bundler.idled(2 * LIMITS.idle)
    assert len(found) + len(bundler.formed(2)) == 2 * 4
    for _ in range(20):
        bundler.idled(LONG)
    assert 8 + len(bundler.formed(2)) == 2 * LIMITS.most


def test_a_thread_for_which_there_was_nothing_is_given_no_more_ahead():
    bundler = bundler_of([[]] * 1000, [SHORT] * 1000)
    bundler.idled(LONG)
    for row in range(1000):
        bundler.offer(row)
    assert len(bundler.formed(2)) == 2 * LIMITS.ahead


def test_long_rows_do_not_wait_behind_short_ones():
    seconds = [SHORT] * 1000 + [LONG]
    assert (1000,) in formed([[]] * 1001, seconds)[0]


def test_rows_of_a_new_kind_wait_for_the_first_ones():
    known = [None] * 10
    bundler = bundler_of([[]] * 10, known)
    for row in range(10):
        bundler.offer(row)
    probes = bundler.formed(1)
    assert [one.rows for one in probes] == [(0,), (1,)]
    assert not bundler.formed(1)
    bundler.ended(probes[0])
    assert [one.rows for one in bundler.formed(1)] == [(2,)]
    known[:] = [LONG] * 10
    assert [one.rows for one in bundler.formed(1)] == [(row,) for row in range(3, 10)]


def test_a_row_that_was_withdrawn_does_not_travel():
    bundler = bundler_of([[]] * 3, [SHORT] * 3)
    for row in range(3):
        bundler.offer(row)
    bundler.withdraw(1)
    assert [row for one in bundler.formed(1) for row in one.rows] == [0, 2]


def test_suspects_go_one_at_a_time():
    bundler = bundler_of([[]] * 4, [SHORT] * 4)
    for row in (1, 2, 3):
        bundler.suspect(row)
    for row in range(4):
        bundler.offer(row)
    first = bundler.formed(1)
    assert sorted(one.rows for one in first) == [(0,), (1,)]
    bundler.withdraw(2)
    assert bundler.formed(1) == []
    bundler.ended(next(one for one in first if one.rows == (1,)))
    assert [one.rows for one in bundler.formed(1)] == [(3,)]


def test_estimates_follow_what_is_measured():
    found = Estimates()
    assert found.seconds("a") is None
    found.add("a", 1.0)
    found.add("a", 2.0)
    assert found.seconds("a") == pytest.approx(1.2)
    assert found.deviation("a") == pytest.approx(1.0)
    for _ in range(50):
        found.add("b", 2.0)
    assert found.deviation("b") < 0.001
    found.at_least("a", 0.5)
    assert found.seconds("a") == pytest.approx(1.2)
    found.at_least("a", 5.0)
    assert found.seconds("a") == found.deviation("a") == 5.0
    assert not found.is_large("a")
    found.add("a", 1.0, 10 * LARGE)
    assert found.is_large("a")


def test_few_kinds_are_remembered(monkeypatch):
    monkeypatch.setattr("resnb.dask.bundles.estimates.KINDS", 2)
    found = Estimates()
    for kind in "abc":
        found.add(kind, 1.0)
    assert [found.seconds(kind) for kind in "abc"] == [None, 1.0, 1.0]
