"""Which cell of the notebook has added what to a flow, for its views."""

from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from resnb.notebook.session import session_of
from resnb.view.wire.graph import CellInfo

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.notebook.cells.flow_cells import FlowCells
    from resnb.view.sketch import Sketch

MOST = 2_000
"""Maximum number of tasks that are named."""


def cells_of(flow: "Flow", drawn: "Sketch") -> list[CellInfo]:
    """The cells that have added to `flow`, the one that ran last at the end.

    Args:
        flow: the flow.
        drawn: its sketch, which has the names of its nodes.
    """
    session = session_of(get_ipython())
    known = () if session is None else tuple(session.cells())
    built = next((one for one in known if one.flow is flow), None)
    return [] if built is None else _named(built, drawn)


def _named(built: "FlowCells", drawn: "Sketch") -> list[CellInfo]:
    outline = drawn.outline
    nodes = dict(zip(drawn.tasks, (node.label for node in outline.nodes), strict=True))
    clusters = dict(zip(drawn.scopes, (one.label for one in outline.clusters), strict=True))
    owners = [
        (one.owner, clusters[one.scope])
        for one in tuple(built.shared.values())
        if one.scope in clusters
    ]
    found: list[CellInfo] = []
    left = MOST
    for cell in built.cells.known:
        record = built.records.get(cell.key)
        if record is None:
            continue
        known = [nodes[task] for task in record.tasks.values() if task in nodes]
        tasks = known[:left]
        left -= len(tasks)
        scopes = [label for owner, label in owners if owner == cell.key]
        found.append(
            {
                "id": cell.cell_id or "",
                "number": record.number,
                "tasks": tasks,
                "unnamed": len(known) - len(tasks),
                "scopes": scopes,
            }
        )
    return found
