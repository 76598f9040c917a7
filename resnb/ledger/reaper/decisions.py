"""What the reaper does next. Pure: records, liveness and the time in, actions out.

Dependants come first, everything else side by side, a few at a time. A failed clean-up is tried
again after growing pauses, for ever; its first tries delay what it depends on. What an interrupted
set-up may have made is looked for again and again, and delays nobody.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from resnb.ledger import states
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN, Owner
from resnb.ledger.record import LeaseRecord
from resnb.ledger.store.statements import IN_LEDGER

AT_ONCE: Final = 20
"""How many clean-ups run side by side at most."""
AT_ONCE_OF_KIND: Final = 8
"""How many of one registered kind do, as providers limit the rate of requests."""
HELD_TRIES: Final = 8
"""How many tries of a clean-up delay what it depends on."""
FIRST_LOOK: Final = 10.0
"""For how long the first look for what set-up may still make goes on, in seconds."""
MARGIN: Final = FIRST_LOOK + 20.0
"""How long a claim lasts beyond the time limit of its clean-up, in seconds: more than a clean-up's
process gets to look, to start and to end."""
LOOKING: Final = "looking for what set-up may still make"
"""The reason of a lease of which nothing was found yet, or nothing more."""
TOGETHER: Final = 50
"""How many recipes are rehearsed in one interpreter."""
LARGE_TOGETHER: Final = 2
"""How many of them may be large, since the reaper reads them into its memory."""
FENCE_AFTER: Final = 5.0
"""How long a kernel has to claim a clean-up that it was asked for, in seconds."""
CLAIMED_LOOK: Final = 0.5
"""How soon to look again at a lease that another process is cleaning up, in seconds."""
REQUEST: Final = "request"
TTL: Final = "ttl"
IDLE: Final = "idle"
LOST: Final = "lost"
"""Why a kernel is asked to close a lease; if idle, the kernel refuses if it was used since."""
DIED_WITH_KERNEL: Final = "died with its kernel"
_PAUSE, _LATE_PAUSE = 600.0, 3600.0
_TRIES_BEFORE_LATE = 15
_SHORTEST_LOOK, _LOOK_PAUSE = 0.05, 120.0


class Clean(NamedTuple):
    """Clean the lease up in a fresh interpreter."""

    record: LeaseRecord


class Close(NamedTuple):
    """Close the lease, for which there is nothing to clean up."""

    record: LeaseRecord
    reason: str


class Fail(NamedTuple):
    """Give the lease up, as nothing more can be done from here."""

    record: LeaseRecord
    reason: str


class Keep(NamedTuple):
    """Let the lease survive its kernel until a time, in seconds since the epoch."""

    record: LeaseRecord
    until: float


class Ask(NamedTuple):
    """Ask the kernel, which is alive, to clean the lease up."""

    record: LeaseRecord
    kind: str
    reason: str


class Rehearse(NamedTuple):
    """Look whether open leases' recipes would find all that they refer to; runs nothing."""

    record: LeaseRecord  # the first of them
    records: tuple[LeaseRecord, ...]  # those with the same environment


Action: TypeAlias = Rehearse | Clean | Close | Fail | Keep | Ask


class Decision(NamedTuple):
    """What to do now, when to look again at the latest, and whether nothing is left to do."""

    actions: tuple[Action, ...]
    look_again: float | None
    idle: bool


def end_reason(record: LeaseRecord) -> str:
    """Why a lease is closed that the reaper has cleaned up."""
    return DIED_WITH_KERNEL if record.dies_with_kernel else "cleaned up by the reaper"


def pause_after(tries: int) -> float:
    """How long to wait before the next try, in seconds: up to 10 minutes, then an hour."""
    return _LATE_PAUSE if tries > _TRIES_BEFORE_LATE else float(min(_PAUSE, 2.0**tries))


def claimed_at(record: LeaseRecord) -> float:
    """When a reaper has last claimed the lease, in seconds since the epoch; 0 if none has."""
    until = record.claim_until
    return until - record.cleanup_timeout - MARGIN if until else 0.0


def first_look(record: LeaseRecord) -> float:
    """For how long the next clean-up looks for what set-up made, in seconds; 0 to look once."""
    if record.handle is not None or record.nothing_since is not None:
        return 0.0
    return min(FIRST_LOOK, record.find_for)


