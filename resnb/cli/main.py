"""The commands: each reads its options, calls `LedgerCommands`, prints, and exits with a code.

Exit codes: 0 as asked, 1 something is left that should not be (or the ledger cannot be used),
2 bad usage.
"""

import errno
import json
import os
import sys
import time
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import click

import resnb
from resnb.cli.text import exactly, fleet_table, outcome, table
from resnb.durations import seconds
from resnb.errors import OptionError, ResnbError
from resnb.ledger import states
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.admin.fleet import fleet
from resnb.ledger.admin.listing import ListedLease, plain
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN
from resnb.ledger.store.recovery import set_aside
from resnb.migrate.command import migrate

_LEFT: Final = 1
_UNWRITABLE: Final = (errno.ENOSPC, errno.EIO, errno.EBADF)
_NOT_STARTED: Final = 127


class _BadUsage(click.ClickException):
    """A mistake in the command, in one line."""

    exit_code = 2


class _Commands(click.Group):
    """Prints resnb's errors without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out a command."""
        try:
            return super().invoke(ctx)
        except OptionError as error:
            raise _BadUsage(plain(str(error))) from None
        except ResnbError as error:
            raise click.ClickException(plain(str(error))) from None
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            raise click.ClickException(f"the output cannot be written: {error.strerror}") from None


def _in_seconds(_: click.Context, param: click.Parameter, value: str) -> float | None:
    return seconds(value, param.opts[-1])


_duration = click.argument("duration", callback=_in_seconds, default="30m")
_as_json = click.option("--json", "as_json", is_flag=True, help="For programs; the form is stable.")
_timeout = click.option(
    "--timeout",
    callback=_in_seconds,
    metavar="DURATION",
    default="60s",
    show_default=True,
    help="How long to wait at most.",
)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(resnb.__version__, package_name="resnb")
def main() -> None:
    """Temporary resources of notebooks: what is alive, and what to do with it.

    Exit codes: 0 as asked, 1 something is left that should not be, 2 bad usage.
    """


@main.command("ls")
@click.option("--all", "closed", is_flag=True, help="Closed ones, too; when, and how long.")
@click.option("--fleet", "of_all", is_flag=True, help="Of all users, in a shared ledger.")
@_as_json
def list_leases(*, closed: bool, of_all: bool, as_json: bool) -> None:
    """List what is alive, in every kernel."""
    if of_all and closed:
        raise OptionError("--all does not go with --fleet, which lists what is alive only")
    if of_all:
        _list_fleet(as_json=as_json)
        return
    commands = LedgerCommands()
    found = commands.leases(closed=closed)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        click.echo(table(found, time.time(), history=closed) or "no resources are alive")
    _tell_of_damage(commands)


def _list_fleet(*, as_json: bool) -> None:
    store = LedgerCommands().store
    if not store.is_renewed:
        raise OptionError("--fleet lists a shared ledger: set RESNB_LEDGER to its URL")
    found = fleet(store)
    if as_json:
        click.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        click.echo(fleet_table(found, time.time()) or "no resources are alive")


@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def warden(*, options: tuple[str, ...]) -> None:
    """Clean up what has lost its owner in a shared ledger, or in many homes; a service."""
    os.execv(sys.executable, [sys.executable, "-m", "resnb.warden", *options])  # noqa: S606 - no shell


@main.command()
@click.argument("names", nargs=-1, metavar="NAME|ID...")
@click.option("--orphans", is_flag=True, help="What kernels left that have ended.")
@click.option("--all", "everything", is_flag=True, help="That, and what living kernels hold.")
@_timeout
def cleanup(
    *, names: tuple[str, ...], orphans: bool, everything: bool, timeout: float | None
) -> None:
    """Clean up resources, whoever holds them."""
    commands = LedgerCommands()
    if bool(names) + orphans + everything != 1:
        raise OptionError("say what to clean up: NAME|ID..., --orphans or --all")
    chosen, unseen = [commands.find_one(name) for name in names], _unseen(commands)
    if orphans:
        chosen = [one for one in commands.leases() if one.is_orphan]
    elif everything:
        chosen = [one for one in commands.leases() if one.kernel != UNKNOWN]
    chosen = commands.with_dependants(chosen)
    if timeout and any(one.kernel == ALIVE for one in chosen):
        click.echo(f"waiting up to {exactly(timeout)} for the kernel to end what uses it", err=True)
    left = commands.clean_up(chosen, timeout)
    if not names:
        _tell_of_damage(commands)
    _report_and_exit(chosen, left if names else [*left, *unseen], "there is nothing to clean up")


@main.command()
@click.argument("name", metavar="NAME|ID")
def forget(*, name: str) -> None:
    """Close the record of a resource that you have removed by hand."""
    click.echo(f"{LedgerCommands().forget(name).name}: forgotten")


