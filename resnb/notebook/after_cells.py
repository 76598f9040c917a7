"""What happens to flows after a cell: views mark what is stale, and ``%flow auto`` runs it.

Auto runs are off at first. What has been tried is not tried again before something has changed, and
no resource that costs money is set up before a user has allowed that.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

from resnb.errors import ResnbError, as_word, harmless
from resnb.graph.flow import Flow
from resnb.graph.tasks.task import Task
from resnb.notebook.cells.freshness import stale_run
from resnb.notebook.cells.removal import listed
from resnb.notebook.display import has_view
from resnb.notebook.hooks import on, told
from resnb.notebook.session import AutoRuns, Session
from resnb.run.active import active_run
from resnb.run.memory import memory_of
from resnb.run.resume import kept_states


def look_after_cells(shell: Any, session: Session) -> Callable[[], None]:
    """Do both after each cell.

    Returns:
        A function that ends that.
    """

    def ended(result: Any) -> None:
        for cells in session.cells():
            if has_view(cells.flow):
                with told(f"looking for what is stale in flow {cells.flow.name!r}"):
                    session.mark_stale(cells.flow)
        if getattr(result, "success", True):
            for name, auto in list(session.auto.items()):
                with told(f"%flow auto {name}"):
                    _run_stale(session, name, auto)

    return on(shell, "post_run_cell", "looking after flows", ended)


def _run_stale(session: Session, name: str, auto: AutoRuns) -> None:
    flow = next((one for one in session.flows() if one.name == name), None)
    if flow is None or active_run() is not None:
        return
    freshness = session.freshness(flow)
    found = stale_run(freshness, flow, {})
    if found is None:
        auto.tried = ""
        return
    kept = kept_states(flow, found[1], ())
    waiting = [one for one in flow.sorted_tasks() if one not in kept and one.kind == "task"]
    tried = freshness.signature(flow, waiting)
    if tried == auto.tried:
        return
    auto.tried = tried
    if obstacle := _obstacle(flow, waiting, auto):
        print(f"flow {harmless(name)!r}: {obstacle}")  # noqa: T201
        return
    try:
        flow.run(task_states=found[1], quiet=True).raise_for_failure()
        names = listed([harmless(one.name) for one in waiting])
        print(f"flow {harmless(name)!r}: ran {names}")  # noqa: T201
    except ResnbError as error:
        flow_name, text = f"flow {harmless(name)!r}", str(error)
        said = text if text.startswith(f"{flow_name} ") else f"{flow_name}: {text}"
        print(said, file=sys.stderr)  # noqa: T201
    except KeyboardInterrupt:
        print(f"flow {harmless(name)!r}: interrupted", file=sys.stderr)  # noqa: T201


def _obstacle(flow: Flow, waiting: Iterable[Task], auto: AutoRuns) -> str:
    """Why nothing is run by itself; empty if it can."""
    memory = memory_of(flow)
    for one in flow.parameters():
        if one.required and not memory.state_of(one).is_successful():
            return f"it needs {one.name!r}: %flow run {as_word(flow.name)} {one.name}=..."
    opened = {use.scope for use, lease in memory.open_leases.items() if lease.state == "open"}
    needed = {
        scope
        for task in waiting
        if (inner := flow.nodes[task].scope) is not None
        for scope in inner.around()
    }
    for scope in needed - opened:
        cost = scope.options.cost_per_hour
        if cost and not auto.may_cost:
            return (
                f"{listed([harmless(one.name) for one in waiting])} would set up "
                f"{harmless(scope.name)}, which costs {cost:g} an hour: allow it by "
                f"%flow auto {as_word(flow.name)} --paid"
            )
    return ""
