"""Flows: named directed acyclic graphs of tasks.

Nothing here runs or draws. The structure is in `resnb.graph.structure`; running and drawing are
plugged in through `resnb.graph.base.ports`.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NoReturn, Self

from resnb import unsupported
from resnb.durations import seconds
from resnb.errors import OptionError
from resnb.events import EVENTS, StructureChanged
from resnb.graph import binding, changes, editing, merging
from resnb.graph.base.building import BUILDING, enter, leave
from resnb.graph.base.option_values import HOOKS, hooks, kept_result, kept_values
from resnb.graph.base.options import FLOW_OPTIONS, refuse_unknown
from resnb.graph.base.ports import PORTS, Runner
from resnb.graph.resources.scope import Scope
from resnb.graph.run_options import refuse_nested, refuse_states, run_options
from resnb.graph.structure import Structure
from resnb.graph.tasks.definition import Hook
from resnb.graph.tasks.edge import Edge
from resnb.graph.tasks.task import Task
from resnb.graph.unused import warn_of_unused
from resnb.graph.validation import validate
from resnb.states import State

_COPIED = ("executor", "cache_for", "result", "keep_values", *HOOKS)


class Flow(Structure):
    """A named graph of tasks; build it inside ``with Flow("name") as flow:``.

    Args:
        name: the flow's name.
        schedule: refused, unless it is None: Prefect has it at this place.
        executor: what runs its tasks, unless a run gets another; threads by default.
        cache_for: how long its tasks' values last on disk (``"7d"``, seconds, timedelta), unless a
            task says otherwise.
        result: a `LocalResult` for its tasks, unless a task has its own.
        keep_values: ``"all"``, or ``"terminal"``: a value is let go as soon as the last task that
            reads it has ended; those of the last tasks, of chosen reference tasks and of parameters
            stay. It can be set later, too, for the runs that follow.
        tasks: initial tasks.
        edges: initial edges.
        reference_tasks: the tasks that decide the flow's final state; see `reference_tasks`.
        state_handlers: called as ``(flow, old_state, new_state)``.
        on_running: called when a run begins, in the same way as `on_failure`.
        on_failure: called when a run has failed, with as many of ``(flow, run, state)`` as it
            accepts; a hook with one parameter gets the run.
        on_completion: called in the same way when a run has succeeded.
        on_cancellation: called in the same way when a run was cancelled.
        validate: accepted for compatibility with Prefect; each edge is checked at once.
        **others: refused; for Prefect's options with what to do instead.

    Raises:
        OptionError: `name` is no text, or empty; or another option has a value of the wrong kind.

    Example:
        >>> with Flow("sum") as flow:
        ...     total = Parameter("a") + 1
        >>> flow.run(a=1).result[total].result
        2
    """

    def __init__(
        self,
        name: str,
        schedule: None = None,
        *,
        executor: Any = None,
        cache_for: Any = None,
        result: Any = None,
        keep_values: str = "all",
        tasks: Iterable[Task] | None = None,
        edges: Iterable[Edge] | None = None,
        reference_tasks: Iterable[Task] | None = None,
        state_handlers: Iterable[Hook] | None = None,
        on_running: Hook | Iterable[Hook] | None = None,
        on_failure: Hook | Iterable[Hook] | None = None,
        on_completion: Hook | Iterable[Hook] | None = None,
        on_cancellation: Hook | Iterable[Hook] | None = None,
        validate: bool | None = None,
        **others: Any,
    ) -> None:
        del validate
        asked = {"schedule": schedule, **others}
        unsupported.refuse(f"flow {name!r}", asked, unsupported.FLOW_OPTIONS)
        others = unsupported.without(others, unsupported.FLOW_OPTIONS)
        refuse_unknown(f"flow {name!r}", others, FLOW_OPTIONS)
        super().__init__(_checked_name(name))
        self.executor = executor
        owner = f"flow {name!r}"
        self.cache_for = seconds(cache_for, f"{owner}: cache_for")
        self.result = kept_result(owner, "result", result)
        self.keep_values = keep_values
        self.state_handlers = hooks(owner, "state_handlers", state_handlers)
        self.on_running = hooks(owner, "on_running", on_running)
        self.on_failure = hooks(owner, "on_failure", on_failure)
        self.on_completion = hooks(owner, "on_completion", on_completion)
        self.on_cancellation = hooks(owner, "on_cancellation", on_cancellation)
        for one in tasks or ():
            self.add_task(one)
        for edge in edges or ():
            self.add_edge(*edge)
        if reference_tasks:
            self.set_reference_tasks(reference_tasks)

    schedule = unsupported.LeftOut(unsupported.FLOW_OPTIONS["schedule"])
    run_config = unsupported.LeftOut(unsupported.FLOW_OPTIONS["run_config"])
    storage = unsupported.LeftOut(unsupported.FLOW_OPTIONS["storage"])

    def __getattr__(self, name: str) -> NoReturn:
        unsupported.refuse_name("a flow", name, unsupported.FLOW_METHODS)

    @property
    def keep_values(self) -> str:
        """Which values a run keeps: ``"all"`` or ``"terminal"``."""
        return self._keep_values

    @keep_values.setter
    def keep_values(self, value: str) -> None:
        self._keep_values = kept_values(f"flow {self.name!r}", value)

    # ---- building

    def __enter__(self) -> Self:
        enter(self, flow=self, scope=None, case=None, made=[])
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        made = BUILDING.get().made if kind is None else None
        leave(self)
        EVENTS.publish(StructureChanged(self.name))
        if made and not self.built_by_cells:  # cells have a line of their own
            warn_of_unused(self, made)

    def add_task(self, task: Task) -> Task:
        """Add `task` itself, not a copy, without arguments. It joins the blocks around this line.

        Raises:
            GraphError: the task belongs to another flow, or a parameter's name is taken.
        """
        with self.transaction():
            if task in self.nodes and task.kind == "parameter":
                self.journal.assign(task, "is_wanted", value=True)
            changes.node_of(self, task)
        return task

    bind_call = binding.bind_call

    def bind_task(
        self,
        task: Task,
        inputs: Mapping[str, Any],
        positional: int,
        mapped: bool = False,
        upstream_tasks: Iterable[Any] = (),
    ) -> None:
        """Add `task` with its arguments; see `Task.bind`."""
        binding.bind_task(self, task, inputs, positional, mapped, upstream_tasks)

    def add_edge(  # noqa: PLR0917 - Prefect's places
        self,
        upstream_task: Any,
        downstream_task: Task,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
        validate: bool | None = None,
    ) -> Edge:
        """Let one task run before another, which gets its value as argument `key` if given.

        `validate` is accepted for compatibility with Prefect; each edge is checked at once.

        Raises:
            GraphError: the edge closes a cycle, something is no task, a task belongs to another
                flow, or `key` is no parameter of the task or has a value already.
        """
        del validate
        return binding.add_edge(self, upstream_task, downstream_task, key, mapped, flattened)

    def chain(self, *tasks: Task, validate: bool | None = None) -> list[Edge]:
        """Let each of `tasks` run after the previous one; for `validate` see `add_edge`."""
        del validate
        with self.transaction():
            return [self.add_edge(first, second) for first, second in pairwise(tasks)]

    def add_scope(
        self, scope: Scope, inputs: Mapping[str, Any], positional: int, mapped: bool = False
    ) -> None:
        """Add a scope with its three tasks; `inputs` are the manager's arguments."""
        binding.add_scope(self, scope, inputs, positional, mapped)

    def set_dependencies(  # noqa: PLR0917 - Prefect's places
        self,
        task: Task,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Task] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
        validate: bool | None = None,
    ) -> Task:
        """Add `task` and set its dependencies, either all or none; see `Task.set_dependencies`."""
        del validate
        with self.transaction():
            self.add_task(task) if task not in self.nodes else None
            task.set_dependencies(self, upstream_tasks, downstream_tasks, keyword_tasks, mapped)
        return task

    def replace(self, old: Task, new: Any, validate: bool | None = None) -> None:
        """Put `new`, a task or a constant, in the place of task `old`; it gets the same inputs.

        Raises:
            GraphError: the flow has no task `old`, or would have a cycle, or `new` does not take
                an argument that `old` gets.
        """
        del validate
        editing.replace(self, old, new)

    def update(
        self,
        flow: "Flow",
        merge_parameters: bool = False,
        validate: bool | None = None,
        merge_reference_tasks: bool = False,
    ) -> None:
        """Add the tasks, edges and scopes of `flow`. The tasks are shared, not copied.

        Args:
            flow: the other flow.
            merge_parameters: whether parameters of the same name are merged.
            validate: accepted for compatibility with Prefect; each edge is checked at once.
            merge_reference_tasks: whether the other flow's reference tasks count, too.

        Raises:
            GraphError: both flows have a parameter of the same name.
        """
        del validate
        merging.merge(self, flow, parameters=merge_parameters, references=merge_reference_tasks)

    def copy(self) -> "Flow":
        """A flow with the same tasks, edges and scopes, which can be extended separately."""
        new = Flow(self.name, **{option: getattr(self, option) for option in _COPIED})
        new.update(self)
        if self.has_reference_tasks:
            new.set_reference_tasks(self.reference_tasks())
        return new

    def validate(self) -> None:
        """Check all invariants of the structure.

        Raises:
            GraphError: an invariant does not hold.
        """
        validate(self)

    @property
    def logger(self) -> Any:
        """The logger for messages about the flow, the same as `resnb.get_run_logger`."""
        return PORTS.logger()

    # ---- running and drawing, which higher layers plug in

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        executor: Any = None,
        task_states: Mapping[Task, State] | State | None = None,
        **params: Any,
    ) -> State:
        """Run the flow and wait. Ctrl-C cancels the run, and every scope is still cleaned up.

        Args:
            parameters: values by parameter name.
            executor: what runs the tasks.
            task_states: states of tasks that need not run, or the final state of an earlier run,
                to resume where that failed. Resources that are needed are set up again.
            **params: more values by parameter name. ``quiet=True`` writes no line to stderr about
                what failed.

        Returns:
            The final state; ``state.result[task]`` is the state of a task.

        Raises:
            OptionError: a parameter is missing or unknown.
            RunError: a flow is running already, or this one is being built.
        """
        return self._runner().run(
            self, **self._run_options(parameters, executor, task_states, params)
        )

    def start(
        self,
        parameters: Mapping[str, Any] | None = None,
        executor: Any = None,
        task_states: Mapping[Task, State] | State | None = None,
        **params: Any,
    ) -> Any:
        """Run the flow in the background. Arguments and errors are those of `run`.

        Returns:
            A `FlowRun`, with ``state``, ``wait()`` and ``cancel()``.
        """
        return self._runner().start(
            self, **self._run_options(parameters, executor, task_states, params)
        )

    async def run_async(
        self,
        parameters: Mapping[str, Any] | None = None,
        executor: Any = None,
        task_states: Mapping[Task, State] | State | None = None,
        **params: Any,
    ) -> State:
        """Run the flow and await its final state. Arguments and errors are those of `run`."""
        return await self._runner().run_async(
            self, **self._run_options(parameters, executor, task_states, params)
        )

    def _run_options(
        self,
        parameters: Mapping[str, Any] | None,
        executor: Any,
        task_states: Mapping[Task, State] | State | None,
        params: Mapping[str, Any],
    ) -> dict[str, Any]:
        refuse_nested(self)
        refuse_states(self, task_states)
        return {
            **run_options(self, parameters, params, has_quiet="quiet" in self.parameter_names),
            "executor": executor if executor is not None else self.executor,
            "task_states": task_states,
        }

    def _runner(self) -> Runner:
        return PORTS.runner()

    def visualize(
        self,
        flow_state: State | None = None,
        filename: str | None = None,
        format: str | None = None,  # noqa: A002 - Prefect's name
    ) -> Any:
        """A picture of the flow.

        Args:
            flow_state: a run's final state, for the colours.
            filename: a file to write, without the extension.
            format: ``"png"``, ``"svg"`` or ``"pdf"``; png by default.
        """
        return PORTS.painter().visualize(
            self, flow_state=flow_state, filename=filename, format=format
        )

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        return PORTS.painter().mimebundle(self)

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<Flow: {self.name!r}, {len(self.nodes)} tasks>"


def _checked_name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        message = f"Flow({value!r}): a flow's name is a text that is not empty"
        raise OptionError(message)
    return value
