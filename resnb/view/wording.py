"""What pictures and texts say about a node, cluster or flow beside its name."""

from resnb.states import CACHED, MAPPED, PENDING, SUCCESS
from resnb.view.aggregate import FAILURES
from resnb.view.names import counted
from resnb.view.palette import LEASE, QUIET, TASK
from resnb.view.snapshot import NOT_YET, Counts, Snapshot

SEPARATOR = " · "
DONE = frozenset({SUCCESS, CACHED, MAPPED})


def tally(counts: Counts) -> tuple[str, ...]:
    """``38 of 100 done``, then what else there is: ``2 running``; failures first.

    With failures it is ``1 of 100 failed``, and the rest if that has not all succeeded. Where all
    tasks are in one state, their number is enough, unless they failed.
    """
    total = sum(number for _, number in counts)
    failed = sum(number for code, number in counts if code in FAILURES)
    if len(counts) < 2 and not failed:  # noqa: PLR2004 - one state or none
        return (f"×{total:,}",) if total else ()  # noqa: RUF001
    done = sum(number for code, number in counts if code in DONE)
    others = [pair for pair in counts if pair[0] not in DONE | FAILURES and pair[0] != PENDING]
    rest = [f"{number:,} {TASK[code].word}" for code, number in others]
    first = f"{done:,} of {total:,} done"
    if failed:
        first = f"{failed:,} of {total:,} failed"
        rest = [f"{done:,} done", *rest] if rest else []
    return tuple(part for part in (first, ", ".join(rest)) if part)


def of_node(snapshot: Snapshot, place: int) -> tuple[str, ...]:
    """The state, if it needs a word, the counts, and its mark."""
    code, counts = snapshot.codes[place], snapshot.counts[place]
    node = snapshot.outline.nodes[place]
    parts = () if node.kind == "folded" and len(counts) == 1 else tally(counts)
    word = () if code in QUIET or len(counts) > 1 else (TASK[code].word,)
    mark = snapshot.mark(place)
    return (*word, *parts, *([mark] if mark else ()))


def of_cluster(snapshot: Snapshot, place: int) -> tuple[str, str]:
    """Its name, with the lease's state once there is one, and its options."""
    cluster = snapshot.outline.clusters[place]
    name = (cluster.label, *of_leases(snapshot, place))
    return SEPARATOR.join(name), SEPARATOR.join(cluster.notes)


def of_leases(snapshot: Snapshot, place: int) -> tuple[str, ...]:
    """The lease's state; for a mapped scope ``mapped`` at first, then ``1 failed, 2 open``."""
    lease = snapshot.leases[place]
    if snapshot.outline.clusters[place].mapped:
        counts = snapshot.stack(place)
        return (", ".join(f"{many:,} {LEASE[one].word}" for one, many in counts) or "mapped",)
    return () if lease == NOT_YET else (LEASE[lease].word,)


def cluster_title(snapshot: Snapshot, place: int) -> str:
    """A cluster in one line: ``client = DaskCluster · open · ttl 2h``."""
    cluster = snapshot.outline.clusters[place]
    name, manager = cluster.label, cluster.manager
    words = (*of_leases(snapshot, place), *cluster.notes)
    return SEPARATOR.join((name if name == manager else f"{name} = {manager}", *words))


def of_flow(snapshot: Snapshot) -> str:
    """The flow's state."""
    return of_code(snapshot.code)


def of_code(code: int) -> str:
    """A flow's state as a word."""
    return "not run yet" if code == PENDING else TASK[code].word


def left_out(snapshot: Snapshot) -> str:
    """What the picture or text does not show; empty if it shows everything."""
    number = snapshot.left_out
    return f"{counted(number, 'more task')} not shown" if number else ""
