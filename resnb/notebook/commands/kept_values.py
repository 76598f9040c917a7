"""``%flow cache``: the values that are kept on disk."""

import time

from resnb.durations import UNITS
from resnb.errors import harmless
from resnb.run.caching.store import Entry, ValueStore

_KILO = 1000


def list_values(*, is_read: bool) -> None:
    """Print what is kept: task, size and age of each value.

    Args:
        is_read: whether somebody looks at it now; what a headless notebook prints has neither
            ages nor the folder, which differ on each run and machine.
    """
    store = ValueStore()
    entries = store.entries()
    if not entries:
        print("no values are kept: give a task cache_for='7d', or a cell --cache 7d")  # noqa: T201
        return
    now = time.time()
    rows = [
        (
            _name(one),
            size_text(one.size),
            *([f"{age_text(now - one.created)} old"] if is_read else []),
        )
        for one in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *rest in rows:
        columns = (f"{text:>{width}}" for text, width in zip(rest, widths[1:], strict=True))
        print("  ".join((f"{name:<{widths[0]}}", *columns)))  # noqa: T201
    total = size_text(sum(one.size for one in entries))
    where = f" in {store.folder}" if is_read else ""
    print(f"{len(entries)} value{'s' * (len(entries) != 1)}, {total}{where}")  # noqa: T201


def clear_values(flow: str | None) -> None:
    """Remove the values of a flow, or all of them."""
    count = ValueStore().clear(flow)
    of_flow = "" if flow is None else f" of flow {flow!r}"
    print(f"{count} value{'s' * (count != 1)}{of_flow} removed")  # noqa: T201


def size_text(size: int) -> str:
    """A size in bytes as people read it."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < _KILO or unit == "GB":
            break
        value /= _KILO
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"  # noqa: PLR2004


def age_text(age: float) -> str:
    """Seconds as people read them."""
    for unit, length in UNITS:
        if age >= length:
            return f"{age / length:.0f}{unit}"
    return f"{max(0.0, age):.0f}s"


def _name(entry: Entry) -> str:
    return harmless(f"{entry.flow}/{entry.task}")
