"""``%flow remove`` and ``%flow reset``: take tasks, cells or everything out of a flow."""

from collections.abc import Iterable

from resnb.errors import MagicError, as_word, harmless, nearest
from resnb.events import EVENTS, StructureChanged
from resnb.graph.base.kinds import SCOPE_KINDS
from resnb.graph.flow import Flow
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.flow_cells import FlowCells
from resnb.notebook.cells.identity import CellKey
from resnb.notebook.cells.removal import listed, name_of
from resnb.notebook.cells.taking_out import TakenOut, take_out, take_out_of_cells
from resnb.notebook.closing import close_scopes
from resnb.notebook.commands.resources import report
from resnb.notebook.session import Session
from resnb.run.closing import interrupts_put_off
from resnb.run.memory import memory_of
from resnb.states import PENDING


def remove_command(session: Session, flow: Flow, target: str | None) -> None:
    """Carry out ``%flow remove``.

    Args:
        session: the notebook's flows.
        flow: the flow.
        target: a variable, a task, a scope or a cell ``[6]``; None for the deleted cells.

    Raises:
        MagicError: there is nothing of that name.
    """
    cells = session.cells_of(flow)
    keys: list[CellKey] = []
    tasks: list[Task] = []
    if target is None:
        keys = _deleted(flow, cells)
    elif (number := target.strip("[]")).isdecimal():
        keys = [_cell(flow, cells, int(number))]
    else:
        tasks = _tasks(flow, cells, target)
    _remove(session, flow, cells, keys, tasks)


def reset_command(session: Session, flow: Flow) -> None:
    """Carry out ``%flow reset``: the flow is empty from then on."""
    cells = session.cells_of(flow)
    _remove(session, flow, cells, [] if cells is None else list(cells.records), list(flow.nodes))


def left_behind(flow: Flow) -> str:
    """The hint that a flow has tasks of deleted cells; empty if it has none."""
    count = sum(task.kind not in SCOPE_KINDS for task in flow.left_behind)
    if not count:
        return ""
    tasks = f"{count} task{'s' * (count != 1)}"
    return f"{tasks} of deleted cells: %flow remove {harmless(flow.name)} takes them out"


def _remove(
    session: Session,
    flow: Flow,
    cells: FlowCells | None,
    keys: list[CellKey],
    tasks: list[Task],
) -> None:
    names = _names(flow, cells)
    places = {} if cells is None else cells.places()
    if cells is None:
        found = take_out(flow, tasks)
    else:
        found = take_out_of_cells(cells, keys, tasks, session.namespace)
    memory = memory_of(flow)
    memory.forget((*found.tasks, *found.dropped))
    memory.code = memory.code if flow.nodes else PENDING
    EVENTS.publish(StructureChanged(flow.name))
    _say(flow, found, names, [places[one][1] for one in found.dropped if one in places])
    opened = {use.scope for use in memory.open_leases}
    with interrupts_put_off():
        if closing := opened.intersection(found.scopes):
            report(*close_scopes(flow, closing))


def _say(
    flow: Flow, found: TakenOut, names: dict[Task, str], numbers: Iterable[int | None]
) -> None:
    removed = listed(_called(found.tasks, names)) or "nothing"
    print(f"flow {harmless(flow.name)!r}: removed {removed}")  # noqa: T201
    if dropped := _called(found.dropped, names):
        were = "were removed too: they used" if len(dropped) > 1 else "was removed too: it used"
        cells = [f"[{one}]" for one in sorted({one for one in numbers if one is not None})]
        again = f"; its cell is {listed(cells)}" if len(cells) == 1 else ""
        again = f"; their cells are {listed(cells)}" if len(cells) > 1 else again
        print(f"{listed(dropped)} {were} that{again}")  # noqa: T201


def _called(tasks: Iterable[Task], names: dict[Task, str]) -> list[str]:
    return list(dict.fromkeys(names[task] for task in tasks))


def _names(flow: Flow, cells: FlowCells | None) -> dict[Task, str]:
    """What a user calls each task of `flow`: its variable, scope or name."""
    places = {} if cells is None else cells.places()
    found = {}
    for task in flow.nodes:
        label, _ = places.get(task, (0, None))
        if task.kind in SCOPE_KINDS:
            found[task] = f"scope {harmless(task.scope.name)!r}"
        elif isinstance(label, str):
            found[task] = name_of(label, task)
        else:
            found[task] = repr(flow.label_of(task))
    return found


# ---- what a line names


def _deleted(flow: Flow, cells: FlowCells | None) -> list[CellKey]:
    keys = [] if cells is None else [key for key in cells.records if key in cells.deleted]
    if keys:
        return keys
    name, word = harmless(flow.name), as_word(flow.name)
    raise MagicError(
        f"flow {name!r} has no tasks of deleted cells, as far as the front end says: name a task "
        f"or a cell (%flow remove {word} TASK, %flow remove {word} [6])"
    )


def _cell(flow: Flow, cells: FlowCells | None, number: int) -> CellKey:
    known = {} if cells is None else {one.number: key for key, one in cells.records.items()}
    if number in known:
        return known[number]
    numbers = [f"[{one}]" for one in sorted(one for one in known if one is not None)]
    there = f"there is {listed(numbers)}" if numbers else "name a task of it"
    raise MagicError(f"cell [{number}] is no part of flow {harmless(flow.name)!r}: {there}")


def removable(session: Session, flow: Flow) -> list[str]:
    """What ``%flow remove`` takes: variables, scopes, tasks and the numbers of cells."""
    cells = session.cells_of(flow)
    records = () if cells is None else cells.records.values()
    numbers = [f"[{one.number}]" for one in records if one.number is not None]
    return [*(word for known in _known(flow, cells) for word in known), *numbers]


def _tasks(flow: Flow, cells: FlowCells | None, target: str) -> list[Task]:
    """The tasks that a user calls `target`."""
    by_label, scopes, by_name, by_view = _known(flow, cells)
    for known in (by_label, scopes, by_name, by_view):
        if found := known.get(target):
            if len(found) == 1 or known is scopes:
                return found
            names = _names(flow, cells)
            several = listed([names[task] for task in found])
            raise MagicError(
                f"flow {harmless(flow.name)!r} has {len(found)} tasks {target!r}: name a variable "
                f"or a cell ({several})"
            )
    words = list(dict.fromkeys([*by_label, *scopes, *by_name]))
    near = nearest(target, words)
    hint = f"did you mean {near!r}?" if near else f"there is {listed(words)}"
    hint = hint if words else "it is empty"
    raise MagicError(f"flow {harmless(flow.name)!r} has no task or scope {target!r}; {hint}")


def _known(flow: Flow, cells: FlowCells | None) -> tuple[dict[str, list[Task]], ...]:
    """The tasks by variable, by scope, by name, and by what views call those of one name."""
    by_label: dict[str, list[Task]] = {}
    for record in () if cells is None else cells.records.values():
        for label, task in record.tasks.items():
            if isinstance(label, str) and task in flow.nodes:
                by_label.setdefault(label, []).append(task)
    scopes = {scope.name: list(scope.own_tasks) for scope in flow.scopes}
    by_name: dict[str, list[Task]] = {}
    for task in flow.nodes:
        if task.kind not in SCOPE_KINDS:
            by_name.setdefault(task.name, []).append(task)
    by_view: dict[str, list[Task]] = {}
    for task in (task for tasks in by_name.values() if len(tasks) > 1 for task in tasks):
        if (label := flow.label_of(task)) not in by_name:
            by_view[label] = [task]
    return by_label, scopes, by_name, by_view
