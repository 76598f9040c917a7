"""What one cell of a flow is: its body before it runs, what it has added, what that has changed."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from resnb.graph.arguments import Constant
from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.parameter import Parameter
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.identity import TaskLabel
from resnb.notebook.cells.removal import name_of
from resnb.notebook.cells.step_names import Binder, StepBody
from resnb.notebook.cells.steps import StepTask
from resnb.run.caching.glance import glance


@dataclass(frozen=True)
class CellBody:
    """The body of a ``%%flow`` cell, ready to run."""

    execute: Callable[[], object]  # runs the body in the notebook's namespace
    names: tuple[str, ...]  # the names that its top level binds, in order
    reads: tuple[str, ...]  # the names that it reads before it binds them
    statements: tuple[ast.stmt, ...] = ()  # its code
    cell_id: str | None = None  # the front end's id of the cell, if it sent one
    number: int | None = None  # the number that the front end shows beside it
    step: StepBody | None = None  # the same body as one task


@dataclass(frozen=True)
class CellRecord:
    """What one cell has added.

    Attributes:
        tasks: its tasks by identity, some of which may have left the flow.
        scope_tasks: the init, set-up and clean-up tasks of the `with` blocks in its body; no other
            cell can refer to them, so they need no identity.
        before: the values that its names had before it ran for the first time.
        number: the number that the front end shows beside the cell; None if it shows none.
        step: the step that the cell is; None if it is none.
    """

    tasks: dict[TaskLabel, Task]
    scope_tasks: tuple[Task, ...]
    before: dict[str, Any]
    number: int | None = None
    step: StepTask | None = None

    @property
    def everything(self) -> tuple[Task, ...]:
        """All tasks that the cell has added."""
        return (*self.tasks.values(), *self.scope_tasks)

    def binder(self, flow: Flow) -> Binder:
        """What the cell binds now."""
        step = self.step if self.step in flow.nodes else None
        label = label_of(flow.name, self.number, None if step is None else step.name)
        tasks = {
            one: task
            for one, task in self.tasks.items()
            if isinstance(one, str) and task in flow.nodes
        }
        binds = frozenset(tasks)
        if step is None:
            return Binder(label, binds, tasks=tasks)
        return Binder(label, binds.union(step.outputs), frozenset(step.free), step)


class Rebuilt(NamedTuple):
    """A step that a cell has put in the place of its old one."""

    old: StepTask
    new: StepTask
    has_same_inputs: bool  # whether it takes the same tasks and values, in the same scope
    # the cell's parameters that are written as before, old and new; their defaults may differ
    parameters: Mapping[Parameter, Parameter] = {}


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
    rebuilt: Rebuilt | None = None  # the step that was replaced, if the cell is one


def missing_from(old: CellRecord | None, new: CellRecord) -> tuple[str, ...]:
    """What a cell has defined, and does not define any more."""
    before = {} if old is None else old.tasks
    return tuple(name_of(label, task) for label, task in before.items() if label not in new.tasks)


def label_of(flow: str, number: int | None, title: str | None = None) -> str:
    """What errors call a cell."""
    what = "a cell" if title is None else f"step {title!r}" if title else "this step"
    return f"{what} of flow {flow!r}" + ("" if number is None else f" (cell [{number}])")


def inputs_of(flow: Flow, step: StepTask) -> tuple[Any, ...]:
    """What a step takes, to be compared: its tasks and plain values, and where it stands."""
    node = flow.nodes[step]
    inputs = {
        name: glance(one.value) if isinstance(one, Constant) else one
        for name, one in node.inputs.items()
    }
    return inputs, node.mapped, node.scope


def renamed(inputs: tuple[Any, ...], kept: Mapping[Parameter, Parameter]) -> tuple[Any, ...]:
    """What `inputs_of` gave, with other parameters in place of some."""
    named, *rest = inputs
    return {
        name: kept.get(one, one) if isinstance(one, Parameter) else one
        for name, one in named.items()
    }, *rest
