"""Conditions in a flow: ``case`` blocks, ``switch``, ``ifelse``, and ``merge``.

A condition is a task that ends as skipped if it does not hold, and what depends on it is skipped,
too. `merge` joins the branches again: it takes the value of the branch that ran.
"""

from collections.abc import Callable, Mapping
from typing import Any

from resnb.errors import GraphError, GraphTypeError
from resnb.graph.base.building import enter, leave
from resnb.graph.base.roles import Flow
from resnb.graph.base.signals import SKIP
from resnb.graph.base.triggers import all_finished, not_all_skipped
from resnb.graph.tasks.common_flow import common_flow
from resnb.graph.tasks.function_task import FunctionTask
from resnb.graph.tasks.task import Task


class CompareValue(Task):
    """Ends as skipped unless it receives the expected value."""

    kind = "case"
    is_call = True

    def __init__(self, expected: Any, **options: Any) -> None:
        self.expected = expected
        super().__init__(name=f"case({expected!r})", **options)

    def run(self, value: Any) -> None:
        """Compare `value` with the expected one."""
        if value != self.expected:
            message = f"{value!r} is not {self.expected!r}"
            raise SKIP(message)


class Merge(Task):
    """Returns the first of its inputs that is not None."""

    kind = "merge"
    is_call = True

    def __init__(self, **options: Any) -> None:
        if options.setdefault("skip_on_upstream_skip", False):
            message = "merge must have skip_on_upstream_skip=False, or it would never run"
            raise GraphError(message)
        options.setdefault("trigger", not_all_skipped)
        options.setdefault("name", "merge")
        super().__init__(**options)

    def run(self, **branches: Any) -> Any:
        """Return the value of the branch that ran."""
        return next((value for value in branches.values() if value is not None), None)


def _is_value(value: Any) -> bool:
    return value is not None and not isinstance(value, Exception)


class FilterTask(Task):
    """Filters a list; by default it drops None and exceptions.

    Args:
        filter_func: whether to keep a value.
        log_func: makes a text for the log from the list of values that pass.
        **options: see `Task`; by default it runs however the upstream tasks ended.

    Example:
        >>> positive = FilterTask(filter_func=lambda x: x > 0)
        >>> with Flow("numbers") as flow:
        ...     kept = positive(Parameter("numbers"))
        >>> state = flow.run(numbers=[-1, 2, 3])
        >>> kept.value
        [2, 3]
    """

    def __init__(
        self,
        filter_func: Callable[[Any], bool] | None = None,
        log_func: Callable[[list[Any]], str] | None = None,
        **options: Any,
    ) -> None:
        self.filter_func = filter_func or _is_value
        self.log_func = log_func
        options.setdefault("trigger", all_finished)
        options.setdefault("skip_on_upstream_skip", False)
        super().__init__(**options)

    def run(self, task_results: list[Any]) -> list[Any]:
        """The values of `task_results` that pass the filter."""
        found = [value for value in task_results if self.filter_func(value)]
        if self.log_func is not None:
            self.logger.info(self.log_func(found))
        return found