def look_after(quiet: float, find_for: float) -> float | None:
    """How long to wait before the next look, in seconds; None if there is none any more.

    Args:
        quiet: for how long nothing was found, in seconds.
        find_for: after how long that is enough.
    """
    left = find_for - quiet
    return None if left < _SHORTEST_LOOK else min(left, max(1.0, min(quiet, _LOOK_PAUSE)))


def decide(
    records: Iterable[LeaseRecord],
    *,
    liveness: Callable[[Owner], str],
    now: float,
    running: Collection[str] = (),
    asked: Mapping[str, float] | None = None,
    at_once: int = AT_ONCE,
    rehearsing: bool | None = None,
) -> Decision:
    """What the reaper does next.

    Args:
        records: the leases that are not closed.
        liveness: the status of a process.
        now: seconds since the epoch.
        running: ids of the leases that this reaper is cleaning up.
        asked: when the kernel was asked to clean up a lease.
        at_once: how many clean-ups may run side by side.
        rehearsing: whether this reaper is rehearsing recipes; None if it does not.
    """
    known: dict[str, LeaseRecord] = {record.id: record for record in records}
    asked = asked or {}
    actions: list[Action] = []
    ready: list[LeaseRecord] = []
    held: set[str] = set()
    times: list[float] = []
    idle = True
    for record in known.values():
        verdict = _verdict(record, liveness, now, running, asked)
        outer = [known[one] for one in record.around if one in known]
        if isinstance(verdict, Keep) and not all(map(_survives, outer)):
            verdict = _cleaning(record, now)  # something that it depends on ends
        if verdict is None:
            continue
        if isinstance(verdict, float):
            times.append(verdict)
            idle = False
            if _holds_up_others(record):
                held.update(record.around)
        elif isinstance(verdict, Clean):
            ready.append(record)
            idle = False
        else:
            actions.append(verdict)
            idle = idle and not isinstance(verdict, Ask)
    inner = held.union(*(one.around for one in ready if one.tries < HELD_TRIES))
    inner |= {outer for lease in running if lease in known for outer in known[lease].around}
    if rehearsing is False:
        due = [one for one in known.values() if _is_to_be_rehearsed(one, liveness)]
        actions += [Rehearse(due[0], _together(due))] if due else []
    chosen = [record for record in ready if record.id not in inner]
    actions += _side_by_side(chosen, [known[one] for one in running if one in known], at_once)
    return Decision(tuple(actions), min(times, default=None), idle and not running)


def _together(due: Sequence[LeaseRecord]) -> tuple[LeaseRecord, ...]:
    """The first recipe, and those that are rehearsed in the same interpreter."""
    chosen: list[LeaseRecord] = []
    large = 0
    for record in due:
        if record.environment != due[0].environment:
            continue
        large += IN_LEDGER in (record.recipe, record.handle)
        if len(chosen) == TOGETHER or large > LARGE_TOGETHER:
            break
        chosen.append(record)
    return tuple(chosen)


def _side_by_side(
    ready: Iterable[LeaseRecord], running: Collection[LeaseRecord], at_once: int
) -> list[Action]:
    """As many as may run beside those that do."""
    kinds = Counter(record.kind for record in running)
    chosen: list[Action] = []
    for record in ready:
        if len(running) + len(chosen) >= at_once:
            break
        if not record.kind or kinds[record.kind] < AT_ONCE_OF_KIND:
            kinds[record.kind] += 1
            chosen.append(Clean(record))
    return chosen


def _verdict(  # noqa: PLR0911 - a table of cases, one line each
    record: LeaseRecord,
    liveness: Callable[[Owner], str],
    now: float,
    running: Collection[str],
    asked: Mapping[str, float],
) -> Action | float | None:
    """An action, the time to look again, or None."""
    if record.id in running or record.state == states.CLOSED:
        return None
    claim = None if has_lapsed(record, now) else _claim_of(record, liveness)
    if claim == ALIVE and record.claimant != record.owner:
        return now + CLAIMED_LOOK  # it may die, and a clean-up may have outlived its reaper
    if claim is not None:
        return record.claim_until if record.claim_until > now else None
    status = liveness(record.owner)
    if status == ALIVE:
        return _while_alive(record, now, asked)
    if status != DEAD:
        return None
    if not record.request and not record.dies_with_kernel:
        if record.state == states.OPEN and record.keep is not None:
            return Keep(record, now + record.keep)
        if record.state == states.KEPT and now < (record.keep_until or 0.0):
            return record.keep_until
    if record.dies_with_kernel and record.handle is None:
        return Close(record, DIED_WITH_KERNEL)
    return _cleaning(record, now)


