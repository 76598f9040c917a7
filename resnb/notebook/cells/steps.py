"""Steps: cells that are one task each, whose inputs and outputs are names.

A step gives all the names that it binds in one value. Who reads one of them picks it, so that a
cell may bind other names tomorrow without a change to those that read it.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType
from typing import Any, Final

from resnb.errors import NoValueError
from resnb.graph.base.signature import Signature
from resnb.graph.tasks.task import Task
from resnb.notebook.figures import draws, own_figures
from resnb.run.caching.code_alone import code_alone
from resnb.states import State

_NOTHING: Final = object()
_PLAIN: Final = Signature((), frozenset(), frozenset(), None, "given", asynchronous=False)
_AWAITED: Final = _PLAIN._replace(asynchronous=True)
"""What the code of a step accepts: any names, by keyword."""


class StepValues(dict[str, Any]):
    """What a step has bound, by name.

    Attributes:
        shown: the value of its last line, if that was an expression; `None` shows nothing.
    """

    shown: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _values, (dict(self), self.shown)

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {value!r}" for name, value in self.items()) or "nothing bound"


def _values(found: Mapping[str, Any], shown: Any) -> StepValues:
    values = StepValues(found)
    values.shown = shown
    return values


class StepTask(Task):
    """A cell as one task.

    Args:
        name: its name in the graph.
        function: the cell's code, which takes its inputs by keyword and gives its local variables.
        late: gives, for each name that the cell reads from the notebook before it binds it, a
            function that gives its value.
        inputs: the names that it reads from the flow.
        outputs: the names that it binds and that others see.
        free: the names that it reads from the notebook.
        shown: the name of the local variable with the value of its last line.
        **options: those of a task.
    """

    def __init__(
        self,
        name: str,
        function: FunctionType,
        late: Callable[[], Mapping[str, Callable[[], Any]]],
        *,
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        free: tuple[str, ...],
        shown: str,
        **options: Any,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.free = free
        self.function = function
        awaits = inspect.iscoroutinefunction(function)
        run = _runner(function, late, outputs, shown, free, awaits=awaits)
        self.run = run  # type: ignore[method-assign]
        self._signature = _AWAITED if awaits else _PLAIN
        super().__init__(name=name, **options)

    @property
    def value(self) -> Any:
        """What it has bound: the value itself if that is one, else all of them by name.

        Raises:
            NoValueError: it has not run, or has not bound it.
        """
        found = super().value
        return picked(found, self.outputs[0]) if len(self.outputs) == 1 else found

    def read_now(self) -> dict[str, Any]:
        """The notebook's variables that it reads, as they are now."""
        namespace = self.function.__globals__
        names = [one for one in self.free if one not in self.inputs and one in namespace]
        return {name: namespace[name] for name in names}

    def is_written_like(self, other: "StepTask") -> bool:
        """Whether two steps have the same code, whatever that refers to, and bind the same."""
        one, two = self.function.__code__, other.function.__code__
        if self.outputs != other.outputs:
            return False
        return one == two or code_alone(one) == code_alone(two)  # the first is soon told


class StepOutput(Task):
    """One name of a step, for a task of another cell.

    Args:
        name: the name.
        step: the step's own name.
    """

    def __init__(self, name: str, step: str) -> None:
        super().__init__(name=f"value of {name}" if step == name else name)
        self.output = name

    def run(self, step: Any) -> Any:
        """The value of the name."""
        return picked(step, self.output)


def picked(value: Any, name: str) -> Any:
    """The value of `name`, which a step or each child of a mapped one has bound.

    Raises:
        NoValueError: the step was to bind it, and did not on this run.
    """
    if isinstance(value, StepValues):
        if name not in value:
            message = f"the step that binds {name!r} has not bound it in this run"
            raise NoValueError(message)
        return value[name]
    if type(value) is list and value and all(isinstance(one, StepValues) for one in value):
        return [picked(one, name) for one in value]
    return value


def outputs_of(task: StepTask, state: State) -> Iterator[tuple[str, Any]]:
    """The names that a step has bound in a run, with their values unless these are elsewhere."""
    kept = state.kept if state.is_successful() and not state.is_skipped() else None
    for name in task.outputs:
        value = _NOTHING
        if isinstance(kept, StepValues):
            value = kept.get(name, _NOTHING)
        elif type(kept) is list and _is_mapped(state, kept):
            value = [one.get(name) for one in kept]
        if value is not _NOTHING:
            yield name, value


def _is_mapped(state: State, kept: list[Any]) -> bool:
    """Whether these are the values of a mapped step's children; there may be none."""
    is_theirs = all(isinstance(one, StepValues) for one in kept)
    return is_theirs and (bool(kept) or state.is_mapped())


def shown_by(state: State) -> Iterable[Any]:
    """The values of a step's last line that are to be shown."""
    kept = state.kept
    found = [kept.shown] if isinstance(kept, StepValues) else []
    return [one for one in found if one is not None]


def _runner(
    function: FunctionType,
    late: Callable[[], Mapping[str, Callable[[], Any]]],
    outputs: tuple[str, ...],
    shown: str,
    free: tuple[str, ...],
    *,
    awaits: bool,
) -> Callable[..., Any]:
    """The code of the task: fetch what is needed, run the cell, choose what leaves it."""

    def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: picked(value, name) for name, value in given.items()}
        for name, read in late().items():
            with suppress(NameError):
                found[name] = read()
        return found

    def chosen(local: Mapping[str, Any]) -> StepValues:
        found = {name: local[name] for name in outputs if name in local}
        return _values(found, local.get(shown))

    if awaits:

        async def run_async(**given: Any) -> StepValues:
            return chosen(await function(**arguments(given)))

        return run_async

    def run(**given: Any) -> StepValues:
        if not draws(function, free):
            return chosen(function(**arguments(given)))
        with own_figures():
            return chosen(function(**arguments(given)))

    return run
