"""``%resources``: what is alive in this kernel or in every one, and what to do with it.

It prints the same on every run: neither ids nor times nor addresses. The ledger that kernels share
is opened only for resources that this kernel does not hold.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from resnb.durations import seconds
from resnb.errors import CleanupError, LedgerError, MagicError, RunError, enumerated, harmless
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.notebook.closing import wait_for_rehearsals
from resnb.notebook.lines.names import identifier
from resnb.notebook.lines.parsed import ResourcesLine, parse_resources_line
from resnb.notebook.session import Session
from resnb.run.active import active_run
from resnb.run.closing import close, interrupts_put_off, reasons, wait_for_reaper

if TYPE_CHECKING:
    from resnb.ledger.admin.commands import LedgerCommands
    from resnb.ledger.admin.listing import ListedLease

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_ITEM = re.compile(r"(?P<scope>.*)\[(?P<item>\d{1,9})\](-\d+)?", re.DOTALL)
_UNTOLD = (
    "its set-up failed, and nothing tells what it made: it may have leaked; look for it, then: "
    "resnb forget {}"
)
_WHERE = {
    "alive": "{}",
    "dead": "{}, whose kernel has ended",
    "unknown": "{}, whose kernel cannot be seen from here",
}


def resources_command(session: Session, line: str) -> None:
    """Carry out a ``%resources`` line.

    Args:
        session: the notebook's flows and open resources.
        line: the text after ``%resources``.
    """
    parsed = parse_resources_line(line)
    match parsed.command:
        case "open" | "close" | "kinds":
            _for_ordinary_cells(session, parsed)
        case "cleanup":
            try:
                _clean_up(parsed.name)
            finally:
                session.unbind_closed()
        case "keep":
            _keep(parsed.name or "", parsed.duration or "")
        case "adopt":
            _adopt(session, parsed.name or "")
        case _:
            _list(all_kernels=parsed.all_kernels)


def _for_ordinary_cells(session: Session, parsed: ResourcesLine) -> None:
    from resnb.notebook.commands import kinds, open_resources

    if parsed.command == "open":
        open_resources.open_resource(session, parsed)
    elif parsed.command == "close":
        open_resources.close_resources(session, parsed.name)
    else:
        kinds.show_kinds(parsed.name)


def report(leases: Iterable[Lease], left: list[Lease]) -> None:
    """Print which of `leases` were closed.

    Raises:
        CleanupError: some are left.
    """
    chosen = list(leases)
    for lease in chosen:
        if lease not in left:
            by_reaper = ", by the reaper" if lease.is_closed_by_reaper else ""
            print(f"cleaned up {harmless(lease.name)}{by_reaper}")  # noqa: T201
    if not chosen:
        print("nothing is open")  # noqa: T201
    if left:
        raise CleanupError(f"not cleaned up: {reasons(left)}")


# ---- listing


def _list(*, all_kernels: bool) -> None:
    wait_for_rehearsals(KEEPER.alive())
    kernel = ["this kernel"] if all_kernels else []
    rows = [[harmless(one.name), one.state, *kernel, _note(one)] for one in _own()]
    rows += [[harmless(one.name), *_left(one, kernel)] for one in KEEPER.left_over()]
    others = sorted(_of_others(), key=lambda one: (one.notebook, one.name)) if all_kernels else []
    rows += [[one.name, one.state, _where(one), _note_of(one)] for one in others]
    if not rows:
        print("no resources are open")  # noqa: T201
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())  # noqa: T201


def _own() -> tuple[Lease, ...]:
    """This kernel's leases, once the reaper has finished what it is cleaning up.

    They are in the order in which they were prepared, those of a mapped scope in that of its items.
    """
    wait_for_reaper(KEEPER.alive())
    alive = KEEPER.alive()
    place: dict[str, int] = {}
    for number, lease in enumerate(alive):
        place.setdefault(_scope_and_item(lease)[0], number)

    def key(lease: Lease) -> tuple[int, int]:
        scope, item = _scope_and_item(lease)
        return place[scope], item

    return tuple(sorted(alive, key=key))


def _scope_and_item(lease: Lease) -> tuple[str, int]:
    """The name of the lease's scope, and its item if the scope is mapped, else -1."""
    found = _ITEM.fullmatch(lease.name)
    return (lease.name, -1) if found is None else (found["scope"], int(found["item"]))


def _named(name: str | None) -> list[Lease]:
    """This kernel's leases of that name or that mapped scope; all of them for None."""
    return [one for one in _own() if name in (None, one.name, _scope_and_item(one)[0])]


def _note(lease: Lease) -> str:
    """The reason for its state, why only this kernel can clean it up if that is so, its notice."""
    marks: dict[str, str] = {
        states.OPENING: lease.protection.during_setup,
        states.OPEN: lease.protection.once_open,
    }
    fault = marks.get(lease.state)
    is_checking = lease.state == states.OPEN and lease.protection.checking
    mark = f"unprotected: {fault}" if fault else states.CHECKING if is_checking else ""
    parts = [lease.reason, mark, lease.entry.notice]
    return _stable("; ".join(filter(None, parts)))


