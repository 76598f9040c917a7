"""The names of a flow as its steps use them: which task stands for a name, and who may bind it."""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from resnb.errors import MagicError
from resnb.graph.base.inputs import mapped, unmapped
from resnb.graph.flow import Flow
from resnb.graph.tasks.handle import is_handle
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.mentions import read_through
from resnb.notebook.cells.namespace import MISSING, bind, evaluated
from resnb.notebook.cells.steps import StepOutput, StepTask
from resnb.notebook.lines.parsed import StepLine
from resnb.syntax.scoping import names_read
from resnb.syntax.step_code import FUNCTION, LATE, SHOWN, StepCode, as_function

_RESERVED = frozenset({"flow", "mapped", "task_args", "upstream_tasks"})


@dataclass(frozen=True)
class StepBody:
    """The body of a ``%%flow --step`` cell."""

    statements: tuple[ast.stmt, ...]  # the cell's
    code: StepCode  # what it reads and binds
    compiled: Callable[[ast.Module], Any]  # compiles a module whose lines are the cell's
    shows: bool  # whether its last line is to be shown
    awaits: bool  # whether it awaits


class Binder(NamedTuple):
    """A cell that binds names, or reads them from the notebook."""

    label: str  # what errors call it
    binds: frozenset[str]  # the names of the flow that it binds
    free: frozenset[str] = frozenset()  # those that its step reads, and that the flow does not have
    step: StepTask | None = None  # the step that it is
    tasks: Mapping[str, Task] = {}  # the other tasks that it binds names to


