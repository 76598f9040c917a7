"""What the inspector shows of one scope and its leases; all of it bounded."""

import os
import pickle
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnb.errors import LedgerError
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.recipes.found_objects import FoundContainer, FoundFolder
from resnb.ledger.recipes.found_process import FoundProcess
from resnb.ledger.recipes.handles import Ended
from resnb.ledger.recipes.protection import protection_before
from resnb.ledger.recipes.secrets import masked
from resnb.notebook.widget.rich import text_of
from resnb.run.active import active_run
from resnb.run.inspection import log_since, run_number
from resnb.run.lease_memory import lease_word
from resnb.run.memory import FlowMemory, memory_of
from resnb.run.output.log import Piece
from resnb.view.live.log_watch import LogSource
from resnb.view.names import message, shown
from resnb.view.option_words import option_notes, short_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.ledger.kernel.lease import Lease
    from resnb.view.wire.inspector import ItemInfo, Shows

HANDLE = 400
"""Maximum number of characters of a handle."""
ITEMS = 12
"""Number of resources of a mapped scope that have a line and logs of their own."""

Row = tuple[str, str]


def rows_of(scope: "Scope", manager: str, memory: FlowMemory) -> list[Row]:
    """The facts about a scope, in pairs of a name and a text."""
    lease = memory.lease_of(scope)
    rows = [("lease", _states(scope, memory)), ("manager", manager)]
    more = len(memory.leases_of(scope)) - ITEMS
    if more > 0:
        rows.append(("not listed", f"{more:,} more, which %resources lists"))
    options = scope.options
    if lease is not None:
        rows += [("named", shown(lease.name)), ("id", lease.id)]
        if holder := _holder(lease):
            rows.append(("held by", holder))
        options = options._replace(keep=lease.limits.keep)
    protection: Any = (
        protection_before(scope.manager.resource_class) if lease is None else lease.protection
    )
    rows.append(("during set-up", _mark(protection.during_setup)))
    rows.append(("once open", _mark(protection.once_open, is_checking=protection.checking)))
    if lease is not None and lease.entry.notice and lease.state != states.CLOSED:
        rows.append(("notice", message(lease.entry.notice)))
    if limits := option_notes(options):
        rows.append(("limits", ", ".join(limits)))
    if lease is not None and lease.reason:
        rows.append(("reason", message(lease.reason)))
    return rows


def _states(scope: "Scope", memory: FlowMemory) -> str:
    """The lease's state; for a mapped scope the number of leases in each state."""
    if not scope.is_mapped:
        return memory.lease_state(scope)
    found = memory.lease_states(scope).items()
    return ", ".join(f"{many:,} {state}" for state, many in found) or "not yet, one for each item"


def items_of(scope: "Scope", flow: "Flow", memory: FlowMemory) -> "list[ItemInfo]":
    """The first resources of a mapped scope, with why a button cannot act on them."""
    if not scope.is_mapped:
        return []
    return [
        {
            "item": item,
            "name": shown(lease.name.rpartition("/")[2]),
            "state": lease_word(lease),
            "said": _note(lease),
            "cleanup": _why_not_cleaned_up(lease, flow),
            "keep": _why_not_kept(lease),
            "forget": is_untold(lease),
        }
        for item, lease in list(memory.leases_of(scope).items())[:ITEMS]
    ]


def _note(lease: "Lease") -> str:
    """The reason for its state, else for how long it is kept, else why it is unprotected."""
    if lease.reason:
        return message(lease.reason)
    if lease.state == states.CLOSED:
        return ""
    fault = lease.protection.once_open if lease.state == states.OPEN else ""
    keep = lease.limits.keep
    kept = f"kept for {short_duration(keep)} after the kernel's end" if keep else ""
    return kept or (_mark(fault) if fault else "")


def _mark(fault: str, *, is_checking: bool = False) -> str:
    if is_checking and not fault:
        return states.CHECKING
    return f"unprotected: {shown(fault, 300)}" if fault else "protected"


def _holder(lease: "Lease") -> str:
    """The process that is responsible for the lease now."""
    if lease.is_with_reaper:
        return "the reaper, which is cleaning it up"
    if lease.state == states.CLOSED:
        return "nobody: the reaper has cleaned it up" if lease.is_closed_by_reaper else "nobody"
    if lease.is_lost:
        return "the reaper"
    keep = lease.limits.keep
    return f"this kernel; kept for {short_duration(keep)} after its end" if keep else "this kernel"


def clocks_of(scope: "Scope", memory: FlowMemory) -> list[tuple[str, float]]:
    """Names and running times in seconds: the lease's age, and the time since its last use.

    For several leases it is the age of the oldest one, and the time since any of them was used.
    """
    held = [one for one in memory.leases_of(scope).values() if one.state != states.CLOSED]
    if not held:
        return []
    age = time.time() - min(one.began for one in held)
    unused = now() - max(one.last_used for one in held)
    return [("age", max(0.0, age)), ("unused for", max(0.0, unused))]


