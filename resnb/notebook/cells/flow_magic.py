"""``%%flow``: build a cell into a flow, show it, and with ``--run`` run what the cell added."""

from collections.abc import Collection
from typing import Any

from resnb.errors import CleanupError, MagicError, RunError, as_word
from resnb.events import EVENTS, StructureChanged
from resnb.graph.flow import Flow
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.cell_code import flow_body
from resnb.notebook.cells.cell_runs import run_part
from resnb.notebook.cells.steps import StepTask, shown_by
from resnb.notebook.closing import close_scopes
from resnb.notebook.display import show_flow, shown_while_running
from resnb.notebook.front_end import is_terminal
from resnb.notebook.lines.parsed import parse_flow_line
from resnb.notebook.session import Session
from resnb.run.active import active_run
from resnb.run.closing import interrupts_put_off, reasons
from resnb.run.memory import memory_of


def flow_cell(shell: Any, session: Session, line: str, cell: str, cell_id: str | None) -> None:
    """Carry out a ``%%flow`` cell.

    Args:
        shell: IPython's shell.
        session: the notebook's flows.
        line: the text after ``%%flow``.
        cell: the body.
        cell_id: the front end's id of the cell.
    """
    parsed = parse_flow_line(line)
    flow_cells = session.for_building(parsed.name)
    refuse_while_running(parsed.name)
    if parsed.step is not None and not has_code(cell):
        word = as_word(parsed.name)
        raise MagicError(
            f"%%flow {word} --step: the cell is empty, and a step is the cell's code: write "
            f"that below; %flow remove {word} NAME takes out a step that it was before"
        )
    if cell_id is None and is_terminal(shell) and parsed.step is not None and parsed.step.title:
        cell_id = f"step {parsed.step.title}"  # typed once more, it replaces that
    body = flow_body(shell, f"%%flow {line}", cell, cell_id, parsed.step)
    built = flow_cells.build(parsed, body, session.namespace)
    if (warning := session.keep(flow_cells)) is not None:
        print(warning)  # noqa: T201
    if not cell.strip() and built.missing:
        print(f"the cell is empty, so it has removed what it had: {', '.join(built.missing)}")  # noqa: T201
    if built.dropped:
        print(flow_cells.left(built.dropped, built.missing))  # noqa: T201
    flow = flow_cells.flow
    if not session.take_over(flow_cells, built):
        memory_of(flow).forget(built.stale)
    EVENTS.publish(StructureChanged(flow.name))
    close_replaced(flow, built.replaced)
    if not parsed.run:
        if not parsed.quiet:
            show_flow(flow)
        return
    with shown_while_running(flow, quiet=parsed.quiet):
        stale = session.freshness(flow).stale_steps(flow)
        state = run_part(flow, built.tasks, built.scopes, stale)
    state.raise_for_failure()
    if parsed.step is not None and not parsed.quiet:
        show_last_lines(flow, built.tasks)


def has_code(cell: str) -> bool:
    """Whether a cell has more than blank lines and comments."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in cell.splitlines())


def refuse_while_running(name: str) -> None:
    """Raise `RunError` if the flow called `name` is running, so that it cannot be changed."""
    run = active_run()
    if run is not None and run.flow.name == name:
        remedy = f"wait until it has ended, or %flow cancel {as_word(name)}"
        message = f"flow {name!r} is running: {remedy}"
        raise RunError(message)


def show_last_lines(flow: Flow, tasks: Collection[Task]) -> None:
    """Show what the last line of each step among `tasks` gives, as a cell does."""
    from IPython import display as ipython_display

    display: Any = ipython_display.display
    for task in tasks:
        if isinstance(task, StepTask) and (value := shown_by(memory_of(flow).state_of(task))):
            display(*value)


def close_replaced(flow: Flow, scopes: Collection[Scope]) -> None:
    """Clean up the open leases of `scopes`, which still have their old recipe.

    Raises:
        CleanupError: one could not be cleaned up; it stays listed.
    """
    if not scopes:
        return
    with interrupts_put_off():
        _, left = close_scopes(flow, scopes)
    if left:
        raise CleanupError(f"not cleaned up: {reasons(left)} (%resources lists it)")
