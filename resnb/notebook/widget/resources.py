"""What a view shows of one scope and its lease when somebody looks at it closely; all bounded."""

import os
import pickle
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnb.errors import LedgerError
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.recipes.handles import Ended, FoundContainer, FoundFolder, FoundProcess
from resnb.ledger.recipes.protection import protection_before
from resnb.ledger.recipes.recipe import lives_in_kernel
from resnb.notebook.widget.rich import text_of
from resnb.notebook.widget.secrets import masked
from resnb.run.flow_run import active_run
from resnb.run.inspection import log_since, run_number
from resnb.run.memory import FlowMemory, lease_word, memory_of
from resnb.run.output.log import Piece
from resnb.view.live.log_watch import LogSource
from resnb.view.names import message, shown
from resnb.view.option_words import option_notes, short_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.ledger.kernel.lease import Lease
    from resnb.view.wire.inspector import ItemInfo

HANDLE = 400
"""Characters of a handle."""
ITEMS = 12
"""How many resources of a mapped scope have a line and logs of their own."""

Row = tuple[str, str]


def rows_of(scope: "Scope", manager: str, memory: FlowMemory) -> list[Row]:
    """What there is to say of a scope, in pairs of a name and a text."""
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
    rows.append(("once open", _mark(protection.once_open)))
    if lease is not None and lease.entry.notice and lease.state != states.CLOSED:
        rows.append(("notice", message(lease.entry.notice)))
    if limits := option_notes(options):
        rows.append(("limits", ", ".join(limits)))
    if lease is not None and lease.reason:
        rows.append(("reason", message(lease.reason)))
    return rows


def _states(scope: "Scope", memory: FlowMemory) -> str:
    """The lease's state; of a mapped scope how many are in which."""
    if not scope.is_mapped:
        return memory.lease_state(scope)
    found = memory.lease_states(scope).items()
    return ", ".join(f"{many:,} {state}" for state, many in found) or "not yet, one for each item"


def items_of(scope: "Scope", flow: "Flow", memory: FlowMemory) -> "list[ItemInfo]":
    """What there is to say of the first resources of a mapped scope, and what can be done."""
    if not scope.is_mapped:
        return []
    return [
        {
            "item": item,
            "name": shown(lease.name.rpartition("/")[2]),
            "state": lease_word(lease),
            "said": _said(lease),
            "cleanup": _why_not_cleaned_up(lease, flow),
            "keep": _why_not_kept(lease),
        }
        for item, lease in list(memory.leases_of(scope).items())[:ITEMS]
    ]


def _said(lease: "Lease") -> str:
    """Why it is as it is, or who keeps it, or why nobody else can clean it up."""
    if lease.reason:
        return message(lease.reason)
    if lease.state == states.CLOSED:
        return ""
    fault = lease.protection.once_open if lease.state == states.OPEN else ""
    keep = lease.limits.keep
    kept = f"kept for {short_duration(keep)} after the kernel's end" if keep else ""
    return kept or (_mark(fault) if fault else "")


def _mark(fault: str) -> str:
    return f"unprotected: {shown(fault, 300)}" if fault else "protected"


def _holder(lease: "Lease") -> str:
    """Who has it in hands now."""
    if lease.is_with_reaper:
        return "the reaper, which is cleaning it up"
    if lease.state == states.CLOSED:
        return "nobody: the reaper has cleaned it up" if lease.is_closed_by_reaper else "nobody"
    if lease.is_lost:
        return "the reaper"
    keep = lease.limits.keep
    return f"this kernel; kept for {short_duration(keep)} after its end" if keep else "this kernel"


def clocks_of(scope: "Scope", memory: FlowMemory) -> list[tuple[str, float]]:
    """Names, and seconds that go on: how old the lease is, since when it was not used.

    Of several it is the oldest one's age, and how long none of them was used.
    """
    held = [one for one in memory.leases_of(scope).values() if one.state != states.CLOSED]
    if not held:
        return []
    now = time.time()
    age = now - min(one.began for one in held)
    unused = now - max(one.last_used for one in held)
    return [("age", max(0.0, age)), ("unused for", max(0.0, unused))]