def _is_to_be_rehearsed(record: LeaseRecord, liveness: Callable[[Owner], str]) -> bool:
    is_due = record.rehearsal == "due" and record.state == states.OPEN
    return is_due and bool(record.recipe) and not record.kind and liveness(record.owner) == ALIVE


def _claim_of(record: LeaseRecord, liveness: Callable[[Owner], str]) -> str | None:
    """The status of the process that is cleaning up; None if there is none that may be alive."""
    if record.state != states.CLOSING:
        return None
    claimants = (one for one in (record.claimant, record.cleaner) if one is not None)
    found = [status for one in claimants if (status := liveness(one)) != DEAD]
    return min(found, default=None, key=(ALIVE, UNKNOWN).index)


def has_lapsed(record: LeaseRecord, now: float) -> bool:
    """Whether whoever has claimed a lease that others can clean up has had enough time for it."""
    return 0.0 < record.claim_until <= now and _is_able(record)


def is_still_due(read: LeaseRecord, fresh: LeaseRecord, now: float) -> bool:
    """Whether a clean-up that was decided on for a lease as it was `read` fits it as it is.

    Its owner may have written more before it died, or another kernel may have adopted it.
    """
    is_kept = fresh.state == states.KEPT and now < (fresh.keep_until or 0.0) and not fresh.request
    pairs = [(read.recipe, fresh.recipe), (read.handle, fresh.handle)]
    same_blobs = all(one == other or IN_LEDGER in (one, other) for one, other in pairs)
    return not is_kept and same_blobs and _deciding(read) == _deciding(fresh)


def _deciding(record: LeaseRecord) -> tuple[object, ...]:
    return record.owner, record.state, record.keep, record.request


def _is_able(record: LeaseRecord) -> bool:
    """Whether another process than its kernel can clean it up."""
    return bool(record.recipe) and (record.handle is not None or record.can_find)


def _holds_up_others(record: LeaseRecord) -> bool:
    """Whether what it depends on has to wait for its clean-up, which has begun."""
    has_begun = record.state in (states.CLOSING, states.FAILED)
    return has_begun and record.tries < HELD_TRIES and record.nothing_since is None


def _survives(record: LeaseRecord) -> bool:
    """Whether the resource survives its kernel for a while."""
    return record.keep is not None and not record.request


def _while_alive(
    record: LeaseRecord, now: float, asked: Mapping[str, float]
) -> Action | float | None:
    if record.state == states.FAILED:
        return _cleaning(record, now) if not record.dies_with_kernel else None
    if record.state == states.CLOSING:
        return _cleaning(record, now)  # its claimant is dead
    why = due(record, now)
    if why is None:
        return min(_limits(record), default=None)
    if record.id not in asked:
        return Ask(record, *why)
    deadline = asked[record.id] + FENCE_AFTER
    return _cleaning(record, now) if deadline <= now else deadline


def due(record: LeaseRecord, now: float) -> tuple[str, str] | None:
    """Why a kernel that is alive should close the lease: the kind of reason, and the reason."""
    if record.request == LOST:
        return LOST, "its kernel did not renew it in time"
    if record.request:
        return REQUEST, "somebody asked for it"
    if record.ttl is not None and record.created + record.ttl <= now:
        return TTL, f"it is older than its ttl of {record.ttl:g} s"
    if record.idle_timeout is not None and record.used + record.idle_timeout <= now:
        return IDLE, f"it was idle for {record.idle_timeout:g} s"
    return None


def _limits(record: LeaseRecord) -> list[float]:
    limits = [record.created + record.ttl] if record.ttl is not None else []
    return [*limits, record.used + record.idle_timeout] if record.idle_timeout else limits


def _cleaning(record: LeaseRecord, now: float) -> Action | float | None:
    """Clean up, now or later, if that is possible at all."""
    made = record.state != states.OPENING
    if not _is_able(record):
        if record.state == states.FAILED and record.reason:
            return None
        fault = record.unprotected or "it left no handle"
        if not made:
            return Fail(record, f"{states.UNTOLD} ({fault})")
        return Fail(record, f"cannot be cleaned up from outside its kernel: {fault}")
    begins = record.next_try
    if record.state == states.CLOSING and record.tries >= HELD_TRIES:  # always cut short
        begins = max(begins, record.claim_until + pause_after(record.tries))
    return Clean(record) if begins <= now else begins
