"""One task's place in a flow: its inputs, its neighbours, its scope.

Only a flow's structure and the functions that change it modify a node. They keep ``upstream`` and
``downstream`` of neighbours consistent, and record how to undo each change.

A flow may have a million nodes, so a node is lean: inputs are two tuples, the names of which all
calls of a task share; a few neighbours are a tuple, and if these are the inputs, the same one.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from resnb.graph.arguments import Collection, Constant, Input, tasks_in
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task

NO_KEYS: frozenset[str] = frozenset()
NO_CONTROL: Mapping[Task, bool] = MappingProxyType({})

Neighbours: TypeAlias = tuple[Task, ...] | dict[Task, None]
"""Tasks in order, none of them twice: a few are a tuple, many a dictionary."""
FEW: Final = 8
"""Maximum number of neighbours that are kept as a tuple."""


def with_one(tasks: Neighbours, task: Task) -> Neighbours:
    """`tasks` and `task`, which is not one of them; a dictionary is changed in place."""
    if isinstance(tasks, dict):
        tasks[task] = None
        return tasks
    return (*tasks, task) if len(tasks) < FEW else dict.fromkeys((*tasks, task))


def without_one(tasks: Neighbours, task: Task) -> Neighbours:
    """`tasks` without `task`; a dictionary is changed in place."""
    if isinstance(tasks, dict):
        tasks.pop(task, None)
        return tasks
    return tuple([one for one in tasks if one is not task])


class Node:
    """Inputs and neighbours of one task.

    Attributes:
        task: the task.
        names: the arguments that have an input, positional ones first.
        values: these inputs.
        positional: the number of positional inputs.
        mapped: the arguments that are mapped over.
        flattened: those of them that are flattened first.
        control: tasks that only have to run first, and whether each is mapped over; replaced as a
            whole by a change.
        upstream: every task with an edge to this one.
        downstream: every task to which this one has an edge.
        scope: the innermost resource scope around the task.
        position: grows with each task that is added to the flow.
    """

    __slots__ = (
        "control", "downstream", "flattened", "mapped", "names", "position", "positional",
        "scope", "task", "upstream", "values",
    )  # fmt: skip

    def __init__(
        self,
        task: Task,
        scope: Scope | None,
        position: int,
        names: tuple[str, ...] = (),
        sources: tuple[Task, ...] = (),
    ) -> None:
        """A new node; `sources` are different tasks, which are the inputs for `names`."""
        self.task = task
        self.position = position
        self.names = names
        self.values: tuple[Input, ...] = sources
        self.positional = len(sources)
        self.mapped = NO_KEYS
        self.flattened = NO_KEYS
        self.control = NO_CONTROL
        self.upstream: Neighbours = sources
        self.downstream: Neighbours = ()
        self.scope = scope

    @property
    def inputs(self) -> dict[str, Input]:
        """An input for each argument, positional ones first; a copy, to be assigned if changed."""
        return dict(zip(self.names, self.values, strict=True))

    @inputs.setter
    def inputs(self, inputs: Mapping[str, Input]) -> None:
        self.names, self.values = tuple(inputs), tuple(inputs.values())

    @property
    def is_mapped(self) -> bool:
        """Whether the task runs once for each item of an input."""
        return bool(self.mapped) or True in self.control.values()

    def edges(self) -> Iterator[Edge]:
        """The edges that end here, except for those that follow from a scope."""
        for key, value in zip(self.names, self.values, strict=True):
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
            self.names, self.values, self.positional, self.mapped, self.flattened, self.control,
            self.position,
        )  # fmt: skip
        return partial(self._restore, now)

    def _restore(self, before: tuple[Any, ...]) -> None:
        (
            self.names, self.values, self.positional, self.mapped, self.flattened, self.control,
            self.position,
        ) = before  # fmt: skip

    def sources(self) -> set[Task]:
        """The tasks that `inputs` and `control` refer to."""
        found = {task for value in self.values for task in tasks_in(value)}
        return found.union(self.control)
