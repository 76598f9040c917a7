"""Whether a row may run, by the final states upstream: skips, triggers, and mapped inputs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from resnb.graph.base.signals import SKIP, Signal
from resnb.graph.base.triggers import Tally, Trigger
from resnb.graph.tasks.task import Task
from resnb.run.scheduling.outcome import has_made
from resnb.states import CANCELLED, FIRST_UNSUCCESSFUL, MAPPED, PENDING, SKIPPED, TRIGGER_FAILED

if TYPE_CHECKING:
    from resnb.run.scheduling.mapped_rows import MappedRows
    from resnb.run.scheduling.plan import Plan
    from resnb.run.scheduling.state_table import Table

NOTHING_TO_MAP = "nothing that it is mapped over succeeded"
NOTHING_MADE = "there is nothing to clean up: set-up did not succeed"

Refusal: TypeAlias = tuple[int, str]
"""The final state of a row that must not run, and the reason."""


class TriggerRules:
    """Judges the rows of one run."""

    def __init__(self, plan: "Plan", table: "Table", mapped: "MappedRows") -> None:
        self._plan = plan
        self._table = table
        self._mapped = mapped

    def refusal(self, row: int) -> Refusal | None:
        """The final state of `row` if it must not run; None if it may.

        The trigger of a mapped row is asked for each child.
        """
        codes = self._upstream_codes(row)
        node = self._plan.nodes[row]
        if not node.is_mapped:
            return self._judge(row, codes)
        if SKIPPED in codes and node.task.skip_on_upstream_skip:
            return SKIPPED, "an upstream task was skipped"
        over = [self._table.state[source] for source in self._mapped_over(row)]
        others = any(not isinstance(node.inputs[key], Task) for key in node.mapped)
        if over and not others and min(over) >= FIRST_UNSUCCESSFUL:
            return TRIGGER_FAILED, NOTHING_TO_MAP
        return None

    def cleanup_refusal(self, row: int) -> Refusal | None:
        """Likewise for a clean-up, which runs if its set-up has made something."""
        setup = self._plan.scopes[self._plan.scope_of[row]].setup
        if setup >= 0 and not has_made(self._table.state[setup]):
            return SKIPPED, NOTHING_MADE
        return None

    def children_refusals(
        self, row: int, owners: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[int, Refusal | None]]:
        """Each pending child of `row`, which sees its own item, and its refusal.

        Args:
            row: the mapped row.
            owners: for a mapped row upstream whose values were flattened, the child that gave
                each item.
        """
        state, children = self._table.state, self._mapped.children[row]
        blocks = {
            source: owners.get(source) or self._mapped.children[source].rows()
            for source in self._mapped_over(row)
            if source in self._mapped.children and state[source] == MAPPED
        }
        rest = self._upstream_codes(row, leave_out=blocks)
        made = self._made_for(row)
        known: dict[tuple[int, ...], Refusal | None] = {}
        for number, child in enumerate(children.rows()):
            if state[child] != PENDING:
                continue
            if made is not None and not has_made(made[number]):
                yield child, (SKIPPED, NOTHING_MADE)
                continue
            items = tuple([state[rows[number]] for rows in blocks.values()])
            if items not in known:
                known[items] = self._judge(row, [*rest, *items])
            yield child, known[items]

    def _made_for(self, row: int) -> bytearray | None:
        """For a mapped clean-up, the final state of each item's set-up."""
        if self._plan.tasks[row].kind != "cleanup":
            return None
        block = self._mapped.children.get(self._plan.scopes[self._plan.scope_of[row]].setup)
        return None if block is None else self._table.state[block.first : block.last]

    def _mapped_over(self, row: int) -> list[int]:
        """The rows of whose values each child of `row` gets one item."""
        node, row_of = self._plan.nodes[row], self._plan.row_of
        if not node.is_mapped:
            return []
        sources = [source for key in node.mapped if isinstance(source := node.inputs[key], Task)]
        sources += [source for source, mapped in node.control.items() if mapped]
        return [row_of[source] for source in dict.fromkeys(sources) if source in row_of]

    def _upstream_codes(self, row: int, leave_out: Iterable[int] = ()) -> list[int]:
        """Final states upstream; a mapped row counts as its children, unless mapped over."""
        state = self._table.state
        over = self._mapped_over(row)
        codes: list[int] = []
        for upstream in self._plan.upstream[row]:
            if upstream in leave_out:
                continue
            block = self._mapped.children.get(upstream)
            if block is not None and upstream not in over and block.first < block.last:
                codes += state[block.first : block.last]
            else:
                codes.append(state[upstream])
        return codes

    def _judge(self, row: int, codes: Sequence[int]) -> Refusal | None:
        task = self._plan.tasks[row]
        tally = _tally(codes)
        if tally.skipped and task.skip_on_upstream_skip:
            return SKIPPED, "an upstream task was skipped"
        trigger = task.trigger
        if not isinstance(trigger, Trigger):
            return None  # a function of the user's, called by whoever runs the row
        try:
            trigger.decide(tally)
        except SKIP as signal:
            return SKIPPED, str(signal)
        except Signal as signal:
            return TRIGGER_FAILED, str(signal)
        return None


def _tally(codes: Sequence[int]) -> Tally:
    successful = failed = skipped = 0
    for code in codes:
        if code < FIRST_UNSUCCESSFUL:
            successful += 1
            skipped += code == SKIPPED
        elif code != CANCELLED:
            failed += 1
    return Tally(len(codes), successful, failed, skipped)


__all__ = ["NOTHING_MADE", "Refusal", "TriggerRules"]
