"""One task's place in a flow: its inputs, its neighbours, its scope.

Only a flow's structure and the functions that change it modify a node. They keep ``upstream`` and
``downstream`` of neighbours consistent, and record how to undo each change.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from resnb.graph.arguments import Collection, Constant, Input, tasks_in
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task

NO_KEYS: frozenset[str] = frozenset()


class Node:
    """Inputs and neighbours of one task.

    Attributes:
        task: the task.
        inputs: an input for each argument, positional ones first.
        positional: the number of positional inputs.
        mapped: the arguments that are mapped over.
        flattened: those of them that are flattened first.
        control: tasks that only have to run first, and whether each is mapped over.
        upstream: every task with an edge to this one.
        downstream: every task to which this one has an edge.
        scope: the innermost resource scope around the task.
        position: grows with each task that is added to the flow.
    """

    __slots__ = (
        "control", "downstream", "flattened", "inputs", "mapped", "position", "positional",
        "scope", "task", "upstream",
    )  # fmt: skip

    def __init__(self, task: Task, scope: Scope | None, position: int) -> None:
        self.task = task
        self.position = position
        self.inputs: dict[str, Input] = {}
        self.positional = 0
        self.mapped = NO_KEYS
        self.flattened = NO_KEYS
        self.control: dict[Task, bool] = {}
        self.upstream: dict[Task, None] = {}
        self.downstream: dict[Task, None] = {}
        self.scope = scope

    @property
    def is_mapped(self) -> bool:
        """Whether the task runs once for each item of an input."""
        return bool(self.mapped) or True in self.control.values()

    def edges(self) -> Iterator[Edge]:
        """The edges that end here, except for those that follow from a scope."""
        for key, value in self.inputs.items():
            kind = type(value)
            if kind is Constant:
                continue
            mapped, flattened = key in self.mapped, key in self.flattened
            sources = dict.fromkeys(tasks_in(value)) if kind is Collection else (value,)
            for source in sources:
                yield Edge._make((source, self.task, key, mapped, flattened))
        for source, mapped in self.control.items():
            yield Edge._make((source, self.task, None, mapped, False))

    def undo(self) -> Callable[[], None]:
        """A function that undoes later changes to everything but the neighbours."""
        now = (
            dict(self.inputs), self.positional, self.mapped, self.flattened, dict(self.control),
            self.position,
        )  # fmt: skip
        return partial(self._restore, now)

    def _restore(self, before: tuple[Any, ...]) -> None:
        (
            self.inputs, self.positional, self.mapped, self.flattened, self.control, self.position,
        ) = before  # fmt: skip

    def sources(self) -> set[Task]:
        """The tasks that `inputs` and `control` refer to."""
        found = {task for value in self.inputs.values() for task in tasks_in(value)}
        return found.union(self.control)
