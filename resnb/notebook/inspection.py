"""What a view shows of one node or scope when somebody looks at it closely; all of it bounded."""

import reprlib
import time
import traceback
from typing import TYPE_CHECKING, Any

from resnb.errors import ResnbError, user_frames
from resnb.run.memory import FlowMemory, memory_of
from resnb.states import Elsewhere
from resnb.view.limits import notes, spelled
from resnb.view.names import message, shown
from resnb.view.outline import Outline
from resnb.view.palette import TASK
from resnb.view.protection import marked

if TYPE_CHECKING:
    from resnb.graph.scope import Scope
    from resnb.graph.task import Task
    from resnb.ledger.lease import Lease
    from resnb.states import State
    from resnb.view.frames import Frame
    from resnb.view.live import LiveFlow

LOG = 8_000
"""Characters of a log's end."""
VALUE = 1_500
"""Characters of a value's repr."""
NEIGHBOURS = 12
"""How many inputs and outputs are named."""

_preview = reprlib.Repr()
_preview.maxstring = _preview.maxother = _preview.maxlong = VALUE
_preview.maxlist = _preview.maxtuple = _preview.maxset = _preview.maxdict = 20


def inspected(live: "LiveFlow", kind: str, label: str) -> "Frame":
    """The frame about a node or a cluster of `live`; it says so if that is gone.

    Args:
        live: the flow.
        kind: ``node`` or ``cluster``.
        label: how it is called in the outline.
    """
    outline, tasks, scopes = live.drawn()
    memory = memory_of(live.flow)
    rows: list[tuple[str, str]] = []
    texts: list[tuple[str, str]] = []
    if kind == "cluster":
        labels = [one.label for one in outline.clusters]
        if label in labels:
            place = labels.index(label)
            rows = _of_scope(scopes[place], outline.clusters[place].manager, memory)
    else:
        places = {one.label: place for place, one in enumerate(outline.nodes)}
        if label in places:
            task, place = tasks[places[label]], places[label]
            rows = [*_of_task(task, memory), *_neighbours(outline, place)]
            texts = _texts(task, memory)
        else:
            rows = [("state", "folded: Unfold shows its tasks")]
    return {"frame": "inspected", "what": kind, "id": label, "rows": rows, "texts": texts}


# ---- tasks


def _of_task(task: "Task", memory: FlowMemory) -> list[tuple[str, str]]:
    rows = [("state", TASK[memory.code_of(task)].word)]
    counts = memory.child_counts(task)
    if counts:
        words = (f"{number:,} {TASK[code].word}" for code, number in sorted(counts.items()))
        rows.append(("children", ", ".join(words)))
    duration, tries = memory.duration_of(task), memory.tries_of(task)
    if duration is not None:
        rows.append(("duration", _seconds(duration)))
    if tries > 1:
        rows.append(("tries", str(tries)))
    reason = memory.failure_of(task)
    if reason:
        rows.append(("reason", message(reason)))
    return rows


def _neighbours(outline: Outline, place: int) -> list[tuple[str, str]]:
    found = {
        "inputs": [link.source for link in outline.links if link.target == place],
        "outputs": [link.target for link in outline.links if link.source == place],
    }
    return [
        (name, _named([outline.nodes[one].label for one in places]))
        for name, places in found.items()
        if places
    ]


def _named(labels: list[str]) -> str:
    more = len(labels) - NEIGHBOURS
    return ", ".join(labels[:NEIGHBOURS]) + (f" and {more} more" if more > 0 else "")


def _texts(task: "Task", memory: FlowMemory) -> list[tuple[str, str]]:
    state = memory.state_of(task)
    found = [
        ("traceback", _traceback(state)),
        ("log", memory.log_of(task)[-LOG:]),
        ("value", _value(task, state)),
    ]
    return [(name, text) for name, text in found if text]


def _traceback(state: "State") -> str:
    error = state.kept
    if not state.is_failed() or not isinstance(error, BaseException):
        return ""
    frames = traceback.format_tb(user_frames(error.__traceback__))
    last = traceback.format_exception_only(error)
    return ResnbError.presented("".join([*frames, *last]))[-LOG:]


def _value(task: "Task", state: "State") -> str:
    if not state.is_successful() or state.is_skipped() or task.kind in ("init", "cleanup"):
        return ""
    if isinstance(state.kept, Elsewhere):
        return f"on the Dask cluster; {task.name}.value brings it here"
    try:
        text = _preview.repr(state.result)
    except Exception as error:  # noqa: BLE001 - the user's own __repr__
        return f"<{type(state.result).__name__}: its repr raises {type(error).__name__}>"
    return text if len(text) <= VALUE else f"{text[:VALUE]}…"


# ---- scopes


def _of_scope(scope: "Scope", manager: str, memory: FlowMemory) -> list[tuple[str, str]]:
    lease = memory.lease_of(scope)
    rows = [("lease", memory.lease_state(scope)), ("manager", manager)]
    if lease is not None:
        rows.append(("named", shown(lease.name)))
        rows += _age(lease)
        protection: Any = lease.protection
        rows.append(("protection", marked(protection)))
        if lease.reason:
            rows.append(("reason", message(lease.reason)))
    limits = notes(scope.options)
    if limits:
        rows.append(("limits", ", ".join(limits)))
    return rows


def _age(lease: "Lease") -> list[tuple[str, str]]:
    if lease.state == "closed":
        return []
    now = time.time()
    used = now - lease.last_used
    return [("age", _seconds(now - lease.began)), ("last used", f"{_seconds(used)} ago")]


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms" if seconds >= 0.001 else "under 1 ms"  # noqa: PLR2004
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.3g} s"
    return spelled(int(seconds) if seconds < 3600 else 60 * (int(seconds) // 60))  # noqa: PLR2004 - an hour


__all__ = ["inspected"]
