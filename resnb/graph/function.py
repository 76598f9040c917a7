"""``@flow`` functions as in Prefect 2 and 3: plain Python code whose tasks run when called.

Such a function is a flow whose graph is recorded while it runs, and drawn like any other; see
`resnb.graph.recording`. Each run begins with an empty graph.
"""

import copy
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self, overload

from resnb.errors import GraphError, OptionError
from resnb.graph.base.building import building_nothing
from resnb.graph.base.option_values import HOOKS
from resnb.graph.base.options import FUNCTION_OPTIONS, checked
from resnb.graph.base.ports import PORTS, FunctionRunner
from resnb.graph.base.signature import Signature, signature_of
from resnb.graph.flow import Flow
from resnb.graph.recording import record
from resnb.graph.run_options import run_options
from resnb.graph.structure import Structure
from resnb.graph.tasks.parameter import NO_DEFAULT, Parameter
from resnb.graph.tasks.task import Task
from resnb.states import Pending, State
from resnb.unsupported import FUNCTION_OPTIONS as UNSUPPORTED

_ALIASES = {"retry_delay_seconds": "retry_delay", "timeout_seconds": "timeout"}


class FlowFunction(Flow):
    """A flow that is a function; made by the decorator `flow`.

    Calling it runs it, and returns or raises what the function does. ``with resource(...)`` in it
    holds a lease, as in any flow; other context managers do not.

    Args:
        function: the function, plain or ``async``; an async one is awaited.
        name: the flow's name; by default that of the function.
        **options: see `flow`.

    Attributes:
        function: the function.
        signature: what it accepts.
        parameter_tasks: its parameters, with which every graph begins.
        retries: the number of calls after a failed one.
        retry_delay: the pause before each of them, in seconds.
        timeout: how long one call may take, in seconds; None for no limit.
        flow_run_name: names its runs; see `name_of_run`.

    Raises:
        OptionError: an option is unknown, has no meaning here, or is of the wrong kind.
    """

    def __init__(
        self, function: Callable[..., Any], name: str | None = None, **options: Any
    ) -> None:
        if isinstance(function, Task | Flow) or not callable(function):
            message = f"@flow decorates a function, not {function!r}"
            raise GraphError(message)
        label = name or str(getattr(function, "__name__", "flow"))
        owner = f"flow {label!r}"
        given = checked(owner, options, FUNCTION_OPTIONS, _ALIASES, UNSUPPORTED)
        hooks = {option: given.get(option) for option in HOOKS}
        values = given.get("keep_values", "all")
        super().__init__(label, executor=given.get("executor"), keep_values=values, **hooks)
        self.function = function
        self.lock = threading.RLock()
        self.retries: int = given.get("retries", 0)
        self.retry_delay: float = given.get("retry_delay", 0.0)
        self.timeout: float | None = given.get("timeout")
        self.flow_run_name: str | Callable[[], str] | None = given.get("flow_run_name")
        self.__doc__ = given.get("description") or getattr(function, "__doc__", None)
        self.__wrapped__ = function
        self.signature: Signature = signature_of(function)
        self.parameter_tasks = _parameters(function)
        self._options = options
        self.clear()

    @property
    def fn(self) -> Callable[..., Any]:
        """The function, by its name in Prefect 2 and 3."""
        return self.function

    def with_options(self, **options: Any) -> "FlowFunction":
        """A flow of the same function with some options changed."""
        return FlowFunction(self.function, **{"name": self.name, **self._options, **options})

    def name_of_run(self, parameters: Mapping[str, Any]) -> str:
        """The name of a run with these parameters; by default that of the flow."""
        given = self.flow_run_name
        if given is None:
            return self.name
        return given() if callable(given) else given.format(**parameters)

    # ---- calling

    def __call__(self, *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
        """Run the function; an ``async`` one has to be awaited.

        Args:
            *args: its arguments.
            return_state: whether to return the run's `State` and raise nothing; its ``result`` is
                what the function returned or raised.
            **kwargs: like `args`.

        Returns:
            What the function returns, with the value of each future in it.

        Raises:
            OptionError: an argument is missing or surplus.
            RunError: another flow is running in this kernel.
            FlowFailed: the run was cancelled.
        """
        self.signature.assign(f"flow {self.name!r}", args, kwargs)
        return PORTS.function_runner().call(self, args, kwargs, return_state=return_state)

    def _run_options(
        self,
        parameters: Mapping[str, Any] | None,
        executor: Any,
        task_states: Mapping[Task, State] | State | None,
        params: Mapping[str, Any],
    ) -> dict[str, Any]:
        if executor is not None or task_states:
            option = "executor" if executor is not None else "task_states"
            message = (
                f"flow {self.name!r} is a function, whose run takes no {option}: "
                "give @flow(executor=...), and call what is wanted"
            )
            raise OptionError(message)
        has_quiet = self.signature.accepts("quiet")
        options = run_options(self, parameters, params, has_quiet=has_quiet)
        self.signature.assign(f"flow {self.name!r}", (), options["parameters"])
        return options

    def _runner(self) -> FunctionRunner:
        return PORTS.function_runner()

    def visualize(self, flow_state: State | None = None, *args: Any, **kwargs: Any) -> Any:
        """A picture of the latest run, whichever state is given; see `Flow.visualize`."""
        del flow_state  # it has the result of the function, not the states of tasks
        return super().visualize(None, *args, **kwargs)

    @property
    def state(self) -> State:
        """The state of the latest run, which is pending before the first one."""
        found: State | None = getattr(self.memory, "final", None)
        return found if found is not None else Pending()

    def twin(self) -> "FlowFunction":
        """A flow of the same function with its own graph."""
        new = copy.copy(self)
        Structure.__init__(new, self.name)
        new.lock = threading.RLock()
        new.parameter_tasks = tuple(one.copy() for one in self.parameter_tasks)
        new.clear()
        return new

    def clear(self) -> None:
        """Begin a new graph, with only the parameters in it."""
        with self.lock:
            self.nodes, self.scopes = {}, {}
            self._position = 0
            for task in self.parameter_tasks:
                record(self, task, {})

    # ---- what cannot be done from outside

    def __enter__(self) -> Self:
        self._refuse_building()

    def add_task(self, task: Task) -> Task:
        """Refuse `task`: the tasks are those that the function calls."""
        self._refuse_building(task)

    def bind_call(self, task: Task, *_: Any) -> NoReturn:
        """Refuse `task`, as `add_task` does."""
        self._refuse_building(task)

    def bind_task(self, task: Task, *_: Any, **__: Any) -> None:
        """Refuse `task`, as `add_task` does."""
        self._refuse_building(task)

    def _refuse_building(self, task: Task | None = None) -> NoReturn:
        what = "cannot be built" if task is None else f"cannot take task {task.name!r}"
        message = (
            f"flow {self.name!r} is a function and {what} from outside: call tasks in its body"
        )
        raise GraphError(message)

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<Flow: {self.name!r}, a function, {len(self.nodes)} tasks>"


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # no signature to inspect
        return ()
    with building_nothing():
        return tuple(
            Parameter(one.name, NO_DEFAULT if one.default is one.empty else one.default)
            for one in given
            if one.kind in kinds
        )


@overload
def flow(**options: Any) -> Callable[[Callable[..., Any]], FlowFunction]: ...
@overload
def flow(function: Callable[..., Any], /, **options: Any) -> FlowFunction: ...


def flow(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a flow from a function: ``@flow`` or ``@flow(retries=2)``.

    Args:
        function: the function, plain or ``async``.
        **options: ``name``, by default that of the function; ``retries`` and ``retry_delay``
            (``retry_delay_seconds``), to call it again, with an empty graph, after it failed;
            ``timeout`` (``timeout_seconds``); ``executor``, which runs submitted tasks;
            ``keep_values="terminal"``, to let a task's value go once the function has it, or has
            dropped the future for it;
            ``on_running``, ``on_completion``, ``on_failure`` and ``on_cancellation``: hooks, called
            with as many of ``(flow, run, state)`` as they accept; ``flow_run_name``, a text that
            may name parameters (``"load {day}"``) or a function, for ``context.flow_run_name``;
            ``state_handlers``; ``description``; ``log_prints``, accepted for
            compatibility with Prefect.

    Returns:
        A `FlowFunction`, or a decorator if only options are given.

    Example:
        >>> @flow
        ... def doubled(numbers):
        ...     return [one.result() for one in task(lambda x: 2 * x).map(numbers)]
        >>> doubled([1, 2])
        [2, 4]
    """
    if function is None:
        return lambda decorated: FlowFunction(decorated, **options)
    return FlowFunction(function, **options)
