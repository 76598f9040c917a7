"""What happened in a run, as plain arrays: all that a timeline is made of.

Times are seconds of the run's clock. Whoever makes a record copies the arrays, so that it shows one
moment of a run that may go on.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

EXECUTOR: Final = -1
LOOP: Final = -2
"""Where rows ran that did not run in a scope's thread."""


class Block(NamedTuple):
    """The rows from `first` up to `last` (exclusive): the children of the mapped row `of`."""

    first: int
    last: int
    of: int


class ResourceUse(NamedTuple):
    """A resource in one run; a mapped scope has several."""

    label: str  # its scope's name, unique in the flow
    lease: str  # the state of its lease, a key of `resnb.view.palette.LEASE`
    setup: int  # the row of its set-up; -1 if there was none in the run
    cleanup: int  # the row of its clean-up, likewise
    # the planned rows in its block, those of inner scopes included, its own excluded
    inside: frozenset[int]
    opened: float | None = None  # when it was opened; None if it never was
    closing: float | None = None  # when its clean-up began, in whatever run; None if it has not
    closed: float | None = None  # when its clean-up ended, successfully or not, likewise
    item: int = -1  # which item of a mapped scope it is; else ONE
    # the rows of which only the child for the same item works with it, its own included
    in_step: frozenset[int] = frozenset()

    @property
    def is_part(self) -> bool:
        """Whether it took part in the run."""
        return self.setup >= 0 or self.opened is not None


class RunRecord(NamedTuple):
    """One run, at one moment.

    Attributes:
        name: the flow.
        code: the run's state.
        began: when it began.
        now: the moment.
        over: when everything had ended; None while the run is on.
        states: each row's state; rows of planned tasks first, then those of children.
        started: when its latest try began.
        ended: when it reached its final state; before `started` if that is not known.
        tries: how many tries have begun.
        worker: the number of the worker that ran it, from 1; 0 for none.
        workers: the labels of the workers, in the order of their numbers.
        labels: the label of each planned row's task, unique in the flow.
        kinds: its kind: ``task``, ``setup``, ``cleanup``, ``init``, ``parameter`` and so on.
        homes: where it ran: the place of the resource whose thread it was (the first one of a
            mapped scope; the others follow), EXECUTOR or LOOP.
        blocks: the children of mapped rows.
        uses: the resources; one for each item of a mapped scope.
    """

    name: str
    code: int
    began: float
    now: float
    over: float | None
    states: Sequence[int]
    started: Sequence[float]
    ended: Sequence[float]
    tries: Sequence[int]
    worker: Sequence[int]
    workers: tuple[str, ...]
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    homes: tuple[int, ...]
    blocks: tuple[Block, ...] = ()
    uses: tuple[ResourceUse, ...] = ()
