"""Makes a flow of plain cells that have run; the notebook's variables keep what they hold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from resnb.errors import MagicError, as_word
from resnb.events import EVENTS, StructureChanged
from resnb.graph.flow import Flow
from resnb.notebook.cells.cell_code import flow_body
from resnb.notebook.cells.namespace import MISSING, bind, restored_on_error
from resnb.notebook.conversion.proposal import Proposed
from resnb.notebook.lines.parsed import parse_flow_line
from resnb.notebook.session import Session


def set_up(shell: Any, session: Session, flow: str, found: Sequence[Proposed]) -> Flow:
    """Build the steps of `found` into a new flow.

    A cell that gets its line later, and runs, takes the place of its step: it binds the same names.

    Raises:
        MagicError: a cell cannot be built; nothing has changed then.
    """
    cells, namespace = session.for_building(flow), session.namespace
    with restored_on_error(namespace):
        before = dict(namespace)
        for one in found:
            if one.is_step:
                magic = one.magic_line(flow)
                line = parse_flow_line(magic.removeprefix("%%flow"))
                body = flow_body(shell, magic, one.text, None, line.step)
                number = one.cells[-1].cell.number
                cells.build(line, replace(body, number=number), namespace)
                bind(namespace, {name: before.get(name, MISSING) for name in one.outputs})
    if (warning := session.keep(cells)) is not None:
        print(warning)  # noqa: T201
    EVENTS.publish(StructureChanged(flow))
    return cells.flow


def refuse_known(session: Session, flow: str) -> None:
    """Raise `MagicError` if there is a flow of that name."""
    if flow in session.names():
        raise MagicError(
            f"%flow from-cells: there is a flow {flow!r}; choose another name, or empty it first "
            f"(%flow reset {as_word(flow)})"
        )
