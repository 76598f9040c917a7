"""Leases as browsers are sent them: texts that fit, numbers that are numbers. Pure.

The ledger is a file, and names and reasons come from users' code: whatever is in them, a lease has
the form of `resnb.server.wire.Lease`.
"""

import json
import math
from collections.abc import Iterable
from typing import NamedTuple, TypeVar, cast

from resnb import __version__
from resnb.ledger.admin.listing import ListedLease, plain, short_path
from resnb.ledger.owner import ALIVE
from resnb.server.kernels import Known
from resnb.server.wire import Lease, LeaseList

T = TypeVar("T")
MOST = 1000
"""Leases in a list."""
LONGEST = 2000
"""Characters of a text."""


class Leases(NamedTuple):
    """Some leases."""

    shown: tuple[Lease, ...]  # the latest of them, oldest first
    text: str  # those as JSON
    total: int  # how many there are


def lease(one: ListedLease, known: Known = Known()) -> Lease:  # noqa: B008 - immutable
    """A lease as it is sent.

    Args:
        one: the lease.
        known: what the server knows of kernels and notebooks.
    """
    record = one.record
    is_alive = one.kernel == ALIVE
    form = one.to_json() | {
        "created": fitting(record.created) or 0.0,
        "note": one.remark,
        "notebook": short_path(record.notebook, known.root),
        "kernel_id": known.kernels.get(record.owner.pid) if is_alive else None,
        "kernel_ended": None if is_alive else known.ended.get(record.owner.pid),
        "path": known.path_of(record.notebook),
        "ends_with_kernel": record.dies_with_kernel,
        "asked": bool(record.request) and record.state in ("opening", "open", "kept"),
        "kept": one.is_kept,
        "orphan": one.is_orphan and record.state != "closed",
        "given_up": one.is_failing,
    }
    return cast("Lease", {name: fitting(value) for name, value in form.items()})


def fitting(value: T) -> T | None:
    """`value` such that it can be shown, and is JSON: None for a number that is none."""
    if isinstance(value, str):
        text = plain(value[: 2 * LONGEST])
        return cast("T", text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def leases(found: Iterable[Lease]) -> Leases:
    """The part of `found`, which are oldest first, that a list shows."""
    everything = tuple(found)
    shown = everything[-MOST:]
    return Leases(shown, json.dumps(shown, separators=(",", ":")), len(everything))


def message(found: Leases, now: float, error: str = "") -> str:
    """A list as it is sent: a `LeaseList`.

    Args:
        found: the leases.
        now: seconds since the epoch.
        error: a line if the ledger cannot be read.
    """
    head: LeaseList = {
        "version": __version__,
        "now": now,
        "total": found.total,
        "error": fitting(error) or "",
        "leases": [],
    }
    return f"{json.dumps(head).removesuffix('[]}')}{found.text}}}"  # which is encoded only once


NONE = leases(())
