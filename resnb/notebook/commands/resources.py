"""``%resources``: what is alive in this kernel or in every one, and what to do with it.

It prints the same on every run: neither ids nor times nor addresses. The ledger that kernels
share is opened only for what this kernel does not hold.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from resnb.durations import seconds
from resnb.errors import CleanupError, LedgerError, MagicError, RunError
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.notebook.closing import close, interrupts_put_off, reasons, wait_for_reaper
from resnb.notebook.lines.parsed import parse_resources_line
from resnb.run.lifecycle import active_run

if TYPE_CHECKING:
    from resnb.ledger.admin.commands import LedgerCommands, Listed

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_ITEM = re.compile(r"(?P<scope>.*)\[(?P<item>\d{1,9})\](-\d+)?", re.DOTALL)
_WHERE = {
    "alive": "{}",
    "dead": "{}, whose kernel has ended",
    "unknown": "{}, whose kernel cannot be seen from here",
}


def resources_command(line: str) -> None:
    """Carry out a ``%resources`` line."""
    parsed = parse_resources_line(line)
    if parsed.command == "cleanup":
        _clean_up(parsed.name)
    elif parsed.command == "keep":
        _keep(parsed.name or "", parsed.duration or "")
    elif parsed.command == "adopt":
        lease = KEEPER.adopt(parsed.name or "")
        print(f"adopted {lease.name}: the next scope of that name uses it")  # noqa: T201
    elif parsed.all_kernels:
        _list_all()
    else:
        _list_own()


def report(leases: Iterable[Lease], left: list[Lease]) -> None:
    """Say which of `leases` were closed.

    Raises:
        CleanupError: some are left.
    """
    chosen = list(leases)
    for lease in chosen:
        if lease not in left:
            whom = ", by the reaper" if lease.is_closed_by_reaper else ""
            print(f"cleaned up {lease.name}{whom}")  # noqa: T201
    if not chosen:
        print("nothing is open")  # noqa: T201
    if left:
        raise CleanupError(f"not cleaned up: {reasons(left)}")


# ---- listing


def _list_own() -> None:
    _print_table([(lease.name, lease.state, _said(lease)) for lease in _own()])


def _list_all() -> None:
    rows = [(one.name, one.state, "this kernel", _said(one)) for one in _own()]
    others = sorted(_of_others(), key=lambda one: (one.notebook, one.name))
    for one in others:
        where = _WHERE[one.kernel].format(one.notebook)
        rows.append((one.name, one.state, where, _stable(one.said)))
    _print_table(rows)


def _own() -> tuple[Lease, ...]:
    """This kernel's leases, none of them in the middle of what the reaper does.

    They stand in the order in which they were prepared, those of a mapped scope by item.
    """
    wait_for_reaper(KEEPER.alive())
    alive = KEEPER.alive()
    place: dict[str, int] = {}
    for number, lease in enumerate(alive):
        place.setdefault(_parted(lease)[0], number)

    def key(lease: Lease) -> tuple[int, int]:
        scope, item = _parted(lease)
        return place[scope], item

    return tuple(sorted(alive, key=key))


def _parted(lease: Lease) -> tuple[str, int]:
    """The name of the scope, and of a mapped one the item's number."""
    found = _ITEM.fullmatch(lease.name)
    return (lease.name, -1) if found is None else (found["scope"], int(found["item"]))


def _named(name: str | None) -> list[Lease]:
    """This kernel's leases of that name, all items of a mapped scope by its name; None for all."""
    return [one for one in _own() if name in (None, one.name, _parted(one)[0])]


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        print("no resources are open")  # noqa: T201
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())  # noqa: T201


def _said(lease: Lease) -> str:
    """Why it is as it is, and why only this kernel can clean it up if that is so."""
    marks = {
        states.OPENING: lease.protection.during_setup,
        states.OPEN: lease.protection.once_open,
    }
    fault = marks.get(lease.state)
    parts = [lease.reason, f"unprotected: {fault}" if fault else ""]
    return _stable("; ".join(filter(None, parts)))


def _stable(text: str) -> str:
    """`text` in one line, without addresses."""
    from resnb.ledger.admin.listing import plain

    return _ADDRESS.sub("", plain(text))


# ---- cleaning up


def _clean_up(name: str | None) -> None:
    alive, leases = _own(), _named(name)
    if name is not None and not leases:
        _clean_up_elsewhere(name, [lease.name for lease in alive])
        return
    inside = [one for one in alive if one not in leases and set(leases).intersection(one.around)]
    leases += inside  # what depends on a resource goes first
    used = [lease for lease in leases if lease.in_use]
    run = active_run()
    if run is not None:
        used += [lease for lease in run.scopes.leases.values() if lease in leases]
    if used:
        names = ", ".join(sorted({lease.name for lease in used}))
        raise RunError(f"{names}: in use by a run; cancel it first")
    with interrupts_put_off():
        report(leases, close(leases))


def _clean_up_elsewhere(name: str, known: list[str]) -> None:
    """Clean up what an ended kernel has left under `name`."""
    commands = _commands()
    found = [one for one in _of_others() if one.record.name == name]
    if not found:
        listing = ", ".join(known) or "none is open"
        raise MagicError(f"%resources cleanup: there is no resource {name!r} ({listing})")
    one = commands.find_one(name)
    if one.kernel != "dead":
        _refuse_foreign(one)
    left = commands.clean_up([one], one.record.cleanup_timeout)
    if left:
        why = "; ".join(f"{other.name}: {_stable(other.said) or other.state}" for other in left)
        raise CleanupError(f"not cleaned up: {why}")
    print(f"cleaned up {name}")  # noqa: T201


def _refuse_foreign(one: "Listed") -> NoReturn:
    where = _WHERE[one.kernel].format(one.notebook)
    raise RunError(
        f"{one.name} is held by another kernel ({where}): do that there, or in a terminal by "
        "the resnb command"
    )


# ---- keeping


def _keep(name: str, duration: str) -> None:
    limit = seconds(duration, "keep") or 0.0
    own = _named(name)
    if not own:
        commands = _commands()
        one = commands.find_one(name)
        if one.kernel != "dead":
            _refuse_foreign(one)
        commands.keep(name, limit)
        print(f"{name}: kept for {duration} from now on")  # noqa: T201
        return
    from resnb.ledger.recipes.recipe import lives_in_kernel

    if any(lives_in_kernel(one.manager, one.resource) for one in own):
        raise LedgerError(f"resource {name!r} cannot be kept: it lives inside the kernel's process")
    for lease in own:
        KEEPER.keep(lease, limit)
    print(f"{name}: kept for {duration} after this kernel's end")  # noqa: T201


# ---- the ledger


def _commands() -> "LedgerCommands":
    from resnb.ledger.admin.commands import LedgerCommands

    return LedgerCommands()


def _of_others() -> "list[Listed]":
    """The leases of which this kernel is not the owner."""
    from resnb.ledger.owner import this_process

    me = this_process()
    return [one for one in _commands().leases() if one.record.owner != me]


__all__ = ["report", "resources_command"]