# ---- what can be done about it


def for_button(
    flow: "Flow", scope: "Scope", item: int | None, *, keeps: bool
) -> "tuple[list[Lease], str]":
    """The leases that a button is about, and why it can do nothing; empty if it can.

    Args:
        flow: the flow.
        scope: the scope.
        item: of a mapped scope, which of them; None for all.
        keeps: whether it keeps them, and does not clean them up.
    """
    leases = memory_of(flow).leases_of(scope)
    chosen = [one for number, one in leases.items() if item in (None, number)]
    faults = {
        one.id: _why_not_kept(one) if keeps else _why_not_cleaned_up(one, flow) for one in chosen
    }
    able = [one for one in chosen if not faults[one.id]]
    live = [one for one in chosen if one.state != states.CLOSED]
    if able:
        return able, ""
    return [], faults[live[0].id] if live else f"resource {scope.name!r} is not open"


def why_not_cleaned_up(flow: "Flow", scope: "Scope") -> str:
    """Why nothing of it can be cleaned up now by a button; empty if something can."""
    return for_button(flow, scope, None, keeps=False)[1]


def _why_not_cleaned_up(lease: "Lease", flow: "Flow") -> str:
    if lease.state == states.CLOSED:
        return f"resource {lease.name!r} is not open"
    if lease.is_with_reaper:
        return f"the reaper is cleaning up {lease.name} already"
    run = active_run()
    if run is not None and (run.flow is flow or run.uses(lease)):
        return f"flow {run.flow.name!r} is running: cancel it, and it is cleaned up"
    return f"{lease.name} is in use by a run: cancel that first" if lease.in_use else ""


def why_not_kept(flow: "Flow", scope: "Scope") -> str:
    """Why nothing of it can be kept beyond the kernel's end; empty if something can."""
    return for_button(flow, scope, None, keeps=True)[1]


def _why_not_kept(lease: "Lease") -> str:
    if lease.state != states.OPEN:
        return f"resource {lease.name!r} is not open"
    if lives_in_kernel(lease.manager, lease.resource):
        return f"resource {lease.name!r} cannot be kept: it lives inside the kernel's process"
    if fault := lease.protection.once_open:
        return f"resource {lease.name!r} cannot be kept: {shown(fault, 300)}"
    return ""


# ---- its handle


def handle_of(scope: "Scope", memory: FlowMemory) -> bytes | None:
    """The pickled handle by which another process cleans it up; None if there is none."""
    lease = memory.lease_of(scope)
    return None if lease is None or lease.state == states.CLOSED else lease.entry.handle


def handle_text(data: bytes) -> str:
    """What a handle says, without what looks like secrets; calls code of the user's."""
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


# ---- its logs


def sources_of(scope: "Scope", memory: FlowMemory) -> "Iterator[LogSource]":
    """What its set-up and its clean-ups printed, here and in the reaper's processes."""
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
    """Where the reaper writes down what it does about `lease`."""
    try:
        book = KEEPER.book
    except LedgerError:
        return None
    return None if book is None else book.home / "logs" / f"{lease.id}.log"


def _in_file(path: Path, position: int, most: int) -> Piece:
    """What was added to a file after a position in bytes."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = min(max(position, end - most), end)
            file.seek(start)
            text = file.read(end - start).decode("utf-8", "replace")
    except OSError:
        return Piece(0, 0, "")
    return Piece(start, end, text)


__all__ = [
    "clocks_of",
    "for_button",
    "handle_of",
    "handle_text",
    "items_of",
    "rows_of",
    "sources_of",
    "why_not_cleaned_up",
    "why_not_kept",
]
