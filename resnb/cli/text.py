"""Leases as lines for people. Pure; the names and reasons in them have no escape sequences."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from resnb.durations import UNITS, span
from resnb.ledger.admin import fleet
from resnb.ledger.admin.fleet import FleetLease
from resnb.ledger.admin.listing import ListedLease

_HEAD = ("ID", "NAME", "STATE", "KERNEL", "AGE", "NOTEBOOK", "NOTE")
_HISTORY = ("ID", "NAME", "STATE", "KERNEL", "SINCE", "FOR", "NOTEBOOK", "NOTE")


def table(leases: Iterable[ListedLease], now: float, *, history: bool = False) -> str:
    """A line for each lease below a head; empty if there is none.

    Args:
        leases: what to show.
        now: seconds since the epoch.
        history: whether to show when each began, by the local clock, and how long it lasted.
    """
    head = _HISTORY if history else _HEAD
    rows = [head, *(_row(one, now, history=history) for one in leases)]
    return _aligned(rows) if len(rows) > 1 else ""


def fleet_table(leases: Iterable[FleetLease], now: float) -> str:
    """The same for the leases of a fleet."""
    rows = [fleet.HEAD, *(one.cells(now) for one in leases)]
    return _aligned(rows) if len(rows) > 1 else ""


def outcome(one: ListedLease) -> str:
    """A line for a lease that should have been cleaned up, and is still there."""
    if one.remedy:
        return f"{one.name}: {one.state}: {one.remedy}"
    remark = f": {one.remark}" if one.remark else ""
    hint = "" if not one.record.tries else f" (resnb log {one.short_id})"
    return f"{one.name}: {one.state}{remark}{hint}"


def exactly(seconds: float) -> str:
    """A number of seconds in the largest unit that divides it, such as ``90m``."""
    for unit, size in UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _row(one: ListedLease, now: float, *, history: bool) -> tuple[str, ...]:
    record = one.record
    pid = one.to_json()["pid"]
    kernel = one.kernel if pid is None else f"{one.kernel} {pid}"
    age = span((record.ended or now) - record.created) if record.created else ""
    return (
        one.short_id,
        one.name,
        one.state,
        kernel,
        *([_local(record.created)] if history else []),
        age,
        one.notebook,
        note(one, now),
    )


def _local(seconds: float) -> str:
    """A time to the second by the local clock; empty if there is no such time."""
    try:
        when = datetime.fromtimestamp(seconds)  # noqa: DTZ006 - for people, here
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{when:%Y-%m-%d %H:%M:%S}" if seconds else ""


def note(one: ListedLease, now: float) -> str:
    """What a list adds to a lease, in one line."""
    left = span((one.record.keep_until or now) - now)
    parts = [f"for {left} more" if one.is_kept else "", one.remark, one.remedy]
    return "; ".join(filter(None, parts))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
