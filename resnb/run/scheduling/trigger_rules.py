"""Whether a row may run, by the states upstream of it: skips, triggers, and what is mapped over."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from resnb.graph.base.signals import SKIP, Signal
from resnb.graph.base.triggers import Trigger
from resnb.graph.tasks.task import Task
from resnb.run.scheduling.codes import tally_of_codes
from resnb.states import FIRST_UNSUCCESSFUL, SKIPPED, TRIGGER_FAILED

if TYPE_CHECKING:
    from resnb.run.scheduling.scheduler import Scheduler

NOTHING_TO_MAP = "nothing that it is mapped over succeeded"


def verdict_on_all(scheduler: "Scheduler", row: int) -> tuple[int, str] | None:
    """The final state of `row` if it must not run.

    The trigger of a mapped row is asked for each child.
    """
    codes = upstream_codes(scheduler, row)
    node = scheduler.plan.nodes[row]
    if not node.is_mapped:
        return verdict(scheduler, row, codes)
    if SKIPPED in codes and node.task.skip_on_upstream_skip:
        return SKIPPED, "an upstream task was skipped"
    over = [scheduler.table.state[source] for source in mapped_over(scheduler, row)]
    others = any(not isinstance(node.inputs[key], Task) for key in node.mapped)
    if over and not others and min(over) >= FIRST_UNSUCCESSFUL:
        return TRIGGER_FAILED, NOTHING_TO_MAP
    return None


def mapped_over(scheduler: "Scheduler", row: int) -> list[int]:
    """The rows of whose values each child of `row` gets one item."""
    node, row_of = scheduler.plan.nodes[row], scheduler.plan.row_of
    if not node.is_mapped:
        return []
    sources = [source for key in node.mapped if isinstance(source := node.inputs[key], Task)]
    sources += [source for source, mapped in node.control.items() if mapped]
    return [row_of[source] for source in dict.fromkeys(sources) if source in row_of]


def upstream_codes(scheduler: "Scheduler", row: int, leave_out: Iterable[int] = ()) -> list[int]:
    """Final states upstream; a mapped row counts as its children, unless mapped over."""
    state = scheduler.table.state
    over = mapped_over(scheduler, row)
    codes: list[int] = []
    for upstream in scheduler.plan.upstream[row]:
        if upstream in leave_out:
            continue
        block = scheduler.children.get(upstream)
        if block is not None and upstream not in over and block.first < block.last:
            codes += state[block.first : block.last]
        else:
            codes.append(state[upstream])
    return codes


def verdict(scheduler: "Scheduler", row: int, codes: Sequence[int]) -> tuple[int, str] | None:
    """The final state of `row` if it must not run; None if it may."""
    task = scheduler.plan.tasks[row]
    tally = tally_of_codes(codes)
    if tally.skipped and task.skip_on_upstream_skip:
        return SKIPPED, "an upstream task was skipped"
    trigger = task.trigger
    if not isinstance(trigger, Trigger):
        return None  # a function of the user's own is called by whoever runs the row
    try:
        trigger.decide(tally)
    except SKIP as signal:
        return SKIPPED, str(signal)
    except Signal as signal:
        return TRIGGER_FAILED, str(signal)
    return None


__all__ = ["mapped_over", "upstream_codes", "verdict", "verdict_on_all"]