@main.command()
@click.argument("name", metavar="NAME|ID")
@_duration
def keep(*, name: str, duration: float) -> None:
    """Let a resource survive its kernel for DURATION (30m if not given)."""
    one = LedgerCommands().keep(name, duration)
    since = "from now on" if one.kernel == DEAD else "after its kernel's end"
    click.echo(f"{one.name}: kept for {exactly(duration)} {since}")


@main.command()
@click.argument("name", metavar="NAME|ID")
@_duration
def adopt(*, name: str, duration: float) -> None:
    """Take over a resource whose kernel is gone, or cannot be seen from this machine.

    It is kept for DURATION (30m if not given), and then cleaned up here.
    """
    one = LedgerCommands().adopt(name, duration)
    click.echo(
        f"{one.name}: kept for {exactly(duration)}; in a notebook: %resources adopt {one.name}"
    )


@main.command()
@click.argument("name", metavar="NAME|ID")
def log(*, name: str) -> None:
    """Show what the clean-ups of a resource wrote, of a closed one, too."""
    click.echo(plain(LedgerCommands().log(name), keep="\n\t"), nl=False)


@main.command()
@_timeout
@click.option("--session", metavar="ID", help="Only what this test session opened.")
def wait(*, timeout: float | None, session: str | None) -> None:
    """Wait until what ended kernels left is cleaned up; for the end of a CI job."""
    commands = LedgerCommands()
    left = commands.wait(timeout, session)
    unseen = [one for one in _unseen(commands) if session in (None, one.record.session)]
    _tell_of_damage(commands)
    records = [one.record for one in commands.leases() if session in (None, one.record.session)]
    kept = ", ".join(plain(one.name) for one in records if one.state == states.KEPT)
    nothing = "nothing is left behind"
    _report_and_exit([], [*left, *unseen], f"{nothing}; kept: {kept}" if kept else nothing)


@main.command(context_settings={"allow_interspersed_args": False})
@_timeout
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(*, timeout: float | None, command: tuple[str, ...]) -> None:
    """Run COMMAND, and end after what its kernels left is cleaned up; an entry point for images.

    Signals are passed on, and zombies reaped. The exit code is that of COMMAND, or 1 if it is 0 and
    something is left.
    """
    from resnb.cli.entry_point import EntryPoint

    if not command[0]:
        raise OptionError("say which command to run: its name is empty")
    try:
        code, left, unread = EntryPoint(timeout, LedgerCommands()).run(command)
    except OSError as error:
        click.echo(f"resnb run: {command[0]}: {error.strerror}", err=True)
        raise SystemExit(_NOT_STARTED) from None
    for one in left:
        click.echo(outcome(one), err=True)
    if unread:
        click.echo(f"resnb run: {plain(unread)}", err=True)
    raise SystemExit(code or (_LEFT if left or unread else 0))


@main.command()
def sweep() -> None:
    """Clean up what ended kernels left; after a reboot, or from cron."""
    commands = LedgerCommands()
    found = [one for one in commands.leases() if one.is_orphan]
    left = commands.sweep()
    _tell_of_damage(commands)
    _report_and_exit(found, [*left, *_unseen(commands)], "nothing was left behind")


@main.command()
def doctor() -> None:
    """Check whether this machine can keep the promise."""
    from resnb.cli.doctor import findings

    bad = False
    for one in findings():
        click.echo(f"{one.mark:<4} {one.what}: {plain(one.text)}")
        bad = bad or one.is_bad
    raise SystemExit(_LEFT if bad else 0)


main.add_command(migrate)


def _unseen(commands: LedgerCommands) -> list[ListedLease]:
    """The leases of kernels that nobody can tell to be alive or dead from here."""
    return [one for one in commands.leases() if one.kernel == UNKNOWN]


def _tell_of_damage(commands: LedgerCommands) -> None:
    """Name what may have listed more than could be read of it, as long as it is there."""
    for name in set_aside(commands.home):
        click.echo(
            f"{plain(str(commands.home / name))}: a damaged ledger; what could not be read of it "
            "may be left: look for that, and remove the file",
            err=True,
        )


def _report_and_exit(
    chosen: Iterable[ListedLease], left: Iterable[ListedLease], nothing: str
) -> NoReturn:
    remaining = {one.record.id: one for one in left}
    lines = [f"{one.name}: cleaned up" for one in chosen if one.record.id not in remaining] + [
        outcome(one) for one in remaining.values()
    ]
    for line in lines or [nothing]:
        click.echo(line)
    raise SystemExit(_LEFT if remaining else 0)


if __name__ == "__main__":
    main()
