"""Checking all invariants of a flow's structure."""

from resnb.errors import GraphError
from resnb.graph import order
from resnb.graph.structure import Structure


def validate(structure: Structure) -> None:
    """Check the invariants of `structure`.

    Raises:
        GraphError: one does not hold.
    """

    def must(holds: bool, otherwise: str) -> None:
        if not holds:
            message = f"flow {structure.name!r} is broken: {otherwise}; this is a defect of resnb"
            raise GraphError(message)

    nodes = structure.nodes
    positions = [node.position for node in nodes.values()]
    must(positions == sorted(set(positions)), "tasks are out of order")
    for task, node in nodes.items():
        structure.require((*node.upstream, *node.downstream))
        must(
            set(node.upstream) == node.sources()
            and all(task in nodes[one].downstream for one in node.upstream)
            and all(task in nodes[one].upstream for one in node.downstream),
            f"{task!r} has wrong edges",
        )
        must(node.mapped <= set(node.names), f"{task!r} is mapped over nothing")
        must(node.flattened <= set(node.names), f"{task!r} flattens nothing")
        must(node.scope is None or task in node.scope.members, f"{task!r} is in the wrong scope")
    for scope in structure.scopes:
        structure.require((*scope.own_tasks, *scope.members))
        for task in scope.members:
            must(nodes[task].scope is scope, f"{task!r} is in the wrong scope")
    if structure.has_reference_tasks:
        structure.require(structure.reference_tasks())
    must(not structure.forward or order.is_forward(structure), "an edge points backward")
    must(len(order.topological(structure)) == len(nodes), "there is a cycle")
