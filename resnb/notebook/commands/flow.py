"""``%flow``: show, run, plan, cancel, close, timeline, cache, remove, reset."""

from typing import Any

from resnb.errors import MagicError, RunError, harmless
from resnb.graph.base.kinds import NO_WORK
from resnb.graph.flow import Flow
from resnb.notebook.cells.flow_magic import refuse_while_running
from resnb.notebook.cells.freshness import stale_run
from resnb.notebook.closing import (
    cancel,
    close_scopes,
    is_running,
    wait_for_rehearsals,
)
from resnb.notebook.commands.removal import left_behind, remove_command, reset_command
from resnb.notebook.commands.resources import report
from resnb.notebook.display import show_flow, shown_while_running
from resnb.notebook.front_end import is_read
from resnb.notebook.lines.parsed import CommandLine, parse_command_line
from resnb.notebook.session import AutoRuns, Session
from resnb.run.closing import interrupts_put_off
from resnb.run.memory import memory_of
from resnb.states import FIRST_FINISHED, PENDING, State
from resnb.view.aggregate import FAILURES
from resnb.view.painter import PAINTER
from resnb.view.plan import plan_text
from resnb.view.sketch import sketch
from resnb.view.snapshot import Sampler
from resnb.view.wording import of_flow, tally


def flow_command(session: Session, line: str, shell: Any = None) -> None:
    """Carry out a ``%flow`` line.

    Args:
        session: the notebook's flows.
        line: the text after ``%flow``.
        shell: IPython's shell, which knows the cells that have run.
    """
    parsed = parse_command_line(line)
    if parsed.command in ("cache", "clear cache"):
        _values(parsed.command, parsed.name)
    elif parsed.name is None:
        _list_flows(session)
    elif parsed.command == "from-cells":
        from resnb.notebook.commands.from_cells import from_cells

        from_cells(shell, session, parsed.name, parsed.mode)
    else:
        _carry_out(session, session.find(parsed.name), parsed)


def _carry_out(session: Session, flow: Flow, parsed: CommandLine) -> None:
    match parsed.command:
        case None:
            show_flow(flow)
            _hint(flow)
        case "run":
            values = {key: _value(session, key, text) for key, text in parsed.arguments}
            if parsed.mode:
                _run_stale(session, flow, values)
            else:
                _run(flow, values)
        case "auto":
            _auto(session, flow, parsed.mode)
        case "plan":
            memory = memory_of(flow)
            wait_for_rehearsals(memory.open_leases.values())
            protections = {use.scope: one.protection for use, one in memory.open_leases.items()}
            print(plan_text(flow, memory, protections))  # noqa: T201
        case "cancel":
            cancel(flow)
            print(f"flow {flow.name!r}: cancelling; its scopes are being cleaned up")  # noqa: T201
        case "close":
            _close(flow)
        case "remove" | "reset":
            refuse_while_running(flow.name)
            if parsed.command == "reset":
                reset_command(session, flow)
            else:
                remove_command(session, flow, parsed.target)
        case _:
            from resnb.notebook.commands.timelines import show_timeline

            show_timeline(flow)


def _values(command: str, flow: str | None) -> None:
    from IPython.core.getipython import get_ipython

    from resnb.notebook.commands.kept_values import clear_values, list_values

    if command == "cache":
        list_values(is_read=is_read(get_ipython()))
    else:
        clear_values(flow)


def _value(session: Session, key: str, source: str) -> Any:
    """The value of ``key=source`` on a ``%flow run`` line, which is an expression of the notebook.

    Raises:
        MagicError: it uses a name that is not defined, such as a text without quotes.
    """
    try:
        return eval(source, session.namespace)  # noqa: S307 - the user's own code
    except NameError as error:
        hint = f"; text goes in quotes: {key}={source!r}" if error.name == source else ""
        raise MagicError(f"%flow run: {key}={source}: {error}{hint}") from None


def _hint(flow: Flow) -> None:
    if flow.left_behind:
        print(left_behind(flow))  # noqa: T201


def _run(flow: Flow, values: dict[str, Any], before: State | None = None) -> None:
    _hint(flow)
    with shown_while_running(flow):
        state = flow.run(values, task_states=before, quiet=True)
    state.raise_for_failure()


def _run_stale(session: Session, flow: Flow, values: dict[str, Any]) -> None:
    """Run only what has no value, or one that was made of something else."""
    found = stale_run(session.freshness(flow), flow, values)
    if found is None:
        print(f"flow {flow.name!r}: nothing is stale")  # noqa: T201
        return
    _run(flow, *found)


def _list_flows(session: Session) -> None:
    flows = session.flows()
    if not flows:
        print("no flows yet: build one with %%flow NAME")  # noqa: T201
    for flow in flows:
        leases = memory_of(flow).open_leases.items()
        opened = len({use.scope for use, lease in leases if lease.state == "open"})
        count = sum(task.kind not in NO_WORK for task in flow.nodes)
        words = [f"{count} task{'s' * (count != 1)}", *_outcome(flow)]
        words += [f"{opened} open scope{'s' * (opened != 1)}"] if opened else []
        words += [f"{stale} stale"] if (stale := len(session.freshness(flow).stale(flow))) else []
        words += [left_behind(flow)] if flow.left_behind else []
        print(f"{harmless(flow.name)}: {', '.join(words)}")  # noqa: T201


def _outcome(flow: Flow) -> tuple[str, ...]:
    """How the latest run stands, and of how many tasks that is not the outcome."""
    seen = Sampler(sketch(flow)).sample(PAINTER.in_words(memory_of(flow)))
    counts = () if seen.code == PENDING else tally(seen.totals)
    if any(code in FAILURES for code, _ in seen.totals):
        return counts
    is_told = seen.code >= FIRST_FINISHED and len(seen.totals) < 2  # noqa: PLR2004 - one state
    return (of_flow(seen), *(() if is_told else counts))


def _auto(session: Session, flow: Flow, mode: str) -> None:
    """Run what is stale in `flow` after each cell from now on, or not any more."""
    if mode == "off":
        session.auto.pop(flow.name, None)
    else:
        session.auto[flow.name] = AutoRuns(may_cost=mode == "--paid")


def _close(flow: Flow) -> None:
    if is_running(flow):
        raise RunError(f"flow {flow.name!r} is running: its scopes are in use; cancel it first")
    with interrupts_put_off():
        report(*close_scopes(flow))
