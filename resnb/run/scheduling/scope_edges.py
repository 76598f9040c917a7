"""Writes the edges that follow from a flow's scopes into the plan of a run."""

from resnb.run.scheduling.plan import Plan, PlannedScope


def add_scopes(plan: Plan) -> None:
    """Add the scopes of the flow, with the edges that follow from them."""
    row_of = plan.row_of
    for index, scope in enumerate(plan.flow.scopes):
        members = tuple(row_of[task] for task in scope.members if task in row_of)
        own = init, setup, cleanup = [row_of.get(task, -1) for task in scope.own_tasks]
        planned = PlannedScope(scope, init, setup, cleanup, members)
        plan.scopes.append(planned)
        plan.scope_of.update((row, index) for row in own if row >= 0)
        for row in members:
            plan.scope_of.setdefault(row, index)
        _link_members(plan, planned)
    if plan.scopes:
        _order_late_cleanups(plan)


def _link_members(plan: Plan, planned: PlannedScope) -> None:
    """Add the edges that follow from a scope: members wait for set-up, clean-up for members.

    Only members that run count: in a part of a flow, the first member may be another one than in
    the whole flow. Clean-up waits for every member, not only for the last ones, since these may be
    cancelled while the code of an earlier one is still running.
    """
    nodes, given = plan.nodes, plan.given
    rows = [row for row in planned.members if row not in given]
    setup, cleanup = planned.scope.setup_task, planned.scope.cleanup_task
    is_outside = {plan.tasks[row] for row in rows}.isdisjoint
    if planned.setup >= 0:
        after_setup = [
            row
            for row in rows
            if is_outside(nodes[row].upstream) and setup not in nodes[row].upstream
        ]
        plan.downstream[planned.setup] = (*plan.downstream[planned.setup], *after_setup)
        for row in after_setup:
            plan.upstream[row] = (*plan.upstream[row], planned.setup)
    if planned.cleanup >= 0:
        known = plan.flow.nodes[cleanup].upstream
        if not is_outside(known):
            rows = [row for row in rows if plan.tasks[row] not in known]
        _wait(plan, planned.cleanup, rows)


def _order_late_cleanups(plan: Plan) -> None:
    """Let the clean-ups of scopes with ``lifetime="flow"`` come last, in LIFO order."""
    late = [s for s in plan.scopes if s.scope.options.lifetime == "flow" and s.cleanup >= 0]
    if not late:
        return
    cleanups = {planned.cleanup for planned in plan.scopes}
    last = [
        row
        for row, after in enumerate(plan.downstream)
        if row not in cleanups and all(one in cleanups for one in after)
    ]
    following = -1
    for planned in reversed(late):
        before = set(plan.upstream[planned.cleanup])
        after = [row for row in last if row not in before]
        _wait(plan, planned.cleanup, [*after, following] if following >= 0 else after)
        following = planned.cleanup


def _wait(plan: Plan, cleanup: int, rows: list[int]) -> None:
    """Let a clean-up wait for `rows`, of which there may be many."""
    plan.upstream[cleanup] = (*plan.upstream[cleanup], *rows)
    for row in rows:
        plan.downstream[row] = (*plan.downstream[row], cleanup)
