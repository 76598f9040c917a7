"""The shared ledger of a trial: a PostgreSQL of its own, with two accounts."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from resnb.ledger.store.postgresql import PostgresServer
from resnb.ledger.store.store import Store

from .engine import script

KERNELS, WARDEN = "kernels", "warden"
"""The accounts of a trial's kernels and of its warden."""
_URL: Final = "ledger-url"
"""The file in a trial's folder that names its database, if it has one."""


def url_of(folder: Path, account: str = KERNELS) -> str:
    """The database of a trial; empty if its ledger is a folder."""
    file = folder / _URL
    return file.read_text(encoding="ascii").format(account) if file.exists() else ""


def store_of(folder: Path) -> Store:
    """The ledger of a trial, as its kernels see it."""
    url, home = url_of(folder), folder / "home"
    return Store(home, PostgresServer(url)) if url else Store(home)


class SharedLedger:
    """Runs the server of a trial.

    Args:
        folder: the trial's folder.
    """

    def __init__(self, folder: Path) -> None:
        import psycopg

        self._data = tempfile.mkdtemp(prefix="resnb-pg-")
        self._script = script("postgres")
        done = subprocess.run(
            [self._script, "start", self._data], capture_output=True, text=True, check=True
        )
        url = done.stdout.strip()
        with psycopg.connect(url, autocommit=True) as db:
            for account in (KERNELS, WARDEN, "resnb_warden"):
                db.execute(f"create role {account} login")
            db.execute(f"grant resnb_warden to {WARDEN}")
        PostgresServer(url).mark()  # makes the tables
        (folder / _URL).write_text(url.replace("postgres@", "{}@"), encoding="ascii")

    def stop(self) -> None:
        """Stop it, and remove its data."""
        subprocess.run([self._script, "stop", self._data], capture_output=True, check=False)
        shutil.rmtree(self._data, ignore_errors=True)
