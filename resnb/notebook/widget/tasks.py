"""What the inspector shows of one node or cluster; all of it bounded.

Nothing here calls the user's code: values are previewed separately, with a time limit.
"""

import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.errors import ResnbError, user_frames
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.tasks.parameter import Parameter
from resnb.notebook.widget import resources
from resnb.notebook.widget.rich import listed, printed
from resnb.run.inspection import (
    failed_children,
    log_since,
    run_number,
    running_for,
    state_alone,
)
from resnb.run.memory import FlowMemory, memory_of
from resnb.run.output.log import Piece
from resnb.states import (
    CANCELLED,
    FIRST_FINISHED,
    MAPPED,
    PENDING,
    RETRYING,
    SKIPPED,
)
from resnb.view.aggregate import FAILURES, reason_of
from resnb.view.live.log_watch import LOG, LogSource, Subject
from resnb.view.names import counted, message, shown
from resnb.view.option_words import short_duration
from resnb.view.outline import Outline
from resnb.view.palette import TASK

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.graph.tasks.task import Task
    from resnb.view.live.flow import LiveFlow
    from resnb.view.wire.inspector import Actions, Inspected, ItemInfo

NEIGHBOURS = 12
"""Maximum number of inputs or outputs that are named."""
FAILED = 5
"""Maximum number of failed children that are listed."""
_FOLDED = "scope "
"""How the label of a folded scope's node begins."""


class Target(NamedTuple):
    """What a label in a view stands for: a task or a scope."""

    outline: Outline  # the outline that has it
    place: int  # its index among the outline's nodes or clusters
    task: "Task | None" = None  # the task, if it is one
    scope: "Scope | None" = None  # the scope, if it is one, folded or not
    tasks: "tuple[Task, ...]" = ()  # the tasks, if several are folded into one node


def resolve(live: "LiveFlow", subject: Subject) -> Target | None:
    """What `subject` stands for in `live`; None if that is gone."""
    outline, tasks, scopes = live.drawn()
    if subject.what == "node":
        for place, node in enumerate(outline.nodes):
            if node.label == subject.label:
                return Target(outline, place, task=tasks[place])
    label = subject.label
    if subject.what == "node":
        if places := live.folded(label):
            inside = tuple(
                tasks[place] for place in places if outline.nodes[place].kind not in SCOPE_KINDS
            )
            if not label.startswith(_FOLDED):
                return Target(outline, places[0], tasks=inside)
        if not label.startswith(_FOLDED):
            return None
        label = label.removeprefix(_FOLDED)
    for place, cluster in enumerate(outline.clusters):
        if cluster.label == label:
            return Target(outline, place, scope=scopes[place])
    return None


def inspected(live: "LiveFlow", subject: Subject, view: str) -> "Inspected":
    """The frame about a node or a cluster of `live`; it says so if that is gone."""
    memory, target = memory_of(live.flow), resolve(live, subject)
    rows: list[tuple[str, str]] = []
    texts: list[tuple[str, str]] = []
    clocks: list[tuple[str, float]] = []
    actions: Actions | None = None
    items: list[ItemInfo] = []
    if target is None:
        rows = [("state", "it is no part of the flow any more")]
    elif target.task is not None:
        rows = [*_rows_of(target.task, memory), *_neighbours(target)]
        running = running_for(memory, target.task)
        clocks = [] if running is None else [("running for", running)]
        texts = _texts(target.task, memory)
    elif target.tasks:
        rows, texts = _folded(target.tasks, memory)
    elif target.scope is not None:
        manager = target.outline.clusters[target.place].manager
        rows = resources.rows_of(target.scope, manager, memory)
        clocks = resources.clocks_of(target.scope, memory)
        items = resources.items_of(target.scope, live.flow, memory)
        if subject.what == "node":
            rows.append(("tasks inside", _tasks_inside(live, target.scope, memory)))
        actions = {
            "cleanup": resources.for_button(live.flow, target.scope, None, keeps=False)[1],
            "keep": resources.for_button(live.flow, target.scope, None, keeps=True)[1],
            "forget": bool(resources.untold_of(live.flow, target.scope)),
        }
    return {
        "frame": "inspected",
        "to": view,
        "what": subject.what,
        "id": subject.label,
        "rows": rows,
        "clocks": [(name, round(seconds, 2)) for name, seconds in clocks],
        "texts": texts,
        "actions": actions,
        "items": items,
    }


def sources(live: "LiveFlow", subject: Subject) -> Iterator[LogSource]:
    """The logs of a node or a cluster."""
    memory, target = memory_of(live.flow), resolve(live, subject)
    logs: Iterable[LogSource] = ()
    if target is not None and target.scope is not None:
        logs = resources.sources_of(target.scope, memory)
    elif target is not None and (task := target.task) is not None:
        logs = [LogSource("log", run_number(memory, task), partial(log_since, memory, task))]
    for log in logs:
        yield log._replace(since=partial(_printed_since, log))


def _printed_since(log: LogSource, position: int, most: int) -> Piece:
    piece = log.since(position, most)
    return Piece(piece.start, piece.end, printed(piece.text))


