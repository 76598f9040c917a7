"""``%flow`` and ``%resources``: show, run, plan, cancel, close; list and clean up."""

from typing import Any

from resnb.errors import CleanupError, MagicError, RunError
from resnb.graph.flow import Flow
from resnb.ledger.keeper import KEEPER
from resnb.ledger.lease import Lease
from resnb.notebook.closing import (
    LIMIT,
    close,
    interrupts_put_off,
    reasons,
    wait_for_reaper,
)
from resnb.notebook.display import show_flow
from resnb.notebook.lines import parse_command_line, parse_resources_line
from resnb.notebook.session import Session
from resnb.run.flow_run import FlowRun, active_run
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
    if parsed.command is None:
        show_flow(flow)
    elif parsed.command == "run":
        run_flow(flow, {key: _value(session, key, text) for key, text in parsed.arguments})
    elif parsed.command == "plan":
        print(plan_text(flow, memory_of(flow)))  # noqa: T201
    elif parsed.command == "cancel":
        _cancel(flow)
    elif parsed.command == "close":
        _close(flow)
    else:
        raise MagicError(f"%flow {parsed.command} is not there yet: it comes with the live view")


def _value(session: Session, key: str, source: str) -> Any:
    """The value of ``key=source`` on a ``%flow run`` line, which is an expression of the notebook.

    Raises:
        MagicError: it needs a name that is not there, such as a text without quotes.
    """
    try:
        return eval(source, session.namespace)  # noqa: S307 - the user's own code
    except NameError as error:
        hint = f"; text goes in quotes: {key}={source!r}" if error.name == source else ""
        raise MagicError(f"%flow run: {key}={source}: {error}{hint}") from None


def run_flow(flow: Flow, values: dict[str, Any]) -> None:
    """Run `flow`, show it, and raise if it failed."""
    state = flow.run(values)
    show_flow(flow)
    state.raise_for_failure()


def _list_flows(session: Session) -> None:
    flows = session.flows()
    if not flows:
        print("no flows yet: build one with %%flow NAME")  # noqa: T201
    for flow in flows:
        opened = sum(lease.state == "open" for lease in memory_of(flow).open_leases.values())
        scopes = f", {opened} open scope{'s' * (opened != 1)}" if opened else ""
        count = sum(task.kind not in _NO_WORK for task in flow.nodes)
        print(f"{flow.name}: {count} task{'s' * (count != 1)}{scopes}")  # noqa: T201


def _cancel(flow: Flow) -> None:
    run: FlowRun | None = active_run()
    if run is None or run.flow is not flow:
        raise RunError(f"flow {flow.name!r} is not running")
    run.cancel()
    print(f"flow {flow.name!r}: cancelling; its scopes are being cleaned up")  # noqa: T201


def _close(flow: Flow) -> None:
    run = active_run()
    if run is not None and run.flow is flow:
        raise RunError(f"flow {flow.name!r} is running: its scopes are in use; cancel it first")
    opened = memory_of(flow).open_leases
    leases = [lease for lease in opened.values() if lease.state != "closed"]
    limit = max((scope.options.cleanup_timeout for scope in opened), default=LIMIT)
    with interrupts_put_off():
        left = close(leases, limit)
        opened.clear()
        _report(leases, left)


def resources_command(line: str) -> None:
    """Carry out a ``%resources`` line."""
    parsed = parse_resources_line(line)
    if parsed.command is None and not parsed.all_kernels:
        _list_leases()
    elif parsed.command == "cleanup":
        _clean_up(parsed.name)
    else:
        what = parsed.command or "--all"
        raise MagicError(
            f"%resources {what} is not there yet: it comes with the ledger that kernels share"
        )


def _list_leases() -> None:
    wait_for_reaper(KEEPER.alive())
    leases = KEEPER.alive()
    if not leases:
        print("no resources are open")  # noqa: T201
    width = max((len(lease.name) for lease in leases), default=0)
    for lease in leases:
        reason = f"  {lease.reason}" if lease.reason else ""
        print(f"{lease.name:<{width}}  {lease.state}{reason}")  # noqa: T201


def _clean_up(name: str | None) -> None:
    wait_for_reaper(KEEPER.alive())
    alive = KEEPER.alive()
    leases = [lease for lease in alive if name in (None, lease.name)]
    inside = [one for one in alive if one not in leases and set(leases).intersection(one.around)]
    if name is not None and not leases:
        known = ", ".join(lease.name for lease in alive) or "none is open"
        raise MagicError(f"%resources cleanup: there is no resource {name!r} ({known})")
    leases += inside  # what depends on a resource goes first
    used = [lease for lease in leases if lease.in_use]
    run = active_run()
    if run is not None:
        used += [lease for lease in run.engine.scopes.leases.values() if lease in leases]
    if used:
        names = ", ".join(sorted({lease.name for lease in used}))
        raise RunError(f"{names}: in use by a run; cancel it first")
    with interrupts_put_off():
        _report(leases, close(leases))


def _report(leases: list[Lease], left: list[Lease]) -> None:
    for lease in leases:
        if lease not in left:
            whom = ", by the reaper" if lease.is_closed_by_reaper else ""
            print(f"cleaned up {lease.name}{whom}")  # noqa: T201
    if not leases:
        print("nothing is open")  # noqa: T201
    if left:
        raise CleanupError(f"not cleaned up: {reasons(left)}")


__all__ = ["flow_command", "resources_command", "run_flow"]
