"""Leases as browsers are shown them: texts that fit, numbers that are numbers. Pure.

The ledger is a file, and names and reasons come from users' code: whatever is in them, the form
stays the documented one.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import resnb
from resnb.ledger.admin.listing import ListedLease, plain
from resnb.ledger.owner import ALIVE

MOST = 1000
"""How many leases a list has at most."""
LONGEST = 2000
"""How many characters a text has at most."""

Lease = dict[str, Any]


class Leases(NamedTuple):
    """Some leases.

    Attributes:
        shown: the latest of them, oldest first.
        text: those as JSON.
        total: how many there are.
    """

    shown: tuple[Lease, ...]
    text: str
    total: int


def lease(one: ListedLease, kernels: Mapping[int, str] | None = None) -> Lease:
    """The documented form of a lease.

    Args:
        one: the lease.
        kernels: the ids of the server's kernels, by the pids of their processes.
    """
    record = one.record
    is_alive = one.kernel == ALIVE
    form = one.to_json() | {
        "note": one.remark,
        "kernel_id": (kernels or {}).get(record.owner.pid) if is_alive else None,
        "ends_with_kernel": record.dies_with_kernel,
        "asked": bool(record.request) and record.state in ("opening", "open", "kept"),
        "kept": one.is_kept,
        "orphan": one.is_orphan and record.state != "closed",
        "given_up": one.is_given_up,
    }
    return {name: fitting(value) for name, value in form.items()}


def fitting(value: Any) -> Any:
    """`value` such that it can be shown, and is JSON."""
    if isinstance(value, str):
        text = plain(value[: 2 * LONGEST])
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def leases(found: Iterable[Lease]) -> Leases:
    """Of `found`, which are oldest first, what a list shows."""
    everything = tuple(found)
    shown = everything[-MOST:]
    return Leases(shown, json.dumps(shown, separators=(",", ":")), len(everything))


def message(found: Leases, now: float, error: str = "") -> str:
    """A list as it is sent.

    Args:
        found: the leases.
        now: seconds since the epoch.
        error: a line if the ledger cannot be read.
    """
    head = json.dumps({"version": resnb.__version__, "now": now, "total": found.total})
    return f'{head[:-1]}, "error": {json.dumps(fitting(error))}, "leases": {found.text}}}'


NONE = leases(())

__all__ = ["LONGEST", "MOST", "NONE", "Lease", "Leases", "fitting", "lease", "leases", "message"]
