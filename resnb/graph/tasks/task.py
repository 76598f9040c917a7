"""Tasks: units of work, which are also the handles that a flow is built with.

A task outside of any flow is a definition. Calling it adds a *copy* to the flow that is being built
and returns that copy, which belongs to this flow from then on. A task that is added itself, as by
`Task.bind` or `Flow.add_task`, may stand in several flows.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from resnb.errors import GraphError, OptionError, OutsideFlowError, as_word
from resnb.graph.base.active_function import ACTIVE_FUNCTION, active_function
from resnb.graph.base.building import BUILDING, flow_being_built
from resnb.graph.base.roles import Flow
from resnb.graph.tasks.common_flow import common_flow, no_flow
from resnb.graph.tasks.definition import Definition
from resnb.graph.tasks.handle import Handle


class Task(Definition, Handle["Task"]):
    """One unit of work. Subclass it and define ``run``, or decorate a function with `task`.

    Args:
        name: the task's name in the graph; by default that of the class.
        tags: labels to find tasks by.
        max_retries: the number of tries after a failed one.
        retry_delay: the pause before each of them (``"30s"``, seconds, timedelta), or a list with
            one for each, or a function that makes such a list from `max_retries`.
        retry_on: the exception classes to retry on; every `Exception` by default.
        retry_condition_fn: called with as many of ``(task, run, state)`` as it accepts after a
            failed try; there is another one if it returns something true.
        timeout: how long one try may take (``"30s"``, seconds, timedelta).
        trigger: decides from the upstream states whether it runs; see `resnb.triggers`.
        skip_on_upstream_skip: whether it is skipped if an upstream task is.
        checkpoint: False writes no file where `result` or `target` says.
        cache_for: how long its value lasts on disk (``"7d"``, seconds, timedelta), found again by
            its code, what that refers to, and its inputs; as long as the flow says by default.
        cache_key: a text that tells values apart that are otherwise found by the same; with a
            `cache_validator`, what a value is found by in place of the code.
        cache_validator: decides whether a kept value may stand for a new one, in place of equal
            inputs; see `resnb.cache_validators`.
        target: the path of a file that has the value, once it is there: a template such as
            ``"{today}/{task_name}.pkl"``, or a function that makes one.
        result: a `LocalResult` that says in which folder, or where each value is to be written.
        nout: the number of values it returns, for ``a, b = f()``.
        log_stdout: accepted for compatibility with Prefect; output is always shown with its task.
        state_handlers: called as ``(task, old_state, new_state)``; may return another state.
        on_running: called when a try begins, in the same way as `on_failure`.
        on_failure: called after the last try failed, with as many of ``(task, run, state)`` as it
            accepts; a hook with one parameter gets the run.
        on_completion: called in the same way when it has succeeded.
        on_cancellation: called in the same way when it was cancelled.
        description: a text about it.
        thread: ``"setup"`` runs it on the thread on which its scope was set up.

    Attributes:
        kept_result: the option `result`.
        kind: its role in a flow: ``"task"``, ``"parameter"``, ``"setup"``, ...
        home: a weak reference to the flow it was last added to.
        is_call: whether it was made by a call, and so belongs to one flow.

    Raises:
        OptionError: an option is unknown or of the wrong kind.

    Example:
        >>> class Double(Task):
        ...     def run(self, x):
        ...         return 2 * x
        >>> with Flow("one") as flow:
        ...     four = Double()(2)
        >>> state = flow.run()
        >>> four.value
        4
    """

    is_call: bool = False

    @property
    def result(self) -> Any:
        """The option `result`; without that, a handle's value is meant, which is refused."""
        return self._refuse_attribute("result") if self.kept_result is None else self.kept_result

    @result.setter
    def result(self, value: Any) -> None:
        self.kept_result = value

    def _use(self, task_args: Mapping[str, Any] | None) -> Self:
        """A copy for one call. All copies share the signature, which is inspected here once."""
        if self._signature is None:
            _ = self.signature
        if task_args:
            new = self.copy(**task_args)
        else:
            new = object.__new__(type(self))
            for key, value in self.__dict__.items():  # see `copy`
                setattr(new, key, value)
            new.home = None
        new.is_call = True
        if task_args and "tags" in task_args:
            new.tags = new.tags | self.tags
        return new

    def __call__(
        self,
        *args: Any,
        mapped: bool = False,
        task_args: Mapping[str, Any] | None = None,
        upstream_tasks: Iterable[Any] | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add a copy of this task to the flow that is being built.

        Args:
            *args: values, tasks, or collections that contain tasks.
            mapped: whether to run once for each item of the arguments; see `map`.
            task_args: options of the copy, where they differ from the definition's.
            upstream_tasks: tasks that have to run first without passing a value.
            flow: the flow; by default the one that is being built.
            **kwargs: like `args`.

        Returns:
            The copy: a handle for its value.

        Raises:
            OutsideFlowError: no flow is being built.
            GraphError: an argument belongs to another flow, or to a scope that is not around here.
            OptionError: an argument is missing or surplus.
        """
        running = None if ACTIVE_FUNCTION.get() is None or flow is not None else active_function()
        if running is not None:
            if task_args is not None:
                kwargs["task_args"] = task_args
            if upstream_tasks is not None:
                kwargs["upstream_tasks"] = upstream_tasks
            run = running.map if mapped else running.call
            return run(self, args, kwargs)  # type: ignore[no-any-return]
        new = self._use(task_args)
        if mapped:
            new.nout = None  # the value is a list with an item for each child
        return new.bind(*args, mapped=mapped, upstream_tasks=upstream_tasks, flow=flow, **kwargs)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """In a ``@flow`` function, run on a worker once the futures among the arguments are done.

        Args:
            *args: values and futures, also inside lists, tuples, dicts and sets.
            **kwargs: like `args`; ``wait_for=[...]`` has futures that only have to be done first.

        Returns:
            A future with ``result()``, ``wait()``, ``state`` and ``done()``, which can be awaited
            in an async function.

        Raises:
            OutsideFlowError: no ``@flow`` function is running here.
            OptionError: an argument is missing or surplus.
        """
        running = active_function()
        if running is None:
            message = (
                f"task {self.name!r} was submitted outside a @flow function: in `with Flow(...)` "
                "and %%flow cells call it, which runs it on workers, too"
            )
            raise OutsideFlowError(message)
        return running.submit(self, args, kwargs)

    def bind(
        self,
        *args: Any,
        mapped: bool = False,
        upstream_tasks: Iterable[Any] | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add this task itself, not a copy, with these arguments; see `__call__`."""
        flow = flow or BUILDING.get().flow or no_flow(self)
        if isinstance(upstream_tasks, Task):
            message = (
                f"task {self.name!r}: upstream_tasks takes a list of tasks; put brackets around "
                f"{upstream_tasks.name!r}"
            )
            raise OptionError(message)
        signature = self._signature or self.signature
        if (
            len(args) == signature.by_position
            and not (kwargs or mapped or upstream_tasks)
            and flow.bind_call(self, signature.positional, args)
        ):
            return self
        inputs, positional = signature.assign(f"task {self.name!r}", args, kwargs)
        flow.bind_task(self, inputs, positional, mapped, tuple(upstream_tasks or ()))
        return self

    def map(
        self,
        *args: Any,
        task_args: Mapping[str, Any] | None = None,
        upstream_tasks: Iterable[Any] | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Self:
        """Add a copy of this task that runs once for each item of its arguments.

        Arguments inside `unmapped` are passed whole, those inside `flatten` are flattened by one
        level first. There are as many children as the shortest argument has items. In a ``@flow``
        function the result is a list of futures.
        """
        if not args and not kwargs and not upstream_tasks:
            message = f"task {self.name!r}: map() needs at least one argument to map over"
            raise GraphError(message)
        return Task.__call__(
            self,
            *args,
            mapped=True,
            task_args=task_args,
            upstream_tasks=upstream_tasks,
            flow=flow,
            **kwargs,
        )

    def pipe(self, task: Callable[..., Any], /, **kwargs: Any) -> Any:
        """Call `task` with this one as its first argument: ``a.pipe(b).pipe(c, n=1)``."""
        return task(self, **kwargs)

    def set_upstream(
        self,
        task: Any,
        flow: Flow | None = None,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
    ) -> Self:
        """Let `task` run before this one, which gets its value as argument `key` if given.

        Returns:
            This task.
        """
        (flow or common_flow(self, task)).add_edge(task, self, key, mapped, flattened)
        return self

    def set_downstream(
        self,
        task: "Task",
        flow: Flow | None = None,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
    ) -> Self:
        """Let `task` run after this one, and get its value as argument `key` if given.

        Returns:
            This task.
        """
        (flow or common_flow(self, task)).add_edge(self, task, key, mapped, flattened)
        return self

    def set_dependencies(  # noqa: PLR0917 - Prefect's places
        self,
        flow: Flow | None = None,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable["Task"] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
        validate: bool | None = None,
    ) -> Self:
        """Set several dependencies, either all or none.

        `validate` is accepted for compatibility with Prefect; each edge is checked at once.

        Returns:
            This task.
        """
        del validate
        upstream, downstream = tuple(upstream_tasks or ()), tuple(downstream_tasks or ())
        flow = flow or common_flow(self, *upstream, *downstream)
        with flow.transaction():
            for task in upstream:
                flow.add_edge(task, self, mapped=mapped)
            for task in downstream:
                flow.add_edge(self, task, mapped=mapped)
            for key, task in (keyword_tasks or {}).items():
                flow.add_edge(task, self, key=key, mapped=mapped)
        return self

    def _applied(self, function: Callable[..., Any], name: str, *operands: Any) -> "Task":
        flow = common_flow(*operands)
        if flow.built_by_cells and flow_being_built() is None:
            self._refuse(
                f"outside a cell of its flow {name!r} would add a task that no cell has",
                otherwise=f"do this in a %%flow {as_word(flow.name)} cell",
            )
        new = Task(name=name)
        new.is_call = True
        new.run = function  # type: ignore[method-assign]
        return new.bind(*operands, flow=flow)
