"""`apply_map`: mapping all tasks that a function adds.

The function is called once. Then every edge from a mapped argument, or from a task that it added,
becomes mapped, so that each item goes through all of the tasks on its own.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from resnb.errors import GraphTypeError, OutsideFlowError
from resnb.graph import changes
from resnb.graph.arguments import Collection, Constant, Input, as_input, tasks_in
from resnb.graph.base.building import building, flow_being_built
from resnb.graph.base.inputs import flatten, is_sequence, unmapped
from resnb.graph.flow import Flow
from resnb.graph.node import Node
from resnb.graph.tasks.function_task import FunctionTask
from resnb.graph.tasks.task import Task


def apply_map(
    function: Callable[..., Any], *args: Any, flow: Flow | None = None, **kwargs: Any
) -> Any:
    """Call `function`, which adds tasks, and map all of them over its arguments.

    Args:
        function: adds tasks to the flow that is being built; gets ``flow`` if `flow` is given.
        *args: tasks or sequences to map over; those inside `unmapped` are passed whole.
        flow: the flow; by default the one that is being built.
        **kwargs: like `args`.

    Returns:
        The result of `function`.

    Raises:
        OutsideFlowError: no flow is being built.
        GraphError: an argument is neither a task nor a sequence.

    Example:
        >>> def both(x, y):
        ...     return task(sum)([x, y]) * 10
        >>> with Flow("sums") as flow:
        ...     tens = apply_map(both, [1, 2], unmapped(3))
        >>> state = flow.run()
        >>> tens.value
        [40, 50]
    """
    target = flow or cast("Flow | None", flow_being_built())
    if target is None:
        message = "apply_map was called outside a flow: call it inside `with Flow(...)`"
        raise OutsideFlowError(message)
    with target.transaction():
        given: dict[Task, Any] = {}

        def argument(value: Any) -> Any:
            found = _as_task(value, target)
            if isinstance(found, Task):
                one = found.kind == "setup" and not target.scope_of(found).is_mapped
                given[found] = unmapped(found) if one else value
            return found

        args = tuple(argument(value) for value in args)
        kwargs = {key: argument(value) for key, value in kwargs.items()}
        before = set(target.nodes)
        extra = {} if flow is None else {"flow": flow}
        with building(flow=target):
            result = function(*args, **kwargs, **extra)
        added = [task for task in target.nodes if task not in before]
        whole = _shared_resources(target, given, added)
        for task in added:
            _map_edges(target, target.nodes[task], {**whole, **given})
        for task in added:
            _follow_arguments(target, target.nodes[task], given, frozenset(added))
    return result


def _as_task(value: Any, flow: Flow) -> Any:
    """What the function gets for `value`: a task, unless it is an unmapped constant."""
    inner = value.value if isinstance(value, unmapped | flatten) else value
    if isinstance(inner, Task):
        return inner if inner in flow.nodes else flow.add_task(inner)
    if isinstance(value, unmapped):
        return inner
    if not is_sequence(inner):
        message = (
            f"apply_map cannot map over {inner!r}, which is no sequence: wrap it in unmapped(...)"
        )
        raise GraphTypeError(message)
    found = as_input(inner)
    if isinstance(found, Collection):
        return _collector(flow, found, {})
    return FunctionTask(lambda items: items, name=type(inner).__name__).bind(inner, flow=flow)


def _shared_resources(
    flow: Flow, given: dict[Task, Any], added: Iterable[Task]
) -> dict[Task, unmapped]:
    """The resources that are passed whole: all except those of scopes that the function added.

    The resources of a mapped scope that is an argument are passed one by one.
    """
    own = set(added)
    setups = (scope.setup_task for scope in flow.scopes)
    return {one: unmapped(one) for one in setups if one not in own and one not in given}


def _is_mapped(source: Task, given: dict[Task, Any]) -> bool:
    return not isinstance(given.get(source), unmapped)


def _map_edges(flow: Flow, node: Node, given: dict[Task, Any]) -> None:
    """Map every edge to `node`, except for those from unmapped tasks."""
    flow.journal.changed(node.undo())
    inputs = node.inputs
    for key, value in tuple(inputs.items()):
        if isinstance(value, Constant):
            continue
        if isinstance(value, Collection):
            if not any(_is_mapped(one, given) for one in tasks_in(value)):
                continue
            value = inputs[key] = _gathered(flow, node, value, given)  # noqa: PLW2901
        if isinstance(value, Task) and _is_mapped(value, given):
            node.mapped = node.mapped | {key}
            if isinstance(given.get(value), flatten):
                node.flattened = node.flattened | {key}
    node.inputs = inputs
    if node.control:
        node.control = {source: _is_mapped(source, given) for source in node.control}
    for source in set(node.upstream) - node.sources():
        changes.unlink(flow, source, node.task)


def _gathered(flow: Flow, node: Node, value: Collection, given: dict[Task, Any]) -> Task:
    """A mapped task upstream of `node` that makes the collection `value` for each item."""
    with building(scope=node.scope):
        made = _collector(flow, value, given)
    changes.link(flow, made, node)
    changes.check_cycle(flow, (made,), node)
    return made


def _collector(flow: Flow, value: Collection, given: dict[Task, Any]) -> Task:
    def gather(*parts: Any) -> Any:
        if value.kind is dict:
            return dict(zip(parts[::2], parts[1::2], strict=True))
        return slice(*parts) if value.kind is slice else value.kind(parts)

    def part(one: Input) -> Any:
        if isinstance(one, Constant):
            return one.value
        return _collector(flow, one, given) if isinstance(one, Collection) else one

    parts = [part(one) for one in value.items]
    made = FunctionTask(gather, name=value.kind.__name__).bind(*parts, flow=flow)
    _map_edges(flow, flow.nodes[made], given)
    return made


def _follow_arguments(
    flow: Flow, node: Node, given: dict[Task, Any], added: Iterable[Task]
) -> None:
    """Let a task wait for all arguments if it depends on no other added task."""
    if not set(node.upstream).isdisjoint(added):
        return
    for source, value in given.items():
        if source not in node.upstream:
            flow.add_edge(source, node.task, mapped=not isinstance(value, unmapped))
