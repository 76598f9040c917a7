"""Which tasks are stale: what they are made of has changed since their values were made.

What a task's code refers to is looked at when a run has ended, and again when somebody asks. Large
values of the notebook count by identity, since looking into them would take time after each run.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from resnb.errors import ResnbError
from resnb.graph.flow import Flow
from resnb.graph.tasks.task import Task
from resnb.run.caching.code_keys import CodeWalk, task_key
from resnb.run.caching.value_keys import value_key
from resnb.run.memory import memory_of
from resnb.states import Pending, State, Success

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_SHORT = 1000
"""How many characters or items of a value are looked at."""


class Freshness:
    """What the tasks of one flow were made of when they last ran."""

    def __init__(self) -> None:
        self._made_of: WeakKeyDictionary[Task, str] = WeakKeyDictionary()

    def note(self, flow: Flow) -> None:
        """A run has ended: remember what its tasks are made of now."""
        latest = memory_of(flow).latest_run
        if latest is None:
            return
        given = latest.plan.given
        ran = [task for task, row in latest.plan.row_of.items() if row not in given]
        self._made_of.update(_described(ran))

    def changed(self, flow: Flow) -> list[Task]:
        """The tasks whose code, or what it refers to, is another one than when they ran."""
        known = [task for task in flow.nodes if task in self._made_of]
        now = _described(known)
        return [task for task in known if self._made_of[task] != now[task]]


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


def _described(tasks: Iterable[Task]) -> dict[Task, str]:
    """What the code of each task refers to; tasks of one function are looked at once."""
    found: dict[Task, str] = {}
    seen: dict[int, str] = {}
    for task in tasks:
        if task.kind != "task":
            continue
        code = id(task.__dict__.get("run", task))
        if code not in seen:
            seen[code] = repr(task_key(task, CodeWalk(_glance)))
        found[task] = seen[code]
    return found


def _glance(value: Any) -> str:
    """What a value is at a glance: its content if that is short and plain, else its identity."""
    if isinstance(value, _PLAIN):
        is_short = not isinstance(value, str | bytes) or len(value) <= _SHORT
    else:
        kind = type(value)
        items = (*value, *value.values()) if kind is dict else value
        is_plain = kind in (list, tuple, set, dict) and len(value) <= _SHORT
        is_short = is_plain and all(isinstance(one, _PLAIN) for one in items)
    return (
        f"{type(value).__name__} {value!r}" if is_short else f"{type(value).__name__} {id(value)}"
    )
