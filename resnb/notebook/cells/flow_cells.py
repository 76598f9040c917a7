"""One flow as cells build it: which cell added what, and what running a cell again changes.

A cell's tasks are built first, then matched with those that the cell had before: what was kept
takes over the edges of later cells, what vanished leaves together with its dependants. All of
it is one transaction: a cell that raises leaves graph, names and this record as they were.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

from resnb.errors import MagicError
from resnb.graph import editing
from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.parameter import Parameter
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.cell_scopes import SharedScope, entered, users
from resnb.notebook.cells.identity import CellKey, Cells, TaskKey, match_tasks, task_keys
from resnb.notebook.cells.namespace import Restored, bind, values_of
from resnb.notebook.lines.parsed import FlowLine
from resnb.notebook.lines.python_source import normalised
from resnb.notebook.lines.signatures import SignatureParameter


@dataclass(frozen=True)
class Body:
    """A cell's body, ready to run.

    Attributes:
        execute: runs it in the notebook's namespace.
        names: the names that its top level binds, in order.
        reads: the names that it reads before it binds them.
        cell_id: the front end's id of the cell, if it sent one.
    """

    execute: Callable[[], object]
    names: tuple[str, ...]
    reads: tuple[str, ...]
    cell_id: str | None = None


@dataclass(frozen=True)
class CellRecord:
    """What one cell has added.

    Attributes:
        tasks: its tasks by identity.
        ends: the init, set-up and clean-up tasks of the `with` blocks in its body; no other cell
            can refer to them, so they need no identity.
        before: what its names were bound to before it ran for the first time.
    """

    tasks: dict[TaskKey, Task]
    ends: tuple[Task, ...]
    before: dict[str, Any]

    @property
    def everything(self) -> tuple[Task, ...]:
        """All tasks that the cell has added."""
        return (*self.tasks.values(), *self.ends)


@dataclass(frozen=True)
class Built:
    """What building a cell has changed.

    Attributes:
        cell: the cell.
        tasks: the tasks that it added.
        scopes: the shared scopes that it is in, the outermost first.
        replaced: scopes whose open lease belongs to an older recipe.
        dropped: tasks of other cells that had to leave, because what they need has vanished.
        stale: tasks whose values are worth nothing any more.
    """

    cell: CellKey
    tasks: tuple[Task, ...]
    scopes: tuple[Scope, ...]
    replaced: tuple[Scope, ...]
    dropped: tuple[Task, ...]
    stale: tuple[Task, ...]


@dataclass
class FlowCells:
    """The cells of one flow.

    Attributes:
        flow: the flow.
        cells: which cells there are.
        records: what each has added.
        shared: the scopes that cells share, by name.
    """

    flow: Flow
    cells: Cells = field(default_factory=Cells)
    records: dict[CellKey, CellRecord] = field(default_factory=dict)
    shared: dict[str, SharedScope] = field(default_factory=dict)
    _default_sources: WeakKeyDictionary[Parameter, str] = field(default_factory=WeakKeyDictionary)

    def build(self, line: FlowLine, body: Body, namespace: dict[str, Any]) -> Built:
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
        with Restored(namespace), flow.transaction():
            before = self._names_before(old, names, namespace)
            if old is not None:
                editing.retire_parameters(flow, old.everything)
            known = set(flow.nodes)
            shared, replaced = self._run_body(line, body, key, namespace)
            common = {task for one in shared.values() for task in one.scope.own_tasks}
            added = [task for task in flow.nodes if task not in known and task not in common]
            record = self._record(key, added, _labels(added, names, namespace), before)
            dropped, stale, mapping = self._replace(old, record, added)
            _rename(namespace, mapping)
            after = self._scopes_after(key, shared)
        for other in self.records.values():
            _rename(other.before, mapping)
        self.cells, self.records[key] = cells, record
        self._forget(dropped)
        left = [one.scope for one in self.shared.values() if one.scope not in flow.scopes]
        self.shared = after
        return Built(
            key,
            tuple(added),
            tuple(one.scope for one in shared.values()),
            (*replaced, *left),
            tuple(dropped),
            (*stale, *users(flow, replaced)),
        )

    # ---- steps, inside the transaction

    def _names_before(
        self, old: CellRecord | None, names: Sequence[str], namespace: dict[str, Any]
    ) -> dict[str, Any]:
        """What the cell's names meant before it; they mean that again while the body runs."""
        before = values_of(namespace, names)
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
        self, line: FlowLine, body: Body, key: CellKey, namespace: dict[str, Any]
    ) -> tuple[dict[str, SharedScope], list[Scope]]:
        flow = self.flow
        shared: dict[str, SharedScope] = {}
        replaced: list[Scope] = []
        with ExitStack() as stack:
            stack.enter_context(flow)
            for parameter in line.parameters:
                namespace[parameter.name] = self._parameter(parameter, namespace)
            for clause in line.withs:
                if clause.name in shared:
                    message = f"--with: two scopes of one cell cannot both be {clause.name!r}"
                    raise MagicError(message)
                one, changed = entered(flow, {**self.shared, **shared}, clause, key, namespace)
                if changed:
                    replaced.append(one.scope)
                shared[clause.name] = one
                handle = stack.enter_context(one.scope)
                if clause.variable:
                    namespace[clause.variable] = handle
            body.execute()
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
        """Compared by source, as ``--with`` does: values such as arrays cannot be compared."""
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
        key: CellKey,
        added: Iterable[Task],
        labels: Mapping[Task, str],
        before: dict[str, Any],
    ) -> CellRecord:
        ends = {task for scope in self.flow.scopes for task in scope.own_tasks}
        tasks = [task for task in added if task not in ends]
        keys = task_keys(self.flow.name, key, [labels.get(task) for task in tasks])
        return CellRecord(
            dict(zip(keys, tasks, strict=True)),
            tuple(task for task in added if task in ends),
            before,
        )

    def _replace(
        self, old: CellRecord | None, new: CellRecord, added: Sequence[Task]
    ) -> tuple[list[Task], list[Task], dict[Task, Task]]:
        """Put the cell's new tasks in the place of its old ones."""
        if old is None:
            return [], [], {}
        flow = self.flow
        before = {key: task for key, task in old.tasks.items() if task in flow.nodes}
        match = match_tasks(tuple(before), tuple(new.tasks))
        mapping = {before[key]: new.tasks[key] for key in match.kept}
        gone = {task for task in old.everything if task in flow.nodes}
        following = _after(flow, gone)
        stale = editing.dependants(flow, gone)
        editing.substitute(flow, mapping)
        dropped = [task for task in editing.dependants(flow, gone) if task not in gone]
        mine = set(added).intersection(dropped)
        if mine:
            raise MagicError(
                f"task {min(task.name for task in mine)!r} needs a task that this cell defined "
                "when it ran before, but does not define any more"
            )
        editing.remove(flow, [*gone, *dropped])
        follows = next((task for task in following if task in flow.nodes), None)
        editing.reorder(flow, added, follows)
        return dropped, stale, mapping

    def _scopes_after(
        self, key: CellKey, entered: dict[str, SharedScope]
    ) -> dict[str, SharedScope]:
        """The shared scopes now that the cell is in `entered` and in no other; empty ones go."""
        after = {**self.shared, **entered}
        for name, one in self.shared.items():
            if name in entered or key not in one.cells:
                continue
            cells = one.cells - {key}
            if one.scope in self.flow.scopes and not cells and not one.scope.members:
                editing.remove(self.flow, one.scope.own_tasks)
            after[name] = replace(one, cells=cells, owner=None if one.owner == key else one.owner)
        return {name: one for name, one in after.items() if one.scope in self.flow.scopes}

    def _forget(self, dropped: Iterable[Task]) -> None:
        gone = set(dropped)
        for record in self.records.values():
            for key in [key for key, task in record.tasks.items() if task in gone]:
                del record.tasks[key]


def _labels(
    tasks: Iterable[Task], names: Iterable[str], namespace: dict[str, Any]
) -> dict[Task, str]:
    """The name that the cell bound a task to, where it did."""
    own = set(tasks)
    bound = {value: name for name in names if isinstance(value := namespace.get(name), Task)}
    return {task: name for task, name in bound.items() if task in own}


def _rename(namespace: dict[str, Any], mapping: dict[Task, Task]) -> None:
    """Let variables of other cells that hold a replaced handle hold the new one."""
    for name, value in list(namespace.items()):
        if isinstance(value, Task) and value in mapping:
            namespace[name] = mapping[value]


def _after(flow: Flow, tasks: Iterable[Task]) -> list[Task]:
    """The tasks behind the last of `tasks`, in the order of the flow."""
    own = set(tasks)
    found: list[Task] = []
    for task in reversed(flow.nodes):
        if task in own:
            break
        found.append(task)
    return found[::-1]


__all__ = ["Body", "Built", "CellRecord", "FlowCells"]
