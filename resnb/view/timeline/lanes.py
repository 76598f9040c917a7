"""A run's record -> spans of work, and the lanes that they belong to. Pure.

A lane is a worker of the executor, the thread of a scope, or one coroutine at a time; workers and
scopes beyond the first ones share a lane, so that there are few enough to draw.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from resnb.states import FIRST_FINISHED, MAPPED, RUNNING
from resnb.view.names import counted, shown
from resnb.view.timeline.bars import ONE, Span, ends_found, side_by_side
from resnb.view.timeline.record import EXECUTOR, LOOP, RunRecord

MOST_LANES: Final = 24
"""The most lanes of workers, coroutines included."""
MOST_SCOPES: Final = 12


class Row(NamedTuple):
    """A lane before its spans are merged.

    Attributes:
        label: the worker, or the scope.
        kind: ``scope`` (the thread of its set-up and clean-up), ``worker``, ``loop`` (coroutines)
            or ``more`` (the rest).
        spans: by their start; they overlap only in a lane of the kind ``more``.
    """

    label: str
    kind: str
    spans: list[Span]


def spans_of(record: RunRecord, until: float) -> list[Span]:
    """Everything that was begun, by its start."""
    parents = {block.of for block in record.blocks if block.first < block.last}
    planned = len(record.labels)
    found = [
        _span(record, row, row, ONE, until)
        for row, tries in enumerate(record.tries[:planned])
        if tries and row not in parents
    ]
    for block in record.blocks:
        tries_of = record.tries[block.first : block.last]
        found += [
            _span(record, block.first + item, block.of, item, until)
            for item, tries in enumerate(tries_of)
            if tries
        ]
    found.sort()
    return found


def _span(record: RunRecord, row: int, origin: int, item: int, until: float) -> Span:
    began, ended, code = record.started[row], record.ended[row], record.states[row]
    start = min(max(began - record.began, 0.0), until)
    if ended > began or (ended == began and code >= FIRST_FINISHED and code != MAPPED):
        return Span(start, max(start, min(ended - record.began, until)), code, origin, item)
    end = start if code == MAPPED else until
    return Span(start, max(start, end), code, origin, item, is_sure=code in (RUNNING, MAPPED))


def rows_of(record: RunRecord, spans: list[Span]) -> Iterator[Row]:
    """Label, kind and spans of each lane: scopes, then workers, then coroutines, then the rest."""
    by_home: defaultdict[tuple[int, int], list[Span]] = defaultdict(list)
    first = {block.of: block.first for block in record.blocks}
    for span in spans:
        row = span.row if span.item == ONE else first[span.row] + span.item
        home = record.homes[span.row]
        if home >= 0 and ONE not in (span.item, record.uses[home].item):
            home += span.item  # its own thread
        by_home[home, record.worker[row] if home == EXECUTOR else 0].append(span)
    beyond: list[Span] = []
    uses = [(place, use) for place, use in enumerate(record.uses) if use.is_part]
    for number, (place, use) in enumerate(uses):
        on_thread = by_home.pop((place, 0), [])
        if number < MOST_SCOPES:
            yield from _split(use.label, "scope", on_thread)
        else:
            beyond += on_thread
    if beyond:
        more = len(uses) - MOST_SCOPES
        yield Row(counted(more, "more resource"), "more", sorted(beyond))
    workers = [row for home in sorted(by_home, key=_order) for row in _of(record, home, by_home)]
    yield from workers[:MOST_LANES]
    rest = workers[MOST_LANES:]
    if rest:
        both = sorted(span for row in rest for span in row.spans)
        yield Row(counted(len(rest), "more worker"), "more", both)


def _order(home: tuple[int, int]) -> tuple[bool, int]:
    return home[0] == LOOP, home[1]


def _of(
    record: RunRecord, home: tuple[int, int], spans: dict[tuple[int, int], list[Span]]
) -> Iterator[Row]:
    where, number = home
    if where == LOOP:
        return _split("coroutines", "loop", spans[home])
    known = 0 < number <= len(record.workers)
    return _split(shown(record.workers[number - 1]) if known else "worker", "worker", spans[home])


def _split(label: str, kind: str, spans: list[Span]) -> Iterator[Row]:
    lanes = side_by_side(spans if kind == "loop" else ends_found(spans)) or [[]]
    for number, lane in enumerate(lanes, 1):  # "· 2" would be a worker's second thread
        yield Row(label if number == 1 else f"{label}, lane {number}", kind, lane)
