"""Forms bundles: rows that travel to the cluster as one message, and run there one after the other.

| rows | how they travel |
|---|---|
| a chain: each the only one that follows the one before | together, up to `Limits.chain` |
| short ones, and what follows from them alone | together, `Limits.bundle` a message |
| long ones, and those with large values | alone |
| of a kind that was never seen | a few alone, the others once it is known; chains at once |
| those that are needed by more than would fit in | at the end of their bundle |
| suspects: one of them may have killed a worker | alone, and only one at a time |

Short rows are given out as the cluster comes to them, so that nobody idles while another has many
to do: `Limits.ahead` bundles for each of its threads, and more if one had to wait for them: the
kernel or the network may be slow. Bundles are large, for a worker loses some 2 ms between two; but
what a thread is given first is smaller, as it is made sooner, and so are the last ones, that all
threads end at the same time. Where times hardly vary, the last ones are all that is left. Bundles
are formed in rounds, one of the same size for each thread: Dask chooses a worker by the number of
bundles that it has. The rest is given at once, and Dask decides what comes first. As Dask holds the
death of a worker against all that this one had still to do, it cannot tell which of several
suspects is to blame.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, Protocol


class Limits(NamedTuple):
    """How large bundles get; times in seconds, by estimate.

    Attributes:
        bundle: of short rows.
        soon: likewise if somebody waits: a thread that has nothing else, or more that follows than
            fits in.
        few: for a thread that has nothing else, so many rows are not too many: they are soon sent.
        least: less is not worth a message if there is more to do.
        spread: a bundle has at most a thread's share of what is left, divided by this, unless
            how long the rows take is known well.
        steady: that is so if times vary by at most so much, in parts of them.
        whole: if so, a thread's share of what is left is one bundle, if it takes no longer.
        chain: of a chain.
        short: rows that take longer than that are not bundled, unless they are links of a chain.
        long: nor are links of a chain that take longer than that.
        overhead: of each row, besides its code.
        unknown: how many links of a chain may be of a kind that was never seen.
        rows: how many rows a bundle may have.
        ahead: how many bundles of short rows each thread of the cluster is given ahead.
        most: how many it is given at most, if there were too few before.
        idle: there were too few if a thread had nothing to do for longer.
        guess: how long a row of a kind that was never seen takes; None to find out first.
    """

    bundle: float = 0.3
    soon: float = 0.02
    few: int = 20
    least: float = 0.015
    spread: float = 1.5
    steady: float = 0.1
    whole: float = 0.6
    chain: float = 1.0
    short: float = 0.025
    long: float = 0.25
    overhead: float = 0.000_05
    unknown: int = 64
    rows: int = 500
    ahead: int = 2
    most: int = 8
    idle: float = 0.01
    guess: float | None = None


LIMITS = Limits()


class Graph(Protocol):
    """What follows from what (see `Pipeline`)."""

    def place(self, row: int) -> list[int]:
        """`row` goes to the cluster; gives the rows that may follow now."""

    def followers(self, row: int) -> list[int]:
        """The rows that need `row`, clean-ups aside."""

    def is_inside(self, row: int, rows: Collection[int]) -> bool:
        """Whether all that `row` still waits for is among `rows`."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """Rows that travel together, each after those that it needs.

    Attributes:
        kind: of its first row if that was never seen, else None.
        counts: whether it is one of those that a thread is given ahead.
    """

    rows: tuple[int, ...]
    kind: Hashable = None
    counts: bool = False


class Bundler:
    """Forms the bundles of one cluster.

    Args:
        kind_of: tells rows with the same code.
        seconds_of: how long a row will take; infinity for one that has to travel alone; None if
            nobody knows.
        deviation_of: how many seconds more or less it may take.
        limits: how large bundles get.
    """

    def __init__(
        self,
        graph: Graph,
        kind_of: Callable[[int], Hashable],
        seconds_of: Callable[[int], float | None],
        deviation_of: Callable[[int], float],
        limits: Limits = LIMITS,
    ) -> None:
        self._graph = graph
        self._kind_of = kind_of
        self._measured = seconds_of
        self._deviation_of = deviation_of
        self._limits = limits
        self._offered: dict[int, None] = {}
        self._fresh: deque[int] = deque()
        self._short: deque[int] = deque()
        self._held: dict[Hashable, deque[int]] = {}
        self._probing: Counter[Hashable] = Counter()
        self._ahead = 0
        self._width = limits.ahead
        self._left_of_round = 0
        self._is_soon = False
        self._size = 0.0
        self._suspects: set[int] = set()
        self._doubtful: deque[int] = deque()
        self._tested: Bundle | None = None

    def __contains__(self, row: int) -> bool:
        """Whether `row` was offered, and waits for its bundle."""
        return row in self._offered

    @property
    def waiting(self) -> list[int]:
        """The rows that wait for their bundle."""
        return list(self._offered)

    def offer(self, row: int) -> None:
        """`row` may be given to the cluster."""
        if row not in self._offered:
            self._offered[row] = None
            self._fresh.append(row)

    def withdraw(self, row: int) -> None:
        """`row` is not to be given to the cluster."""
        self._offered.pop(row, None)

    def suspect(self, row: int) -> None:
        """`row` may have killed a worker."""
        self._suspects.add(row)

    def is_suspect(self, row: int) -> bool:
        """Whether `row` may have killed a worker."""
        return row in self._suspects

    def ended(self, bundle: Bundle) -> None:
        """The cluster is done with `bundle`."""
        self._ahead -= bundle.counts
        if bundle is self._tested:
            self._tested = None
        if bundle.kind is not None:
            self._probing[bundle.kind] -= 1

    def idled(self, seconds: float) -> None:
        """A thread of the cluster had nothing to do for so long before its latest row."""
        if seconds > self._limits.idle and self._short:
            self._width = min(self._limits.most, self._width + self._width // 2 + 1)

    def formed(self, threads: int) -> list[Bundle]:
        """The bundles that a cluster with so many threads is to be given now."""
        found: list[Bundle] = []
        probes = 2 * max(1, threads)
        for kind, rows in tuple(self._held.items()):
            known = self._seconds_of(rows[0]) is not None
            room = len(rows) if known else probes - self._probing[kind]
            self._fresh.extend(rows.popleft() for _ in range(min(room, len(rows))))
            if not rows:
                del self._held[kind]
        while self._doubtful and self._tested is None:
            self._sort(self._doubtful.popleft(), probes, found)
        while self._fresh or self._short:
            while self._fresh:
                self._sort(self._fresh.popleft(), probes, found)
            if not self._short or self._ahead >= self._width * max(1, threads):
                break
            budget = self._budget(threads)
            row = self._short.popleft()
            if row in self._offered:
                self._ahead += 1
                found.append(Bundle(self._grown(row, budget), counts=True))
        return found

    def _seconds_of(self, row: int) -> float | None:
        seconds = inf if row in self._suspects else self._measured(row)
        return self._limits.guess if seconds is None else seconds

    def _sort(self, row: int, probes: int, found: list[Bundle]) -> None:
        """Give `row` at once, or keep it until there is room or its kind is known."""
        if row not in self._offered:
            return
        seconds = self._seconds_of(row)
        if row in self._suspects:
            if self._tested is not None:
                self._doubtful.append(row)
                return
            self._tested = Bundle(self._grown(row, 0.0))
            found.append(self._tested)
        elif seconds is None:
            kind = self._kind_of(row)
            if self._probing[kind] >= probes:
                self._held.setdefault(kind, deque()).append(row)
                return
            self._probing[kind] += 1
            found.append(Bundle(self._grown(row, 0.0), kind))
        elif seconds <= self._limits.short:
            self._short.append(row)
        else:
            found.append(Bundle(self._grown(row, 0.0)))

    def _budget(self, threads: int) -> float:
        """How many seconds the next bundle of short rows is to take."""
        threads, is_soon = max(1, threads), self._ahead < max(1, threads)
        if not self._left_of_round or is_soon != self._is_soon:
            self._left_of_round, self._is_soon = threads, is_soon
            self._size = self._share(threads, is_soon=is_soon)
        self._left_of_round -= 1
        return self._size

    def _share(self, threads: int, *, is_soon: bool) -> float:
        """How many seconds of what is left each thread is to be given now.

        Args:
            threads: how many the cluster has.
            is_soon: whether a thread has nothing to do until it is given that.
        """
        limits, total, doubt = self._limits, 0.0, 0.0
        most = limits.bundle
        if is_soon:
            one = (self._seconds_of(self._short[0]) or 0.0) + limits.overhead
            most = max(limits.soon, min(limits.few * one, most))
        enough = max(most * limits.spread, limits.whole) * threads
        for count, row in enumerate(self._short):
            total += (self._seconds_of(row) or 0.0) + limits.overhead
            doubt += self._deviation_of(row)
            if total > enough or count >= limits.rows * limits.spread * threads:
                return most
        if doubt <= limits.steady * total and total <= limits.whole * threads:
            most, share = limits.whole, total / threads
        else:
            share = total / threads / limits.spread
        return min(most, max(limits.least, share + limits.overhead))

    def _grown(self, first: int, budget: float) -> tuple[int, ...]:
        """The rows of a bundle that begins with `first`; with none beside a chain if it is long.

        Args:
            first: its first row, which was offered.
            budget: how many seconds of short rows it may have; 0 for a chain only.
        """
        limits, growth = self._limits, _Growth()
        of_tree = limits.soon if budget else 0.0
        following: list[int] = []
        row: int | None = first
        while row is not None:
            self._offered.pop(row, None)
            seconds = self._seconds_of(row)
            growth.add(row, seconds, limits)
            following += reversed(self._graph.place(row))
            if len(growth.rows) >= limits.rows or (seconds or 0.0) > limits.long:
                break
            if self._is_needed_elsewhere(row, of_tree - growth.seconds):
                break
            row = self._next(growth, following, budget, of_tree)
        for one in reversed(following):
            self.offer(one)
        return tuple(growth.rows)

    def _next(
        self, growth: "_Growth", following: list[int], budget: float, of_tree: float
    ) -> int | None:
        """The row that comes next in a bundle; None if it is complete."""
        while following:
            row = following.pop()
            if self._graph.is_inside(row, growth.members):
                if self._is_next_link(row, growth):
                    return row
                if self._has_room(row, growth, max(budget, of_tree)):
                    growth.is_chain = False
                    return row
            self.offer(row)
        while budget and self._short:
            row = self._short.popleft()
            if row not in self._offered:
                continue
            if self._has_room(row, growth, budget):
                growth.is_chain = False
                return row
            self._short.appendleft(row)
            break
        return None

    def _is_next_link(self, row: int, growth: "_Growth") -> bool:
        limits, seconds = self._limits, self._seconds_of(row)
        if not growth.is_chain or self._graph.followers(growth.rows[-1]) != [row]:
            return False
        if seconds is None:
            return growth.unknown < limits.unknown
        return seconds <= limits.long and growth.seconds + seconds <= limits.chain

    def _has_room(self, row: int, growth: "_Growth", budget: float) -> bool:
        seconds = self._seconds_of(row)
        if not growth.is_short or seconds is None or seconds > self._limits.short:
            return False
        return growth.seconds + seconds + self._limits.overhead <= budget

    def _is_needed_elsewhere(self, row: int, room: float) -> bool:
        """Whether more follows from `row` than fits into the rest of its bundle."""
        followers = self._graph.followers(row)
        if len(followers) <= 1:
            return False
        left = room
        for one in followers:
            seconds = self._seconds_of(one)
            left -= inf if seconds is None else seconds + self._limits.overhead
            if left < 0:
                return True
        return False


class _Growth:
    """A bundle while it is formed."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.members: set[int] = set()
        self.seconds = 0.0
        self.unknown = 0
        self.is_chain = True
        self.is_short = True

    def add(self, row: int, seconds: float | None, limits: Limits) -> None:
        self.rows.append(row)
        self.members.add(row)
        self.seconds += (seconds or 0.0) + limits.overhead
        self.unknown += seconds is None
        self.is_short &= seconds is not None and seconds <= limits.short
