"""``%%flow``: build a cell into a flow, show it, and run what the cell added if asked to."""

from typing import Any

from resnb.errors import CleanupError, RunError
from resnb.events import EVENTS, StructureChanged
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.cell_code import flow_body
from resnb.notebook.cells.cell_runs import run_part
from resnb.notebook.cells.flow_cells import Built, FlowCells
from resnb.notebook.closing import LIMIT, close, interrupts_put_off, reasons
from resnb.notebook.display import show_flow, shown_while_running
from resnb.notebook.lines.parsed import parse_flow_line
from resnb.notebook.session import Session
from resnb.run.lifecycle import active_run
from resnb.run.memory import memory_of


def flow_cell(shell: Any, session: Session, line: str, cell: str, cell_id: str | None) -> None:
    """Carry out a ``%%flow`` cell.

    Args:
        shell: IPython's shell.
        session: the notebook's flows.
        line: what stands after ``%%flow``.
        cell: the body.
        cell_id: the front end's id of the cell.
    """
    parsed = parse_flow_line(line)
    flow_cells = session.for_building(parsed.name)
    _refuse_while_running(parsed.name)
    body = flow_body(shell, f"%%flow {line}", cell, cell_id)
    built = flow_cells.build(parsed, body, session.namespace)
    said = session.keep(flow_cells)
    if said:
        print(said)  # noqa: T201 - what a cell says, it prints
    _tell_dropped(built)
    flow = flow_cells.flow
    memory_of(flow).forget(built.stale)
    EVENTS.publish(StructureChanged(flow.name))
    close_scopes(flow_cells, built.replaced)  # they still know their old recipe
    if not parsed.run:
        if not parsed.quiet:
            show_flow(flow)
        return
    with shown_while_running(flow, quiet=parsed.quiet):
        state = run_part(flow, built.tasks, built.scopes)
    state.raise_for_failure()


def _refuse_while_running(name: str) -> None:
    run = active_run()
    if run is not None and run.flow.name == name:
        message = f"flow {name!r} is running: wait until it has ended, or %flow cancel {name}"
        raise RunError(message)


def _tell_dropped(built: Built) -> None:
    if built.dropped:
        names = ", ".join(dict.fromkeys(map(_named, built.dropped)))
        print(f"left the flow, because what they need is gone: {names}")  # noqa: T201


def _named(task: Task) -> str:
    scope: Scope | None = getattr(task, "scope", None)  # the scope of which it is an end
    return repr(task.name) if scope is None else f"scope {scope.name!r}"


def close_scopes(cells: FlowCells, scopes: tuple[Scope, ...]) -> None:
    """Clean up the open leases of `scopes`.

    Raises:
        CleanupError: one could not be cleaned up; it stays listed.
    """
    opened = memory_of(cells.flow).open_leases
    chosen = {use: lease for use, lease in opened.items() if use.scope in scopes}
    limit = max((scope.options.cleanup_timeout for scope in scopes), default=LIMIT)
    with interrupts_put_off():
        left = close(chosen.values(), limit)
        for use in chosen:
            opened.pop(use, None)
    if left:
        raise CleanupError(f"not cleaned up: {reasons(left)} (%resources lists it)")


__all__ = ["close_scopes", "flow_cell"]