class StepNames:
    """The names of a flow while one cell is built.

    Args:
        flow: the flow.
        others: its other cells.
    """

    def __init__(self, flow: Flow, others: Collection[Binder]) -> None:
        self._flow = flow
        self._others = others
        self._steps = {
            name: one.step for one in others if one.step is not None for name in one.binds
        }

    def refuse_conflicts(self, label: str, names: Iterable[str], *, is_step: bool) -> None:
        """Refuse names that another step binds, or reads from the notebook.

        Args:
            label: what errors call the cell.
            names: the names that it binds.
            is_step: whether the cell is a step; else only steps are in its way.

        Raises:
            MagicError: there is such a name.
        """
        for name in names:
            for one in self._others:
                if name in one.binds and (is_step or one.step is not None):
                    raise MagicError(
                        f"{label} binds {name!r}, and so does {one.label}: rename one, or let it "
                        f"begin with an underscore (_{name}), which stays inside a step"
                    )
                if name in one.free:
                    raise MagicError(
                        f"{label} binds {name!r}, which {one.label} reads and which it did not "
                        f"find in flow {self._flow.name!r}: remove that one, run this cell, and "
                        "run that one again"
                    )

    @contextmanager
    def as_handles(self, names: Iterable[str], namespace: dict[str, Any]) -> Iterator[None]:
        """Within the block, `names` of the flow are handles, whatever the notebook has."""
        found = {n: self._output(n) if n in self._steps else self._task(n) for n in names}
        handles = {name: task for name, task in found.items() if task is not None}
        before = {name: namespace.get(name, MISSING) for name in handles}
        bind(namespace, handles)
        yield
        bind(namespace, {n: before[n] for n, task in handles.items() if namespace.get(n) is task})

    def add_step(self, line: StepLine, body: StepBody, namespace: dict[str, Any]) -> None:
        """Add a cell as one task, and bind its names to it.

        Raises:
            MagicError: it reads a name that no input can have.
        """
        if not body.statements:
            return
        code = body.code
        sources = {name: self._source(name, namespace) for name in code.needs if name != line.item}
        inputs: dict[str, Any] = {name: one for name, one in sources.items() if one is not None}
        free = tuple(name for name in code.needs if name not in inputs and name != line.item)
        hidden = read_through(free, namespace)
        self._refuse_hidden(hidden)
        free = (*free, *(name for name in hidden if name in namespace and name not in free))
        for name in code.rebinds:  # it will stand for the step: what it is now is the input
            if name in free and name in code.outputs and name in namespace:
                inputs[name] = unmapped(namespace[name])
        if line.item:
            inputs[line.item] = mapped(self._items(line.items_source, namespace))
        if taken := _RESERVED.intersection(inputs):
            raise MagicError(f"a step cannot read {min(taken)!r} from the flow: rename it")
        late = tuple(
            name for name in code.rebinds if name not in inputs and name not in code.outputs
        )
        free = tuple(name for name in free if name in inputs or name not in code.outputs)
        module = as_function(
            body.statements, tuple(inputs), late, shows=body.shows, awaits=body.awaits
        )
        found: dict[str, Any] = {}
        exec(body.compiled(module), namespace, found)  # noqa: S102 - the user's own cell
        options = {"max_retries": line.retries} if line.retries else {}
        task = StepTask(
            line.title or next(iter(code.outputs), "step"),
            found[FUNCTION],
            found.get(LATE, dict),
            inputs=tuple(inputs),
            outputs=code.outputs,
            free=free,
            shown=SHOWN,
            **options,
        )
        task.bind(flow=self._flow, **inputs)
        if code.imports:
            imports = ast.Module(list(code.imports), [])
            exec(body.compiled(imports), namespace)  # noqa: S102 - likewise
        bind(namespace, dict.fromkeys(code.outputs, task))

    def _refuse_hidden(self, hidden: Mapping[str, str]) -> None:
        """Refuse names of steps that a function of the notebook reads behind the flow's back."""
        for name, function in hidden.items():
            if name in self._steps:
                raise MagicError(
                    f"the step uses {function}(), which reads {name!r} of step "
                    f"{self._steps[name].name!r} as a variable of the notebook: pass it as an "
                    f"argument, or define {function} in a step"
                )

    def _source(self, name: str, namespace: Mapping[str, Any]) -> Task | None:
        """The task that stands for a name; None if only the notebook knows it.

        Raises:
            MagicError: the name stands for a step that was removed.
        """
        if (step := self._steps.get(name)) is not None:
            return step
        found = namespace.get(name)
        if isinstance(found, StepTask) and found.flow is None:
            raise MagicError(
                f"the step reads {name!r}, which stands for step {found.name!r}, and that was "
                f"removed: run its cell again first, or bind {name!r} in an ordinary cell"
            )
        if isinstance(found, Task) and found in self._flow.nodes and is_handle(found):
            return found
        return self._task(name)

    def _task(self, name: str) -> Task | None:
        """The task that `name` is bound to in the flow; None if several cells have bound it."""
        own = [one.tasks[name] for one in self._others if name in one.tasks]
        if own:
            return own[0] if len(own) == 1 else None
        return self._flow.parameter_names.get(name)

    def _items(self, source: str, namespace: Mapping[str, Any]) -> Any:
        names = names_read([ast.parse(source, mode="eval").body])
        found = {name: self._source(name, namespace) for name in names}
        handles = {
            name: self._output(name) if isinstance(task, StepTask) else task
            for name, task in found.items()
            if task is not None
        }
        items = evaluated(source, {**namespace, **handles}, f"--map {source}")
        return list(items) if isinstance(items, Iterator) else items  # of zip, map, a generator

    def _output(self, name: str) -> StepOutput:
        step = self._steps[name]
        made = StepOutput(name, step.name)
        made.bind(step, flow=self._flow)
        return made


def lost(flow: Flow, step: StepTask) -> list[Task]:
    """The tasks that read a name of `step` which it does not bind any more."""
    found: list[Task] = []
    for task in flow.nodes[step].downstream:
        if isinstance(task, StepOutput):
            names = [task.output]
        elif isinstance(task, StepTask):
            names = [key for key, one in flow.nodes[task].inputs.items() if one is step]
        else:
            names = []
        if any(name not in step.outputs for name in names):
            found.append(task)
    return found
