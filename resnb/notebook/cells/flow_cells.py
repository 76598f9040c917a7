"""One flow as cells build it: which cell added what, and what running a cell again changes.

A cell's tasks are built first, then matched with those that the cell had before: kept tasks take
over the edges of later cells, vanished ones leave together with their dependants. All of this is
one transaction: a cell that raises leaves the graph, the names and this record as they were.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any
from weakref import WeakKeyDictionary

from resnb.durations import seconds
from resnb.errors import MagicError
from resnb.events import EVENTS, StructureChanged
from resnb.graph import editing
from resnb.graph.base.building import BUILDING
from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.parameter import Parameter
from resnb.graph.tasks.task import Task
from resnb.graph.unused import not_added
from resnb.notebook.cells.cell_scopes import SharedScope, dependants_of, enter_scope, refuse_misuse
from resnb.notebook.cells.identity import CellKey, Cells, TaskLabel, task_labels
from resnb.notebook.cells.namespace import MISSING, bind, evaluated, restored_on_error
from resnb.notebook.cells.records import (
    BuildResult,
    CellBody,
    CellRecord,
    Rebuilt,
    inputs_of,
    label_of,
    missing_from,
    renamed,
)
from resnb.notebook.cells.removal import farewell
from resnb.notebook.cells.step_names import Binder, StepNames, lost
from resnb.notebook.cells.steps import StepTask, outputs_of
from resnb.notebook.lines.parsed import FlowLine
from resnb.notebook.lines.python_source import normalised
from resnb.notebook.lines.signatures import SignatureParameter
from resnb.run.memory import memory_of


@dataclass
class FlowCells:
    """One flow and the cells that build it."""

    flow: Flow  # the flow
    cells: Cells = field(default_factory=Cells)  # the cells
    records: dict[CellKey, CellRecord] = field(default_factory=dict)  # what each cell has added
    # the scopes that cells share, by name
    shared: dict[str, SharedScope] = field(default_factory=dict)
    deleted: frozenset[CellKey] = frozenset()  # the cells that the notebook no longer has
    _default_sources: WeakKeyDictionary[Parameter, str] = field(default_factory=WeakKeyDictionary)

    def __post_init__(self) -> None:
        self.flow.built_by_cells = True

    def build(self, line: FlowLine, body: CellBody, namespace: dict[str, Any]) -> BuildResult:
        """Build a cell into the flow.

        Args:
            line: its magic line.
            body: its body.
            namespace: the notebook's variables.

        Raises:
            ResnbError: the cell cannot be built like this; nothing has changed then.
            Exception: whatever the body raised; likewise.
        """
        flow = self.flow
        given = tuple(parameter.name for parameter in line.parameters)
        names = tuple(dict.fromkeys((*given, *body.names)))
        reads = frozenset(body.reads).difference(given)
        cells, key = self.cells.after(body.cell_id, names, reads)
        old = self.records.get(key)
        old_step = None if old is None or old.step not in flow.nodes else old.step
        inputs = None if old_step is None else inputs_of(flow, old_step)
        with restored_on_error(namespace), flow.transaction():
            before = self._names_before(old, names, namespace)
            if old is not None:
                editing.retire_parameters(flow, old.everything)
            free = self._parameters_of_deleted_cells(key)
            if free:
                editing.retire_parameters(flow, free.values())
            known = set(flow.nodes)
            step_names = StepNames(flow, self._binders_but(key))
            if body.step is not None:
                label = label_of(line.name, body.number, line.step.title if line.step else "")
                step_names.refuse_conflicts(label, names, is_step=True)
            shared, replaced = self._run_body(line, body, key, namespace, free, names=step_names)
            if free:
                editing.restore_parameters(flow, free.values())
            names_now = flow.parameter_names
            taken = {one: names_now[name] for name, one in free.items()}
            taken = {one: new for one, new in taken.items() if new is not one}
            common = {task for one in shared.values() for task in one.scope.own_tasks}
            added = [task for task in flow.nodes if task not in known and task not in common]
            record = self._record(added, _bound(added, names, namespace), before, body.number)
            if body.step is None:
                label = label_of(line.name, body.number)
                bound = [one for one in record.tasks if isinstance(one, str)]
                step_names.refuse_conflicts(label, bound, is_step=False)
            dropped, stale, mapping = self._replace(old, record, added, taken)
            _rename(namespace, mapping)
            after = self.scopes_after(self.shared, key, shared)
        for other in self.records.values():
            _rename(other.before, mapping)
        self.cells, self.records[key] = cells, record
        left = [one.scope for one in self.shared.values() if one.scope not in flow.scopes]
        self.shared = after
        kept = self._written_alike(mapping)
        return BuildResult(
            tuple(added),
            tuple(one.scope for one in shared.values()),
            (*replaced, *left),
            tuple(dropped),
            missing_from(old, record),
            (*stale, *dependants_of(flow, replaced)),
            None
            if old_step is None or record.step is None
            else Rebuilt(
                old_step,
                record.step,
                inputs is not None and renamed(inputs, kept) == inputs_of(flow, record.step),
                kept,
            ),
        )

    def steps(self) -> list[StepTask]:
        """The steps that are in the flow."""
        found = (record.step for record in self.records.values())
        return [step for step in found if step is not None and step in self.flow.nodes]

    def left(self, dropped: Iterable[Task], missing: Sequence[str]) -> str:
        """The line that says which tasks of other cells have left the flow; see `farewell`."""
        places = self.places()
        found = {task: places.get(task, (0, None)) for task in dropped}
        numbers = [number for _, number in found.values() if number is not None]
        return farewell([(label, task) for task, (label, _) in found.items()], missing, numbers)

    def places(self) -> dict[Task, tuple[TaskLabel, int | None]]:
        """The identity of each task in its cell, and the number of that cell."""
        return {
            task: (label, record.number)
            for record in self.records.values()
            for label, task in (*record.tasks.items(), *enumerate(record.scope_tasks))
        }

    # ---- cells that the notebook no longer has

    def mark_deleted(self, cell_ids: Collection[str]) -> None:
        """Mark the tasks of the cells with these ids, which the notebook no longer has."""
        self.deleted = frozenset(cell.key for cell in self.cells.known if cell.cell_id in cell_ids)
        flow = self.flow
        left = (task for key in self.deleted for task in self.records[key].everything)
        marked = frozenset(task for task in left if task in flow.nodes)
        if marked != flow.left_behind:
            flow.journal.assign(flow, "left_behind", marked)
            EVENTS.publish(StructureChanged(flow.name))

    def _binders_but(self, key: CellKey) -> list[Binder]:
        """What the other cells bind."""
        return [record.binder(self.flow) for one, record in self.records.items() if one != key]

    # ---- inside the transaction

    def _names_before(
        self, old: CellRecord | None, names: Sequence[str], namespace: dict[str, Any]
    ) -> dict[str, Any]:
        """The values of the cell's names before it ran; the names get them back for the body."""
        before = {name: namespace.get(name, MISSING) for name in names}
        if old is None:
            return before
        own = set(old.everything)
        state = None if old.step is None else memory_of(self.flow).state_of(old.step)
        given = {} if state is None or old.step is None else dict(outputs_of(old.step, state))
        again = {
            name: value
            for name, value in old.before.items()
            if (isinstance(found := namespace.get(name), Task) and found in own)
            or (name in given and found is given[name])
        }
        bind(namespace, again)
        return {**before, **again}

    def _parameters_of_deleted_cells(self, key: CellKey) -> dict[str, Task]:
        """The parameters that only deleted cells have defined, which any other may define anew."""
        names = self.flow.parameter_names
        owned = (task for one in self.deleted - {key} for task in self.records[one].everything)
        return {task.name: task for task in owned if names.get(task.name) is task}

    def _run_body(
        self,
        line: FlowLine,
        body: CellBody,
        key: CellKey,
        namespace: dict[str, Any],
        free: Mapping[str, Task],
        *,
        names: StepNames,
    ) -> tuple[dict[str, SharedScope], list[Scope]]:
        flow = self.flow
        known_before = set(flow.nodes) if line.cache is not None else set()
        shared: dict[str, SharedScope] = {}
        replaced: list[Scope] = []
        known = {
            name: replace(one, owner=None) if one.owner in self.deleted else one
            for name, one in self.shared.items()
        }
        live: dict[str, Any] = {}
        with ExitStack() as stack:
            stack.enter_context(flow)
            for parameter in line.parameters:
                namespace[parameter.name] = self._parameter(parameter, namespace, free)
            for clause in line.withs:
                with names.as_handles(clause.reads, namespace):
                    one, changed = enter_scope(flow, known, clause, key, namespace)
                if changed:
                    replaced.append(one.scope)
                shared[clause.name] = one
                handle = stack.enter_context(one.scope)
                if clause.variable:
                    namespace[clause.variable] = handle
                elif one.scope.manager.shared is not None:
                    live[clause.name] = namespace.get(clause.name, MISSING)
                    namespace[clause.name] = handle
                else:
                    refuse_misuse(clause, body, namespace)
            if body.step is not None and line.step is not None:
                names.add_step(line.step, body.step, namespace)
            else:
                with names.as_handles(body.reads, namespace):
                    body.execute()
            made = BUILDING.get().made or ()
            if line.cache is not None:
                _let_last(flow, known_before, seconds(line.cache, "--cache"))
        bind(namespace, live)  # which is the live thing for ordinary cells, as before
        if unused := not_added(flow, made):
            print(unused, file=sys.stderr)  # noqa: T201
        return shared, replaced

    def _parameter(
        self, parameter: SignatureParameter, namespace: dict[str, Any], free: Mapping[str, Task]
    ) -> Parameter:
        """The flow's parameter of that name, made if there is none.

        One of a deleted cell (`free`) is used if it has the same default, else replaced.
        """
        found = self.flow.parameter_names.get(parameter.name)
        source = parameter.default_source
        old = free.get(parameter.name)
        if isinstance(old, Parameter) and self._has_default(old, source, namespace):
            editing.restore_parameters(self.flow, (old,))
            return old
        if isinstance(found, Parameter):
            if self._has_default(found, source, namespace):
                return found
            raise MagicError(
                f"flow {self.flow.name!r} has parameter {parameter.name!r} with another default, "
                "from another cell: change it there, or leave it out here"
            )
        if source is None:
            return Parameter(parameter.name)
        made = Parameter(parameter.name, default=self._default(parameter.name, source, namespace))
        self._default_sources[made] = normalised(source)
        return made

    def _has_default(
        self, parameter: Parameter, source: str | None, namespace: dict[str, Any]
    ) -> bool:
        """Whether the default's source is the same; values such as arrays do not compare."""
        if source is None:
            return parameter.required
        known = self._default_sources.get(parameter)
        if known is not None:
            return known == normalised(source)
        value = self._default(parameter.name, source, namespace)
        try:
            return parameter.default is value or bool(parameter.default == value)
        except Exception:  # noqa: BLE001 - values of the user's, such as arrays
            return False

    def _written_alike(self, mapping: Mapping[Task, Task]) -> dict[Parameter, Parameter]:
        """The parameters among those replaced whose defaults are written as before."""
        sources = self._default_sources
        return {
            one: new
            for one, new in mapping.items()
            if isinstance(one, Parameter) and isinstance(new, Parameter)
            if sources.get(one) == sources.get(new)
        }

    def _default(self, name: str, source: str, namespace: dict[str, Any]) -> Any:
        return evaluated(source, namespace, f"parameter {name}={source} of flow {self.flow.name!r}")

    def _record(
        self,
        added: Iterable[Task],
        bound: Mapping[Task, str],
        before: dict[str, Any],
        number: int | None,
    ) -> CellRecord:
        scope_tasks = {task for scope in self.flow.scopes for task in scope.own_tasks}
        tasks = [task for task in added if task not in scope_tasks]
        step = next((task for task in tasks if isinstance(task, StepTask)), None)
        if step is not None:  # first, and without a name: a step is the same whatever it binds
            tasks = [step, *(task for task in tasks if task is not step)]
            bound = {task: name for task, name in bound.items() if task is not step}
        labels = task_labels([bound.get(task) for task in tasks])
        return CellRecord(
            dict(zip(labels, tasks, strict=True)),
            tuple(task for task in added if task in scope_tasks),
            before,
            number,
            step,
        )

    def _replace(
        self,
        old: CellRecord | None,
        new: CellRecord,
        added: Sequence[Task],
        taken: Mapping[Task, Task],
    ) -> tuple[list[Task], list[Task], dict[Task, Task]]:
        """Put the cell's new tasks in the place of its old ones, and of those in `taken`."""
        if old is None and not taken:
            return [], [], {}
        flow = self.flow
        labelled = {} if old is None else old.tasks
        before = {label: task for label, task in labelled.items() if task in flow.nodes}
        mapping = {before[label]: task for label, task in new.tasks.items() if label in before}
        mapping |= taken
        gone = {one for one in (() if old is None else old.everything) if one in flow.nodes}
        gone |= taken.keys()
        following = _after(flow, gone)
        stale = editing.dependants(flow, gone)
        editing.substitute(flow, mapping)
        left = [*gone, *(lost(flow, new.step) if new.step is not None else ())]
        dropped = [task for task in editing.dependants(flow, left) if task not in gone]
        own = set(added).intersection(dropped)
        if own:
            raise MagicError(
                f"task {min(task.name for task in own)!r} needs a task that this cell defined "
                "when it ran before, but does not define any more"
            )
        editing.remove(flow, [*gone, *dropped])
        follows = next((task for task in following if task in flow.nodes), None)
        editing.reorder(flow, added, follows)
        return dropped, stale, mapping

    def scopes_after(
        self, shared: Mapping[str, SharedScope], key: CellKey, entered: Mapping[str, SharedScope]
    ) -> dict[str, SharedScope]:
        """The `shared` scopes once a cell is in `entered` only; empty ones leave the flow."""
        after = {**shared, **entered}
        for name, one in shared.items():
            if name in entered or key not in one.cells:
                continue
            cells = one.cells - {key}
            if one.scope in self.flow.scopes and not cells and not one.scope.members:
                editing.remove(self.flow, one.scope.own_tasks)
            after[name] = replace(one, cells=cells, owner=None if one.owner == key else one.owner)
        return {name: one for name, one in after.items() if one.scope in self.flow.scopes}


def _let_last(flow: Flow, known: Collection[Task], duration: float | None) -> None:
    """Let the values of the new tasks last, unless they say themselves how long."""
    for task in flow.nodes:
        if task not in known and task.kind == "task" and task.cache_for is None:
            task.cache_for = duration


def _bound(
    tasks: Iterable[Task], names: Iterable[str], namespace: dict[str, Any]
) -> dict[Task, str]:
    """The names that the cell bound tasks to."""
    own = set(tasks)
    bound = {value: name for name in names if isinstance(value := namespace.get(name), Task)}
    return {task: name for task, name in bound.items() if task in own}


def _rename(namespace: dict[str, Any], mapping: dict[Task, Task]) -> None:
    """Replace old handles by new ones in the variables of other cells."""
    for name, value in list(namespace.items()):
        if isinstance(value, Task) and value in mapping:
            namespace[name] = mapping[value]


def _after(flow: Flow, tasks: Iterable[Task]) -> list[Task]:
    """The tasks that follow the last of `tasks` in the order of the flow."""
    own = set(tasks)
    return list(takewhile(lambda task: task not in own, reversed(flow.nodes)))[::-1]