# ---- what a button can do


def for_button(
    flow: "Flow", scope: "Scope", item: int | None, *, keeps: bool
) -> "tuple[list[Lease], str]":
    """The leases that a button acts on; if there are none, the reason, else an empty text.

    Args:
        flow: the flow.
        scope: the scope.
        item: an item of a mapped scope; None for all.
        keeps: whether the button keeps the leases rather than cleaning them up.
    """
    leases = memory_of(flow).leases_of(scope)
    chosen = [one for number, one in leases.items() if item in (None, number)]
    faults = {
        one.id: _why_not_kept(one) if keeps else _why_not_cleaned_up(one, flow) for one in chosen
    }
    able = [one for one in chosen if not faults[one.id]]
    live = [one for one in chosen if one.state != states.CLOSED or is_untold(one)]
    if able:
        return able, ""
    return [], faults[live[0].id] if live else f"resource {scope.name!r} is not open"


def is_untold(lease: "Lease") -> bool:
    """Whether nobody knows what its set-up has made, so that nobody can clean it up."""
    return lease.left_as == states.UNKNOWN and lease.entry.is_listed()


def untold_of(flow: "Flow", scope: "Scope", item: int | None = None) -> "list[Lease]":
    """The leases of a scope, or of an item of it, that have to be forgotten by hand."""
    leases = memory_of(flow).leases_of(scope)
    return [one for number, one in leases.items() if item in (None, number) and is_untold(one)]


def _why_not_cleaned_up(lease: "Lease", flow: "Flow") -> str:
    if is_untold(lease):
        return f"nobody knows what the set-up of {lease.name} has made: look for it, then forget it"
    if lease.state == states.CLOSED:
        return f"resource {lease.name!r} is not open"
    if lease.is_with_reaper:
        return f"the reaper is cleaning up {lease.name} already"
    run = active_run()
    if run is not None and (run.flow is flow or run.uses(lease)):
        return f"flow {run.flow.name!r} is running: cancel it, and it is cleaned up"
    return f"{lease.name} is in use by a run: cancel that first" if lease.in_use else ""


def _why_not_kept(lease: "Lease") -> str:
    if lease.state != states.OPEN:
        return f"resource {lease.name!r} is not open"
    why = lease.why_not_kept
    return f"resource {lease.name!r} cannot be kept: {shown(why, 300)}" if why else ""


# ---- the handle


def handle_of(scope: "Scope", memory: FlowMemory) -> bytes | None:
    """The pickled handle that another process would clean up by; None if there is none."""
    lease = memory.lease_of(scope)
    return None if lease is None or lease.state == states.CLOSED else lease.entry.handle


def handle_preview(data: bytes) -> "Shows":
    """The preview of a pickled handle; calls the user's code."""
    return {"type": "", "text": handle_text(data)}


def handle_text(data: bytes) -> str:
    """A pickled handle as text, without what looks like a secret; calls the user's code."""
    handle: Any = pickle.loads(data)  # noqa: S301 - this kernel has pickled it
    if isinstance(handle, FoundProcess):
        return f"process {handle.pid}"
    if isinstance(handle, FoundFolder):
        return f"folder {text_of(handle.name, HANDLE)}"
    if isinstance(handle, FoundContainer):
        return f"container {text_of(handle.id, HANDLE)}"
    if isinstance(handle, Ended):
        return f"{handle.kind}, which ends with the kernel"
    return masked(text_of(handle, HANDLE))


# ---- logs


def sources_of(scope: "Scope", memory: FlowMemory) -> "Iterator[LogSource]":
    """The output of its set-up and clean-ups, here and in the reaper's processes."""
    tasks = {
        "making": scope.init_task,
        "set-up": scope.setup_task,
        "clean-up": scope.cleanup_task,
    }
    for name, task in tasks.items():
        yield LogSource(name, run_number(memory, task), partial(log_since, memory, task))
    for item, lease in list(memory.leases_of(scope).items())[:ITEMS]:
        path = _path(lease)
        if path is not None:
            name = ScopeUse(scope, item).named("reaper")
            yield LogSource(name, hash(lease.id), partial(_in_file, path))


def _path(lease: "Lease") -> Path | None:
    """The reaper's log of `lease`."""
    try:
        return KEEPER.book.home / "logs" / f"{lease.id}.log"
    except LedgerError:
        return None


def _in_file(path: Path, position: int, most: int) -> Piece:
    """The end of a file after a position in bytes."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = min(max(position, end - most), end)
            file.seek(start)
            text = file.read(end - start).decode("utf-8", "replace")
    except OSError:
        return Piece(0, 0, "")
    return Piece(start, end, text)
