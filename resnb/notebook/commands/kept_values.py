"""``%flow cache``: the values that are kept on disk."""

import time

from resnb.durations import UNITS
from resnb.errors import harmless
from resnb.run.caching.store import Entry, ValueStore

_KILO = 1000


def list_values() -> None:
    """Print what is kept: task, size and age of each value."""
    store = ValueStore()
    entries = store.entries()
    if not entries:
        print("no values are kept: give a task cache_for='7d', or a cell --cache 7d")  # noqa: T201
        return
    now = time.time()
    rows = [(_name(one), size_text(one.size), age_text(now - one.created)) for one in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, size, age in rows:
        print(f"{name:<{widths[0]}}  {size:>{widths[1]}}  {age:>{widths[2]}} old")  # noqa: T201
    total = sum(one.size for one in entries)
    print(f"{len(entries)} values, {size_text(total)} in {store.folder}")  # noqa: T201


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
