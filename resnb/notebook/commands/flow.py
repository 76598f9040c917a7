"""``%flow``: show, run, plan, cancel, close, timeline."""

from typing import Any

from resnb.errors import MagicError, RunError, harmless
from resnb.graph.flow import Flow
from resnb.notebook.closing import (
    cancel,
    close_scopes,
    is_running,
    wait_for_rehearsals,
)
from resnb.notebook.commands.resources import report
from resnb.notebook.display import show_flow, shown_while_running
from resnb.notebook.lines.parsed import parse_command_line
from resnb.notebook.session import Session
from resnb.run.closing import interrupts_put_off
from resnb.run.memory import memory_of
from resnb.view.plan import plan_text

_NO_WORK = frozenset({"init", "setup", "cleanup", "parameter"})


def flow_command(session: Session, line: str) -> None:
    """Carry out a ``%flow`` line."""
    parsed = parse_command_line(line)
    if parsed.name is None:
        _list_flows(session)
        return
    flow = session.find(parsed.name)
    match parsed.command:
        case None:
            show_flow(flow)
        case "run":
            _run(flow, {key: _value(session, key, text) for key, text in parsed.arguments})
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
        case _:
            from resnb.notebook.commands.timelines import show_timeline

            show_timeline(flow)


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


def _run(flow: Flow, values: dict[str, Any]) -> None:
    with shown_while_running(flow):
        state = flow.run(values, quiet=True)
    state.raise_for_failure()


def _list_flows(session: Session) -> None:
    flows = session.flows()
    if not flows:
        print("no flows yet: build one with %%flow NAME")  # noqa: T201
    for flow in flows:
        leases = memory_of(flow).open_leases.items()
        opened = len({use.scope for use, lease in leases if lease.state == "open"})
        scopes = f", {opened} open scope{'s' * (opened != 1)}" if opened else ""
        count = sum(task.kind not in _NO_WORK for task in flow.nodes)
        print(f"{harmless(flow.name)}: {count} task{'s' * (count != 1)}{scopes}")  # noqa: T201


def _close(flow: Flow) -> None:
    if is_running(flow):
        raise RunError(f"flow {flow.name!r} is running: its scopes are in use; cancel it first")
    with interrupts_put_off():
        report(*close_scopes(flow))
