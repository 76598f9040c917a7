"""One flow as cells build it: which cell added what, and what running a cell again changes.

A cell's tasks are built first, then matched with those that the cell had before: kept tasks take
over the edges of later cells, vanished ones leave together with their dependants. All of this is
one transaction: a cell that raises leaves the graph, the names and this record as they were.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any
from weakref import WeakKeyDictionary

from resnb.errors import MagicError
from resnb.graph import editing
from resnb.graph.base.building import BUILDING
from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.parameter import Parameter
from resnb.graph.tasks.task import Task
from resnb.graph.unused import not_added
from resnb.notebook.cells.cell_scopes import SharedScope, dependants_of, enter_scope
from resnb.notebook.cells.identity import CellKey, Cells, TaskLabel, task_labels
from resnb.notebook.cells.namespace import MISSING, bind, restored_on_error
from resnb.notebook.cells.removal import farewell, name_of
from resnb.notebook.lines.parsed import FlowLine
from resnb.notebook.lines.python_source import normalised
from resnb.notebook.lines.signatures import SignatureParameter


@dataclass(frozen=True)
class CellBody:
    """The body of a ``%%flow`` cell, ready to run."""

    execute: Callable[[], object]  # runs the body in the notebook's namespace
    names: tuple[str, ...]  # the names that its top level binds, in order
    reads: tuple[str, ...]  # the names that it reads before it binds them
    cell_id: str | None = None  # the front end's id of the cell, if it sent one
    number: int | None = None  # the number that the front end shows beside it


@dataclass(frozen=True)
class CellRecord:
    """What one cell has added.

    Attributes:
        tasks: its tasks by identity, some of which may have left the flow.
        scope_tasks: the init, set-up and clean-up tasks of the `with` blocks in its body; no other
            cell can refer to them, so they need no identity.
        before: the values that its names had before it ran for the first time.
        number: the number that the front end shows beside the cell; None if it shows none.
    """

    tasks: dict[TaskLabel, Task]
    scope_tasks: tuple[Task, ...]
    before: dict[str, Any]
    number: int | None = None

    @property
    def everything(self) -> tuple[Task, ...]:
        """All tasks that the cell has added."""
        return (*self.tasks.values(), *self.scope_tasks)


@dataclass(frozen=True)
class BuildResult:
    """What building a cell has changed."""

    tasks: tuple[Task, ...]  # the tasks that the cell added
    scopes: tuple[Scope, ...]  # the shared scopes that it is in, the outermost first
    replaced: tuple[Scope, ...]  # scopes whose open lease belongs to an older recipe
    # tasks of other cells that left the flow, because what they need has vanished
    dropped: tuple[Task, ...]
    missing: tuple[str, ...]  # what the cell does not define any more
    stale: tuple[Task, ...]  # tasks whose values are out of date


@dataclass
class FlowCells:
    """One flow and the cells that build it."""

    flow: Flow  # the flow
    cells: Cells = field(default_factory=Cells)  # the cells
    records: dict[CellKey, CellRecord] = field(default_factory=dict)  # what each cell has added
    # the scopes that cells share, by name
    shared: dict[str, SharedScope] = field(default_factory=dict)
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
        with restored_on_error(namespace), flow.transaction():
            before = self._names_before(old, names, namespace)
            if old is not None:
                editing.retire_parameters(flow, old.everything)
            known = set(flow.nodes)
            shared, replaced = self._run_body(line, body, key, namespace)
            common = {task for one in shared.values() for task in one.scope.own_tasks}
            added = [task for task in flow.nodes if task not in known and task not in common]
            record = self._record(added, _bound(added, names, namespace), before, body.number)
            dropped, stale, mapping = self._replace(old, record, added)
            _rename(namespace, mapping)
            after = self._scopes_after(key, shared)
        for other in self.records.values():
            _rename(other.before, mapping)
        self.cells, self.records[key] = cells, record
        left = [one.scope for one in self.shared.values() if one.scope not in flow.scopes]
        self.shared = after
        return BuildResult(
            tuple(added),
            tuple(one.scope for one in shared.values()),
            (*replaced, *left),
            tuple(dropped),
            _missing(old, record),
            (*stale, *dependants_of(flow, replaced)),
        )

    def left(self, dropped: Iterable[Task], missing: Sequence[str]) -> str:
        """The line that says which tasks of other cells have left the flow; see `farewell`."""
        places = {
            task: (label, record.number)
            for record in self.records.values()
            for label, task in (*record.tasks.items(), *enumerate(record.scope_tasks))
        }
        found = {task: places.get(task, (0, None)) for task in dropped}
        numbers = [number for _, number in found.values() if number is not None]
        return farewell([(label, task) for task, (label, _) in found.items()], missing, numbers)

    # ---- steps, inside the transaction

    def _names_before(
        self, old: CellRecord | None, names: Sequence[str], namespace: dict[str, Any]
    ) -> dict[str, Any]:
        """The values of the cell's names before it ran; the names get them back for the body."""
        before = {name: namespace.get(name, MISSING) for name in names}
        if old is None:
            return before
        own = set(old.everything)
        again = {
            name: value
            for name, value in old.before.items()
            if isinstance(found := namespace.get(name), Task) and found in own
        }
        bind(namespace, again)
        return {**before, **again}

    def _run_body(
        self, line: FlowLine, body: CellBody, key: CellKey, namespace: dict[str, Any]
    ) -> tuple[dict[str, SharedScope], list[Scope]]:
        flow = self.flow
        shared: dict[str, SharedScope] = {}
        replaced: list[Scope] = []
        live: dict[str, Any] = {}
        with ExitStack() as stack:
            stack.enter_context(flow)
            for parameter in line.parameters:
                namespace[parameter.name] = self._parameter(parameter, namespace)
            for clause in line.withs:
                one, changed = enter_scope(flow, self.shared, clause, key, namespace)
                if changed:
                    replaced.append(one.scope)
                shared[clause.name] = one
                handle = stack.enter_context(one.scope)
                if clause.variable:
                    namespace[clause.variable] = handle
                elif one.scope.manager.shared is not None:
                    live[clause.name] = namespace.get(clause.name, MISSING)
                    namespace[clause.name] = handle
            body.execute()
            made = BUILDING.get().made or ()
        bind(namespace, live)  # which is the live thing for ordinary cells, as before
        if unused := not_added(flow, made):
            print(unused, file=sys.stderr)  # noqa: T201
        return shared, replaced

    def _parameter(self, parameter: SignatureParameter, namespace: dict[str, Any]) -> Parameter:
        """The flow's parameter of that name, made if there is none."""
        found = self.flow.parameter_names.get(parameter.name)
        source = parameter.default_source
        if isinstance(found, Parameter):
            if self._has_default(found, source, namespace):
                return found
            raise MagicError(
                f"flow {self.flow.name!r} has parameter {parameter.name!r} with another default, "
                "from another cell: change it there, or leave it out here"
            )
        if source is None:
            return Parameter(parameter.name)
        made = Parameter(parameter.name, default=eval(source, namespace))  # noqa: S307
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
        value = eval(source, namespace)  # noqa: S307 - the user's own code
        try:
            return parameter.default is value or bool(parameter.default == value)
        except Exception:  # noqa: BLE001 - values of the user's, such as arrays
            return False

    def _record(
        self,
        added: Iterable[Task],
        bound: Mapping[Task, str],
        before: dict[str, Any],
        number: int | None,
    ) -> CellRecord:
        scope_tasks = {task for scope in self.flow.scopes for task in scope.own_tasks}
        tasks = [task for task in added if task not in scope_tasks]
        labels = task_labels([bound.get(task) for task in tasks])
        return CellRecord(
            dict(zip(labels, tasks, strict=True)),
            tuple(task for task in added if task in scope_tasks),
            before,
            number,
        )

    def _replace(
        self, old: CellRecord | None, new: CellRecord, added: Sequence[Task]
    ) -> tuple[list[Task], list[Task], dict[Task, Task]]:
        """Put the cell's new tasks in the place of its old ones."""
        if old is None:
            return [], [], {}
        flow = self.flow
        before = {label: task for label, task in old.tasks.items() if task in flow.nodes}
        mapping = {before[label]: task for label, task in new.tasks.items() if label in before}
        gone = {task for task in old.everything if task in flow.nodes}
        following = _after(flow, gone)
        stale = editing.dependants(flow, gone)
        editing.substitute(flow, mapping)
        dropped = [task for task in editing.dependants(flow, gone) if task not in gone]
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

    def _scopes_after(
        self, key: CellKey, entered: dict[str, SharedScope]
    ) -> dict[str, SharedScope]:
        """The shared scopes now that the cell is in `entered` only; empty ones leave the flow."""
        after = {**self.shared, **entered}
        for name, one in self.shared.items():
            if name in entered or key not in one.cells:
                continue
            cells = one.cells - {key}
            if one.scope in self.flow.scopes and not cells and not one.scope.members:
                editing.remove(self.flow, one.scope.own_tasks)
            after[name] = replace(one, cells=cells, owner=None if one.owner == key else one.owner)
        return {name: one for name, one in after.items() if one.scope in self.flow.scopes}


def _bound(
    tasks: Iterable[Task], names: Iterable[str], namespace: dict[str, Any]
) -> dict[Task, str]:
    """The names that the cell bound tasks to."""
    own = set(tasks)
    bound = {value: name for name in names if isinstance(value := namespace.get(name), Task)}
    return {task: name for task, name in bound.items() if task in own}


def _missing(old: CellRecord | None, new: CellRecord) -> tuple[str, ...]:
    """What a cell has defined, and does not define any more."""
    before = {} if old is None else old.tasks
    return tuple(name_of(label, task) for label, task in before.items() if label not in new.tasks)


def _rename(namespace: dict[str, Any], mapping: dict[Task, Task]) -> None:
    """Replace old handles by new ones in the variables of other cells."""
    for name, value in list(namespace.items()):
        if isinstance(value, Task) and value in mapping:
            namespace[name] = mapping[value]


def _after(flow: Flow, tasks: Iterable[Task]) -> list[Task]:
    """The tasks that follow the last of `tasks` in the order of the flow."""
    own = set(tasks)
    return list(takewhile(lambda task: task not in own, reversed(flow.nodes)))[::-1]
