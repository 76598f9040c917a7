"""Handles: tasks as they stand for their values in a flow, and are no values themselves."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from resnb.errors import NoValueError, as_word
from resnb.graph.base.roles import Flow, Scope
from resnb.graph.base.stand_in import Standing, variable_of
from resnb.graph.tasks.operators import Operators
from resnb.states import Pending, State, has_let_go

Result_co = TypeVar("Result_co", covariant=True)


class Handle(Operators[Result_co]):
    """The part of a task that knows its flow and its latest value."""

    kind: ClassVar[str] = "task"
    name: str
    home: Callable[[], Flow | None] | None = None

    @property
    def flow(self) -> Flow | None:
        """The flow that the task was first added to, if any."""
        return None if self.home is None else self.home()

    @property
    def value(self) -> Any:
        """The latest value; for a scope's variable, the resource while its lease is open.

        Raises:
            NoValueError: there is none. The message says how to get one.
        """
        flow = self.flow
        if flow is None:
            message = f"task {self.name!r} is in no flow, so it has no value: call it in a flow"
            raise NoValueError(message)
        if flow.memory is None:
            message = (
                f"task {flow.label_of(self)!r} has no value yet: flow {flow.name!r} has not run "
                f"(%flow run {as_word(flow.name)}, or flow.run())"
            )
            raise NoValueError(message)
        return flow.memory.value_of(self)

    @property
    def state(self) -> State:
        """The latest state, which is pending if the task has not run yet."""
        flow = self.flow
        return Pending() if flow is None or flow.memory is None else flow.memory.state_of(self)

    # ---- what it is not

    def _standing(self, name: str | None = None) -> Standing:
        name = name or variable_of(self)
        if not is_handle(self):
            name = name or self.name
            return Standing(f"{name} is a task", f"{name}(...).value", " after a run of its flow")
        flow = self.flow
        where = "" if flow is None else f" of flow {flow.name!r}"
        subject = f"{name or 'this'} is a handle ({label_of(self)}{where})"
        return Standing(subject, f"{name or ''}.value", _when(self))

    def __getattr__(self, name: str) -> Any:
        if hasattr(type(self), name):  # a property that raised AttributeError
            return object.__getattribute__(self, name)
        return self._refuse_attribute(name)

    def __bool__(self) -> bool:
        if is_handle(self):
            name = variable_of(self) or "handle"
            self._refuse("is neither true nor false", otherwise=f"branch by case({name}, True)")
        return True

    def __format__(self, spec: str) -> str:
        if is_handle(self):
            self._refuse("cannot be put into a text", otherwise="make the text in a task")
        return format(repr(self), spec)

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        flow = self.flow
        if flow is None:
            return f"<{'Parameter' if self.kind == 'parameter' else 'Task'}: {self.name}>"
        text = f"{label_of(self)} of flow {flow.name!r}, {outlook(self)[0]}"
        return f"<handle of {text}: its value is .value{_when(self)}>"


def is_handle(task: Handle[Any]) -> bool:
    """Whether `task` stands for its value in a flow, and is not only a definition."""
    return task.home is not None or task.kind == "parameter"


def label_of(task: Handle[Any]) -> str:
    """What errors call `task`: ``task 'load'``, ``parameter 'n'`` or ``resource 'db'``."""
    if task.kind == "setup":
        scope: Scope = task.scope
        return f"resource {scope.name!r}"
    name = task.name if task.flow is None else task.flow.label_of(task)
    return f"{'parameter' if task.kind == 'parameter' else 'task'} {name!r}"


def _when(task: Handle[Any]) -> str:
    """When its ``value`` gives one; empty if it does now."""
    if outlook(task)[1]:
        return ""
    if has_let_go(task.state):
        return " after a run with keep_values='all'"
    return " while its scope is open" if task.kind == "setup" else " after a run"


def outlook(task: Handle[Any]) -> tuple[str, bool]:
    """The latest state of `task` in a word, and whether its ``value`` gives one now."""
    flow = task.flow
    if flow is None or flow.memory is None:
        return "pending", False
    return flow.memory.outlook(task)
