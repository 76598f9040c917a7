"""``%flow from-cells``: a flow of the plain cells that have run."""

from typing import Any

from resnb.errors import MagicError, harmless
from resnb.notebook.conversion.facts import facts_of
from resnb.notebook.conversion.proposal import proposed
from resnb.notebook.conversion.setting_up import refuse_known, set_up
from resnb.notebook.conversion.wording import cells_text, plan_lines, summary
from resnb.notebook.display import show_flow
from resnb.notebook.lines.names import variable_name
from resnb.notebook.session import Session


def from_cells(shell: Any, session: Session, flow: str, mode: str) -> None:
    """Carry out ``%flow from-cells``.

    Args:
        shell: IPython's shell.
        session: the notebook's flows.
        flow: the name of the flow.
        mode: ``--dry-run``, ``--verify``, or empty.

    Raises:
        MagicError: no cell has run, there is such a flow, or a check has found a difference.
    """
    variable_name(flow)
    facts = facts_of(session.ran.all(), shell.transform_cell)
    if not facts:
        raise MagicError("%flow from-cells: no plain cell has run here yet")
    found = proposed(facts)
    if mode == "--dry-run":
        print("\n".join([*plan_lines(found), summary(found)]))  # noqa: T201
        return
    refuse_known(session, flow)
    if not any(one.is_step for one in found):
        raise MagicError("%flow from-cells: no cell that has run can be a step; --dry-run says why")
    if mode == "--verify":
        _verify(flow, facts, found)
        return
    made = set_up(shell, session, flow, found)
    print("\n".join(cells_text(flow, found)))  # noqa: T201
    print(f"flow {harmless(flow)!r} has these {summary(found)}; run it by %flow run {flow}")  # noqa: T201
    show_flow(made)


def _verify(flow: str, facts: Any, found: Any) -> None:
    from resnb.notebook.conversion.verifying import verify

    faults, unknown, notes = verify(flow, facts, found)
    for line in notes:
        print(f"! {line}")  # noqa: T201
    different = {name: fault for name, fault in faults.items() if fault}
    for name, fault in different.items():
        print(f"✗ {name}: {fault}")  # noqa: T201
    if unknown:
        print(f"not compared, since nobody can tell: {', '.join(unknown)}")  # noqa: T201
    if different:
        raise MagicError(
            f"%flow from-cells: {len(different)} of {len(faults)} values differ: "
            f"{', '.join(different)}; what draws random numbers needs its seed in the same step, "
            "and what measures time is another value each time"
        )
    print(  # noqa: T201
        f"{summary(found)}. In a fresh kernel {len(faults)} values are the same from plain cells, "
        f"cell by cell as steps, and by %flow run {flow}"
    )