# ---- tasks


def _rows_of(task: "Task", memory: FlowMemory) -> list[tuple[str, str]]:
    code, state = memory.code_of(task), state_alone(memory, task)
    counts = memory.child_counts(task)
    failed = sum(number for one, number in counts.items() if one in FAILURES)
    word = f"{failed:,} of {sum(counts.values()):,} failed" if failed else TASK[code].word
    rows = [("state", word)]
    if counts:
        words = (f"{number:,} {TASK[one].word}" for one, number in sorted(counts.items()))
        rows.append(("children", ", ".join(words)))
    duration, tries = memory.duration_of(task), memory.tries_of(task)
    if duration is not None:
        rows.append(("duration", seconds_in_words(duration)))
    if tries and (tries > 1 or task.max_retries):
        rows.append(("tries", f"{tries} of at most {task.max_retries + 1}"))
    if code == PENDING and memory.flow_code() != PENDING:
        rows.append(("reason", "it had no part in the latest run, or has not begun"))
    elif state.message and (state.is_failed() or code in (MAPPED, SKIPPED, CANCELLED, RETRYING)):
        rows.append(("reason", message(state.message)))
    if (why := memory.stale.get(task)) is not None:
        rows.append(("stale", message(why) or "yes"))
    if isinstance(task, Parameter):
        rows.append(("parameter", "required" if task.required else "has a default"))
    return rows


def _neighbours(target: Target) -> list[tuple[str, str]]:
    outline, place = target.outline, target.place
    near = {
        "inputs": [link.source for link in outline.links if link.target == place],
        "outputs": [link.target for link in outline.links if link.source == place],
    }
    return [
        (name, listed((outline.nodes[node].label for node in places), NEIGHBOURS))
        for name, places in near.items()
        if places
    ]


def _texts(task: "Task", memory: FlowMemory) -> list[tuple[str, str]]:
    state = state_alone(memory, task)
    failed = failed_children(memory, task, FAILED)
    lines = "\n".join(f"[{one.item}] {message(one.reason)}" for one in failed)
    error = next((one.error for one in failed if one.error is not None), None)
    texts = [
        ("first failures", lines),
        ("traceback", _traceback(state.result) if not state.is_successful() else ""),
        ("traceback of the first failure", _traceback(error)),
    ]
    return [(name, text) for name, text in texts if text]


def _traceback(error: object) -> str:
    """The user's frames of an error, and its message."""
    if not isinstance(error, BaseException):
        return ""
    frames = traceback.format_tb(user_frames(error.__traceback__))
    last = traceback.format_exception_only(error)
    return printed(ResnbError.presented("".join([*frames, *last]))[-LOG:])


NO_VALUE: Any = object()
"""The value of a task that has none."""


def value_of(task: "Task", memory: FlowMemory) -> Any:
    """The value to preview, or `NO_VALUE`."""
    if task.kind in ("init", "cleanup"):
        return NO_VALUE
    state = state_alone(memory, task)
    if any(code < FIRST_FINISHED for code in memory.child_counts(task)):
        return NO_VALUE
    if state.is_successful() and not state.is_skipped():
        return state.kept  # a value on a cluster is not fetched for a preview
    if isinstance(task, Parameter) and not task.required and state.is_pending():
        return task.default
    return NO_VALUE


# ---- folded tasks and scopes


def _folded(
    tasks: "tuple[Task, ...]", memory: FlowMemory
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The facts about tasks that are drawn as one: how many are in each state, and what failed."""
    codes = Counter(memory.code_of(task) for task in tasks)
    words = (f"{number:,} {TASK[code].word}" for code, number in sorted(codes.items()))
    rows = [("tasks", f"{len(tasks):,}: {', '.join(words)}")]
    rows.append(("names", listed((shown(task.name) for task in tasks), NEIGHBOURS)))
    failed = [task for task in tasks if memory.code_of(task) in FAILURES]
    lines = [f"{shown(one.name)}: {message(reason_of(memory.state_of(one)))}" for one in failed]
    return rows, [("first failures", "\n".join(lines[:FAILED]))] if lines else []


def _tasks_inside(live: "LiveFlow", scope: "Scope", memory: FlowMemory) -> str:
    """The number of a scope's tasks in each state."""
    flow = live.flow
    codes: dict[int, int] = {}
    for task, node in tuple(flow.nodes.items()):
        if node.scope is not None and scope in node.scope.around():
            code = memory.code_of(task)
            codes[code] = codes.get(code, 0) + 1
    words = [f"{number:,} {TASK[code].word}" for code, number in sorted(codes.items())]
    return f"{counted(sum(codes.values()), 'task')}: {', '.join(words)}; Unfold shows them"


def seconds_in_words(seconds: float) -> str:
    """A duration, rounded to what matters."""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms" if seconds >= 0.001 else "under 1 ms"  # noqa: PLR2004
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.3g} s"
    return short_duration(int(seconds) if seconds < 3600 else 60 * (int(seconds) // 60))  # noqa: PLR2004 - an hour
