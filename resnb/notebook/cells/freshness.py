"""Which tasks are stale: what they are made of has changed since their values were made.

What a task's code refers to is looked at when a run has ended, and again when somebody asks. Large
values of the notebook count by identity, since looking into them would take time after each run.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from resnb.errors import ResnbError
from resnb.graph import editing
from resnb.graph.arguments import tasks_in
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.flow import Flow
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.records import Rebuilt
from resnb.notebook.cells.removal import listed
from resnb.notebook.cells.steps import StepTask
from resnb.run.caching.code_keys import CodeWalk, but_changed, task_key
from resnb.run.caching.glance import glance
from resnb.run.caching.value_keys import value_key
from resnb.run.engine.result import state_of
from resnb.run.memory import memory_of
from resnb.states import CACHED, FOUND, Pending, State, Success

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution

CODE_CHANGED = "its code has changed"


class MadeOf(NamedTuple):
    """What the code of a task was when it ran."""

    code: Any  # what it means, with all that it refers to, as `CodeWalk` describes it
    names: Mapping[str, str] = {}  # what each variable was that a step read from the notebook


class Freshness:
    """What the tasks of one flow were made of when they last ran."""

    def __init__(self) -> None:
        self._made_of: WeakKeyDictionary[Task, MadeOf] = WeakKeyDictionary()
        self._outdated: WeakKeyDictionary[Task, str] = WeakKeyDictionary()

    def note(self, flow: Flow) -> None:
        """A run has ended: remember what its tasks are made of now.

        What depends on them and had no part in the run is out of date.
        """
        latest = memory_of(flow).latest_run
        if latest is None:
            return
        rows = latest.plan.row_of
        ran: Collection[Task] = rows.keys()
        unknown: list[Task] = []
        if latest.plan.given or CACHED in latest.table.state:
            ran = dict.fromkeys(task for task in rows if _has_new_value(latest, task))
            unknown = [task for task in rows if task not in ran and task not in self._made_of]
        self._made_of.update(_described(chain(ran, unknown)))
        for task in rows if self._outdated else ():
            self._outdated.pop(task, None)
        if len(rows) < len(flow.nodes):
            self._outdate(flow, [one for one in ran if one in flow.nodes], rows)

    def rebuilt(self, flow: Flow, rebuilt: Rebuilt) -> bool:
        """A cell has put a step in the place of another one.

        Returns:
            Whether the new one is written like the old one, so that it has taken over the value;
            if not, it and what depends on it are out of date.
        """
        old, new = rebuilt.old, rebuilt.new
        memory, known = memory_of(flow), self._made_of.get(old)
        if known is None or not _has_value(memory.state_of(old)):
            return False
        same = all(_equal(one.default, other.default) for one, other in rebuilt.parameters.items())
        if not (same and rebuilt.has_same_inputs and old.is_written_like(new)):
            self._outdated[new] = CODE_CHANGED
            self._outdate(flow, [new], [new])
            return False
        if old in self._outdated:
            self._outdated[new] = self._outdated[old]
        self._made_of[new] = known
        for one, other in ((old, new), *rebuilt.parameters.items()):
            memory.take_over(one, other)
        return True

    def stale(self, flow: Flow) -> dict[Task, str]:
        """The tasks whose values were made of something else, and why, in graph order."""
        before = dict(self._made_of.items())
        now = _described(filter(flow.nodes.__contains__, before))
        changes = _Changes()
        changed = {task: why for task, made in now.items() if (why := changes(before[task], made))}
        if not changed and not self._outdated:
            return {}
        found: dict[Task, str] = {}
        memory = memory_of(flow)
        for task in flow.sorted_tasks():
            outdated = self._outdated.get(task)
            if outdated is not None:
                found[task] = outdated
            elif task.kind in SCOPE_KINDS or not _has_value(memory.state_of(task)):
                continue
            elif (reason := changed.get(task) or _reason_above(flow, task, found)) is not None:
                found[task] = reason
        return found

    def stale_steps(self, flow: Flow) -> set[Task]:
        """The steps that are stale, and what is because of them.

        Functions may refer to what they change themselves, such as a log, and often do.
        """
        stale = self.stale(flow)
        steps = [task for task in stale if isinstance(task, StepTask)]
        return stale.keys() & editing.dependants(flow, steps)

    def signature(self, flow: Flow, tasks: Iterable[Task]) -> str:
        """What `tasks` are and are made of now, so that one can tell whether that has changed."""
        described = _described(tasks)
        found = [
            (id(task), repr(made.code), self._outdated.get(task))
            for task, made in described.items()
        ]
        values = [(one.name, memory_of(flow).state_of(one).name) for one in flow.parameters()]
        return str(hash((tuple(found), tuple(values))))

    def _outdate(self, flow: Flow, tasks: Iterable[Task], but: Iterable[Task]) -> None:
        """What depends on `tasks` is out of date if it has or had a value, but for some."""
        changed = dict.fromkeys(tasks, "")
        spared = set(but)
        after = set(editing.dependants(flow, changed))
        memory = memory_of(flow)
        for task in flow.sorted_tasks():
            if task not in after or task in spared or task.kind in SCOPE_KINDS:
                continue
            if task in self._outdated or _has_value(memory.state_of(task)):
                self._outdated.setdefault(task, _reason_above(flow, task, changed) or "")
                changed[task] = ""


def _reason_above(flow: Flow, task: Task, changed: Mapping[Task, str]) -> str | None:
    """Why a task is stale if `changed` tasks are; None if it depends on none of them."""
    node = flow.nodes[task]
    if changed.keys().isdisjoint(node.upstream):
        return None
    for name, one in node.inputs.items():
        if not changed.keys().isdisjoint(tasks_in(one)):
            return f"its input {name} has changed"
    return "what it waits for has changed"


class _Changes:
    """What has changed since tasks ran; tasks of one function are compared at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def __call__(self, before: MadeOf, now: MadeOf) -> str:
        """What has changed, as a text; empty if nothing has. Both must outlive this object."""
        pair = id(before), id(now)
        found = self._known.get(pair)
        if found is None:
            found = self._known[pair] = _change(before, now)
        return found