def _left(lease: Lease, kernel: list[str]) -> list[str]:
    """The state of one that is over for this kernel, and what is said of it."""
    from resnb.ledger.admin.listing import listed
    from resnb.ledger.owner import ALIVE

    record = lease.entry.found()
    if lease.left_as == states.UNKNOWN or record is None:
        untold = _UNTOLD.format(shlex.quote(harmless(lease.name)))
        return [lease.left_as, *kernel, untold if lease.left_as == states.UNKNOWN else ""]
    one = listed(record, ALIVE)
    return [one.state, *kernel, _stable(one.remark)]


def _note_of(one: "ListedLease") -> str:
    """What is said of another kernel's lease; it is named, since ids differ from run to run."""
    remedy = one.remedy.replace(f" {one.short_id}", f" {one.name}")
    return _stable("; ".join(filter(None, [one.remark, remedy])))


def _where(one: "ListedLease") -> str:
    if one.state == states.DAMAGED:
        return one.notebook
    return _WHERE[one.kernel].format(one.notebook)


def _stable(text: str) -> str:
    """`text` in one line, without addresses."""
    from resnb.ledger.admin.listing import plain

    return _ADDRESS.sub("", plain(text))


# ---- cleaning up


def _clean_up(name: str | None) -> None:
    alive, leases = _own(), _named(name)
    if name is not None and not leases:
        _clean_up_elsewhere(name, alive)
        return
    inside = [one for one in alive if one not in leases and set(leases).intersection(one.around)]
    leases += inside  # dependants are closed first
    used = [lease for lease in leases if lease.in_use]
    run = active_run()
    if run is not None:
        of_run = list(run.scopes.leases.values())  # it goes on meanwhile
        used += [lease for lease in of_run if lease in leases]
    if used:
        names = ", ".join(sorted({lease.name for lease in used}))
        raise RunError(f"{names}: in use by a run; cancel it first")
    if held := sorted({lease.name for lease in leases if lease.block is not None}):
        raise RunError(f"{', '.join(held)}: held by a `with` block, which cleans it up at its end")
    with interrupts_put_off():
        report(leases, close(leases))


def _clean_up_elsewhere(name: str, alive: Sequence[Lease]) -> None:
    """Clean up what an ended kernel has left under `name`."""
    if all(one.record.name != name for one in _of_others()):
        listing = enumerated([lease.name for lease in alive])
        hint = f"there is {listing}" if listing else "nothing is open"
        raise MagicError(f"no resource {name!r}; {hint}")
    commands = _commands()
    one = _left_behind(commands, name)
    left = commands.clean_up([one], one.record.cleanup_timeout)
    if left:
        why = "; ".join(f"{other.name}: {_stable(other.remark) or other.state}" for other in left)
        raise CleanupError(f"not cleaned up: {why}")
    print(f"cleaned up {harmless(name)}")  # noqa: T201


# ---- keeping


def _adopt(session: Session, name: str) -> None:
    """Take a resource over; its variable is bound again if it was opened for ordinary cells."""
    lease = KEEPER.adopt(name)
    told = "the next scope of that name uses it"
    definition = type(lease.manager).__name__
    if identifier(name) == name != definition and session.namespace.get(name) is None:
        from resnb.notebook.commands.open_resources import bind_adopted

        bind_adopted(session, lease)
        told = f"{name} is bound to it"
    print(f"adopted {harmless(lease.name)}: {told}")  # noqa: T201


def _keep(name: str, duration: str) -> None:
    from resnb.view.option_words import short_duration

    limit = seconds(duration, "keep") or 0.0
    own = _named(name)
    if not own:
        commands = _commands()
        _left_behind(commands, name)
        commands.keep(name, limit)
        print(f"{harmless(name)}: kept for {short_duration(limit)} from now on")  # noqa: T201
        return
    from resnb.ledger.recipes.recipe import lives_in_kernel

    if any(lives_in_kernel(one.manager, one.resource) for one in own):
        raise LedgerError(f"resource {name!r} cannot be kept: it lives inside the kernel's process")
    for lease in own:
        KEEPER.keep(lease, limit)
    kept = f"kept for {short_duration(limit)} after this kernel's end"
    print(f"{harmless(name)}: {kept}{_ended_by(own)}")  # noqa: T201


def _ended_by(leases: Iterable[Lease]) -> str:
    """That the provider ends a resource all the same, which nobody can put off."""
    from resnb.view.option_words import short_duration

    limits = (
        seconds(getattr(one.manager, "self_destruct", None), "self_destruct") for one in leases
    )
    known = [one for one in limits if one is not None]
    return f"; its self_destruct of {short_duration(min(known))} ends it anyhow" if known else ""


# ---- the ledger


def _commands() -> "LedgerCommands":
    from resnb.ledger.admin.commands import LedgerCommands

    return LedgerCommands()


def _of_others() -> "list[ListedLease]":
    """The leases that other kernels own."""
    from resnb.ledger.owner import this_process

    me = this_process()
    return [one for one in _commands().leases() if one.record.owner._replace(lock=None) != me]


def _left_behind(commands: "LedgerCommands", name: str) -> "ListedLease":
    """The lease `name` of an ended kernel.

    Raises:
        RunError: its kernel may still be running.
    """
    one = commands.find_one(name)
    if one.state == states.DAMAGED:
        raise RunError(f"{one.name} is damaged: {one.remedy}")
    if one.kernel != "dead":
        raise RunError(
            f"{one.name} is held by another kernel ({_where(one)}): do that there, or in a "
            "terminal by the resnb command"
        )
    return one
