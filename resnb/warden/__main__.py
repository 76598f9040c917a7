"""``resnb warden``: a service, or with ``--once`` a job for cron."""

import sys
import time
from pathlib import Path

import click

from resnb.errors import ResnbError
from resnb.ledger.admin.listing import plain
from resnb.ledger.store.choice import shared_database
from resnb.ledger.store.home import LEDGER_VARIABLE, ledger_home
from resnb.warden import hub
from resnb.warden.leases import OrphanedLeases
from resnb.warden.service import Bell, ended_by_signals, watch, watch_homes


@click.command("warden", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="Look once, clean up, and end: for cron.")
@click.option("--own", is_flag=True, help="Run the recipes of this user, too.")
@click.option(
    "--homes",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Watch the ledgers in the homes below this folder instead.",
)
def main(*, once: bool, own: bool, homes: Path | None) -> None:
    """Clean up what has lost its owner, in a ledger that many machines share.

    RESNB_LEDGER names the ledger. Of other users' resources, those of registered kinds are cleaned
    up; their code is never run. What has to be left alone is listed.
    """
    bell = Bell()
    try:
        with ended_by_signals(bell):
            if homes is not None:
                watch_homes(homes, bell, _say, once=once, runs_own=own)
                return
            database = shared_database()
            if database is None:
                raise click.UsageError(f"set {LEDGER_VARIABLE}, or give --homes DIR")
            leases = OrphanedLeases(ledger_home(), database, _say, runs_own=own)
            with hub.service(leases, bell, _say):
                watch(leases, bell, once=once)
            _say("ended")
    except ResnbError as error:
        raise click.ClickException(plain(str(error))) from None


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {plain(line)}")
    sys.stdout.flush()


if __name__ == "__main__":
    main(prog_name="resnb warden")