class case:  # noqa: N801 - Prefect's name, used as a block
    """A block of tasks that run only if ``task``'s value equals ``value``.

    Args:
        task: the task whose value is compared.
        value: the value it must have, which cannot be a task.

    Example:
        >>> with Flow("branch") as flow:
        ...     with case(Parameter("kind"), "large"):
        ...         note = task(str.upper)("large")
        >>> flow.run(kind="small").result[note].is_skipped()
        True
    """

    def __init__(self, task: Task, value: Any) -> None:
        if isinstance(value, Task):
            message = "case(task, value): the value is a constant, not a task"
            raise GraphTypeError(message)
        _refuse_no_task("case", task)
        self.task = task
        self.value = value
        self._flow: Flow | None = None
        self._condition: Task | None = None
        self._tasks: dict[Task, None] = {}

    def add_task(self, task: Task, flow: Flow) -> None:
        """Let `task` depend on the condition once the block ends (called by the flow)."""
        if flow is not self._flow:
            message = (
                f"a case block of flow {self._flow and self._flow.name!r} cannot hold task "
                f"{task.name!r} of flow {flow.name!r}"
            )
            raise GraphError(message)
        self._tasks[task] = None

    def __enter__(self) -> None:
        self._flow = common_flow(self.task)
        # before the tasks of the block, so that edges point from older to newer tasks
        self._condition = CompareValue(self.value).bind(self.task, flow=self._flow)
        self._tasks = {}
        enter(self, flow=self._flow, case=self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        leave(self)
        flow, tasks = self._flow, self._tasks
        if flow is None or kind is not None:
            return
        with flow.transaction():
            for task in tasks:
                if task in flow.nodes and tasks.keys().isdisjoint(flow.nodes[task].upstream):
                    flow.add_edge(self._condition, task)


def switch(condition: Task, cases: Mapping[Any, Any], mapped: bool = False) -> None:
    """Run the task of `cases` whose key equals the value of `condition`; skip the others.

    Args:
        condition: the task whose value is compared.
        cases: a task for each value.
        mapped: whether to do so for each item of `condition`.

    Example:
        >>> with Flow("branch") as flow:
        ...     csv, json = task(str.upper)("csv"), task(str.upper)("json")
        ...     switch(Parameter("kind"), {"csv": csv, "json": json})
        >>> state = flow.run(kind="json")
        >>> csv.state.is_skipped(), json.value
        (True, 'JSON')
    """
    _refuse_no_task("switch", condition)
    flow = common_flow(condition, *cases.values())
    with flow.transaction():
        for value, task in cases.items():
            chosen = _branch(task, value, flow)
            compare = CompareValue(value).bind(condition, flow=flow, mapped=mapped)
            flow.add_edge(compare, chosen, mapped=mapped)


def ifelse(condition: Task, true_task: Any, false_task: Any, mapped: bool = False) -> None:
    """Run one of two tasks, depending on whether the value of `condition` is truthy.

    Args:
        condition: the task whose value decides.
        true_task: runs if it is truthy; None for nothing.
        false_task: runs if it is falsy; None for nothing.
        mapped: whether to do so for each item of `condition`.

    Example:
        >>> with Flow("branch") as flow:
        ...     yes, no = task(str.upper)("yes"), task(str.lower)("NO")
        ...     ifelse(Parameter("good"), yes, no)
        ...     answer = merge(yes, no)
        >>> state = flow.run(good=False)
        >>> answer.value
        'no'
    """
    _refuse_no_task("ifelse", condition)
    cases = {True: true_task, False: false_task}
    present = {value: task for value, task in cases.items() if task is not None}
    if present:
        flow = common_flow(condition, *present.values())
        with flow.transaction():
            truth = FunctionTask(bool, name="as_bool").bind(condition, flow=flow, mapped=mapped)
            switch(truth, present, mapped=mapped)


def merge(*tasks: Any, flow: Flow | None = None, mapped: bool = False, **options: Any) -> Task:
    """Join branches: the first of the tasks' values that is not None.

    Args:
        *tasks: the branches' last tasks.
        flow: the flow; by default the one that is being built.
        mapped: whether to merge item by item.
        **options: see `Task`.

    Example:
        >>> with Flow("branch") as flow:
        ...     kind = Parameter("kind")
        ...     with case(kind, "large"):
        ...         large = task(str.upper)("large")
        ...     with case(kind, "small"):
        ...         small = task(str.lower)("SMALL")
        ...     size = merge(large, small)
        >>> state = flow.run(kind="small")
        >>> size.value
        'small'
    """
    branches = {f"task_{number}": one for number, one in enumerate(tasks, 1)}
    merging = Merge(**options)
    return merging.bind(flow=flow or common_flow(merging, *tasks), mapped=mapped, **branches)


def _refuse_no_task(owner: str, value: object) -> None:
    if not isinstance(value, Task):
        message = f"{owner}: the condition is a task, not {value!r}"
        raise GraphTypeError(message)


def _branch(task: Any, value: Any, flow: Flow) -> Task:
    if isinstance(task, Task):
        return task
    if isinstance(task, list | tuple | set | dict):
        return FunctionTask(lambda items: items, name=type(task).__name__).bind(task, flow=flow)
    message = f"switch: the case {value!r} needs a task, not {task!r}"
    raise GraphError(message)
