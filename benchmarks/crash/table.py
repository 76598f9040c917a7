"""What a run's rows say, as tables in Markdown."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from .cells import MOMENTS
from .ends import ENDS
from .kinds import KINDS
from .rows import Row


def report(rows: Sequence[Row]) -> str:
    """Leaks by end and moment, by kind and moment, and what clean-ups took."""
    valid = [row for row in rows if not row.error]
    claimed = [row for row in valid if KINDS[row.spec.kind].claimed]
    other = [row for row in valid if not KINDS[row.spec.kind].claimed]
    ends = [end for end in ENDS if any(row.spec.end == end for row in claimed)]
    kinds = [kind for kind in KINDS if any(row.spec.kind == kind for row in claimed)]
    parts = [
        "leaks / trials",
        _table("end", ends, claimed, lambda row: row.spec.end, total=True),
        _table(
            "kind",
            [KINDS[kind].title for kind in kinds],
            claimed,
            lambda row: KINDS[row.spec.kind].title,
        ),
    ]
    if other:
        leaks = sum(bool(row.leaks) for row in other)
        parts.append(
            f"Not claimed to be safe (made, but not yet recorded): {leaks} / {len(other)} leaked."
        )
    parts.append("\n".join(f"- {line}" for line in _figures(claimed)))
    if broken := [row for row in rows if row.error]:
        parts.append(f"{len(broken)} trials went wrong themselves and are not counted.")
    return "\n\n".join(parts)


def _table(
    head: str,
    names: Sequence[str],
    rows: Sequence[Row],
    key: Callable[[Row], str],
    *,
    total: bool = False,
) -> str:
    moments = [one for one in MOMENTS if any(row.spec.moment == one for row in rows)]
    lines = [f"| {head} | {' | '.join(moments)} |", f"|---|{'--:|' * len(moments)}"]
    for name in names:
        own = [row for row in rows if key(row) == name]
        lines.append(_line(name, own, moments))
    if total:
        lines.append(_line("**all**", rows, moments))
    return "\n".join(lines)


def _line(name: str, rows: Iterable[Row], moments: Sequence[str]) -> str:
    rows = list(rows)
    cells = []
    for moment in moments:
        own = [row for row in rows if row.spec.moment == moment]
        cells.append(f"{sum(bool(row.leaks) for row in own)}/{len(own)}" if own else "-")
    return f"| {name} | {' | '.join(cells)} |"


def _figures(rows: Sequence[Row]) -> list[str]:
    leaks = sum(bool(row.leaks) for row in rows)
    twice = sum(row.begun > 1 for row in rows)
    listed = sum(bool(row.listed) for row in rows)
    found = [
        f"{leaks} leaks in {len(rows)} trials",
        f"{twice} trials began a clean-up more than once",
        f"{listed} trials left a lease listed in the ledger",
    ]
    awaited = sorted(row.first for row in rows if _is_whole(row) and row.first is not None)
    if awaited:
        late = sum(row.late for row in rows)
        found.append(
            f"whole containers: {late} clean-ups began late; from the successor's start (if "
            f"there was none, the kernel's death) to a clean-up's first line: median "
            f"{statistics.median(awaited):.2f} s, worst {awaited[-1]:.2f} s ({len(awaited)} trials)"
        )
    for what, containers in (("a container's recipe", True), ("any other recipe", False)):
        first = sorted(
            row.first
            for row in rows
            if row.first is not None
            and not _is_whole(row)
            and (row.spec.kind == "container") == containers
            and (row.spec.kind, row.spec.moment) != ("late", "set-up")  # it waits for the thing
        )
        if first:
            tail = first[min(len(first) - 1, int(len(first) * 0.95))]
            found.append(
                f"kernel's death to the first line of {what} in another process: median "
                f"{statistics.median(first):.2f} s, 95 % {tail:.2f} s, worst {first[-1]:.2f} s "
                f"({len(first)} trials)"
            )
    return found


def _is_whole(row: Row) -> bool:
    return ENDS[row.spec.end].is_whole
