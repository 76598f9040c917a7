"""Taking tasks and cells out of a flow: what leaves with them, and what stays."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from resnb.graph import editing
from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.flow_cells import FlowCells
from resnb.notebook.cells.identity import CellKey
from resnb.notebook.cells.namespace import MISSING, bind
from resnb.notebook.cells.records import CellRecord


@dataclass(frozen=True)
class TakenOut:
    """What has left a flow."""

    tasks: tuple[Task, ...]  # the tasks that were to leave
    dropped: tuple[Task, ...]  # those that left too, because they need them
    scopes: tuple[Scope, ...]  # the scopes that left; an open lease still has its recipe


def take_out(flow: Flow, tasks: Iterable[Task]) -> TakenOut:
    """Remove `tasks` from `flow`, with all that needs them."""
    before = tuple(flow.scopes)
    with flow.transaction():
        gone = [task for task in dict.fromkeys(tasks) if task in flow.nodes]
        everything = editing.dependants(flow, gone)
        editing.remove(flow, everything)
        editing.retire_parameters(flow, everything)
    asked = set(gone)
    dropped = tuple(task for task in everything if task not in asked)
    return TakenOut(tuple(gone), dropped, tuple(one for one in before if one not in flow.scopes))


def take_out_of_cells(
    cells: FlowCells,
    keys: Collection[CellKey],
    tasks: Iterable[Task],
    namespace: dict[str, Any],
) -> TakenOut:
    """Remove what `keys`, cells of a flow, have added, and single tasks.

    A parameter that a task of another cell uses stays, and is that cell's from then on. Variables
    that hold what leaves get back what they held before.

    Args:
        cells: the flow and its cells.
        keys: the cells that leave.
        tasks: the tasks that leave.
        namespace: the notebook's variables.
    """
    flow, before = cells.flow, tuple(cells.flow.scopes)
    records = {key: one for key, one in cells.records.items() if key not in keys}
    owned = [task for key in keys for task in cells.records[key].everything]
    heirs = {one: key for one in owned if (key := _heir(flow, one, records)) is not None}
    shared = cells.shared
    with flow.transaction():
        found = take_out(flow, (*tasks, *(one for one in owned if one not in heirs)))
        for key in keys:
            shared = cells.scopes_after(shared, key, {})
    left = tuple(one for one in before if one not in flow.scopes)
    own = {task for scope in left for task in scope.own_tasks}
    _unbind(namespace, {*found.tasks, *found.dropped, *own}, cells.records.values())
    for task, key in heirs.items():
        records[key] = replace(records[key], tasks={task.name: task, **records[key].tasks})
    known = tuple(cell for cell in cells.cells.known if cell.key not in keys)
    cells.cells, cells.records = replace(cells.cells, known=known), records
    cells.shared = {name: one for name, one in shared.items() if one.scope in flow.scopes}
    cells.deleted -= set(keys)
    flow.left_behind = flow.left_behind.intersection(flow.nodes)
    return replace(found, scopes=left)


def _heir(flow: Flow, task: Task, staying: Mapping[CellKey, CellRecord]) -> CellKey | None:
    """The first cell that stays and uses parameter `task`; None for any other task."""
    node = flow.nodes.get(task)
    if node is None or task.kind != "parameter":
        return None
    return next(
        (key for key, one in staying.items() if any(x in node.downstream for x in one.everything)),
        None,
    )


def _unbind(
    namespace: dict[str, Any], gone: Collection[Task], records: Iterable[CellRecord]
) -> None:
    """Give the variables that hold one of `gone` what they held before."""

    def is_gone(value: object) -> bool:
        return isinstance(value, Task) and value in gone

    before = {name: value for record in records for name, value in record.before.items()}
    for name in [name for name, value in namespace.items() if is_gone(value)]:
        value = before.get(name, MISSING)
        if not name.startswith("_"):  # IPython's outputs
            bind(namespace, {name: MISSING if is_gone(value) else value})
