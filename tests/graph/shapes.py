"""Flows as values: their edges as short texts, and everything that their structure consists of."""

from contextlib import contextmanager, suppress


@contextmanager
def taken_back(flow):
    """A transaction that is taken back at the end of the block."""
    with suppress(StopAsyncIteration), flow.transaction():
        yield
        raise StopAsyncIteration


def arrows(flow):
    """Each edge as ``"up -> down"``, ``"up -> down.key"``, ``"up => down.key"`` if it is mapped."""
    return {arrow(edge) for edge in flow.edges}


def arrow(edge):
    key = f".{edge.key}" if edge.key else ""
    sign = {(False, False): "->", (True, False): "=>", (True, True): "=*>"}
    shaft = sign[edge.mapped, edge.flattened]
    return f"{edge.upstream_task.name} {shaft} {edge.downstream_task.name}{key}"


def names(tasks):
    """The names of `tasks`, sorted unless their order matters."""
    found = [task.name for task in tasks]
    return found if isinstance(tasks, list | tuple) else sorted(found)


def dump(flow):
    """All there is of a flow, in order; tasks and scopes stand for themselves."""
    return {
        "name": flow.name,
        "nodes": [described(node) for node in flow.nodes.values()],
        "homes": [(task.flow, task.tags) for task in flow.nodes],
        "scopes": [
            (
                scope,
                scope.flow,
                scope.parent,
                scope.manager,
                scope.options,
                scope.own_tasks,
                scope.init_task.run,
                list(scope.members),
            )
            for scope in flow.scopes
        ],
        "edges": flow.edges,
        "order": flow.sorted_tasks(),
        "reference": (flow.has_reference_tasks, flow.reference_tasks()),
        "parameters": dict(flow.parameter_names),
        "forward": flow.forward,
        "open transaction": flow.journal,
    }


def described(node):
    return (
        node.task,
        node.position,
        list(node.inputs.items()),
        node.positional,
        node.mapped,
        node.flattened,
        list(node.control.items()),
        list(node.upstream),
        list(node.downstream),
        node.scope,
    )