def _change(before: MadeOf, now: MadeOf) -> str:
    if before.code == now.code:
        return ""
    names = [name for name, one in before.names.items() if now.names.get(name) != one]
    return (
        f"{listed(names)} {'has' if len(names) == 1 else 'have'} changed" if names else CODE_CHANGED
    )


def _has_value(state: State) -> bool:
    return state.is_finished() and state.is_successful()


def _has_new_value(run: "Execution", task: Task) -> bool:
    """Whether `task` ran, or its value was found, rather than being what it was before."""
    row = run.plan.row_of[task]
    state = state_of(run, row)
    return state.message == FOUND if state.is_cached() else row not in run.plan.given


def stale_run(
    freshness: Freshness, flow: Flow, values: Mapping[str, Any]
) -> tuple[dict[str, Any], State] | None:
    """What a run of what is stale is given: its new parameters, and the state to go on from.

    None if nothing is stale.
    """
    new = new_values(flow, values)
    state = state_but(flow, freshness.stale(flow), new)
    return None if not new and is_up_to_date(flow, state) else (new, state)


def state_but(flow: Flow, changed: Iterable[Task], values: Mapping[str, Any]) -> State:
    """The state from which a run computes only what is stale.

    Args:
        flow: the flow.
        changed: tasks whose code has changed.
        values: parameters by name that the run gets, and that differ from before.
    """
    memory = memory_of(flow)
    stale = set(changed)
    states = {
        task: Pending() if task in stale or task.name in values else memory.state_of(task)
        for task in flow.nodes
    }
    return Success("", states)


def is_up_to_date(flow: Flow, state: State) -> bool:
    """Whether every task of `flow` has succeeded in `state`; clean-ups and scopes do not count."""
    return all(
        one.is_successful()
        for task, one in state.result.items()
        if task.kind in ("task", "parameter") and task in flow.nodes
    )


def new_values(flow: Flow, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that a parameter did not have in the latest run."""
    memory = memory_of(flow)
    found = {}
    for name, value in values.items():
        task = flow.parameter_names.get(name)
        state = Pending() if task is None else memory.state_of(task)
        if not state.is_successful() or not _equal(state.result, value):
            found[name] = value
    return found


def _equal(one: Any, other: Any) -> bool:
    try:
        return one is other or (type(one) is type(other) and value_key(one) == value_key(other))
    except ResnbError:
        return False


def _described(tasks: Iterable[Task]) -> dict[Task, MadeOf]:
    """What the code of each task refers to; tasks of one function are looked at once."""
    found: dict[Task, MadeOf] = {}
    seen: dict[int, MadeOf] = {}
    for task in tasks:
        if task.kind != "task":
            continue
        if isinstance(task, StepTask):
            names = {
                name: repr(CodeWalk(_at_a_glance).describe(value))
                for name, value in but_changed(task.function, task.read_now())
            }
            found[task] = MadeOf(
                (task.outputs, CodeWalk(_at_a_glance).describe(task.function)), names
            )
            continue
        run = task.run  # a method, which may be the task's own, or a function that many share
        code = id(task if type(run) is MethodType else run)
        made = seen.get(code)
        if made is None:
            made = seen[code] = MadeOf(task_key(task, CodeWalk(_at_a_glance)))
        found[task] = made
    return found


def _at_a_glance(value: Any, _walk: CodeWalk) -> str:
    return glance(value)
