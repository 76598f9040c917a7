"""A real PostgreSQL for tests, started by the script of the shared engines."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from resnb.ledger.store.postgres_schema import WARDEN
from resnb.ledger.store.postgresql import PostgresServer
from resnb.ledger.store.store import Store

ENGINE = "RESNB_TEST_POSTGRES"
"""Names the script, if it is not in ``shared/engines`` beside or above the repository."""
ACCOUNTS = ("alice", "bob", "warden")


class Server:
    """A server in a folder of its own, with some accounts.

    Args:
        folder: the folder.
    """

    def __init__(self, folder):
        self.folder = folder
        self.url = self.run("start")
        with self.admin() as db:
            for account in (*ACCOUNTS, WARDEN):
                db.execute(f"create role {account} login")
            db.execute(f"grant {WARDEN} to warden")
        self.database().mark()  # makes the tables

    def run(self, verb):
        done = subprocess.run(
            [script(), verb, self.folder], capture_output=True, text=True, timeout=150, check=False
        )
        if done.returncode:
            pytest.fail(f"{script()} {verb}: {done.stderr}")
        return done.stdout.strip()

    def kill(self):
        """As a crash would: kill -9; gives its sessions the moment in which they notice."""
        first = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        sessions = psutil.Process(int(first)).children()
        self.run("kill")
        psutil.wait_procs(sessions, 60)

    def start(self):
        assert self.run("start") == self.url

    def stop(self):
        self.run("stop")

    @contextmanager
    def admin(self):
        """A superuser's connection, to whom no row-level security applies."""
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute("set search_path = resnb, public")
            yield db

    def url_of(self, account):
        return self.url.replace("postgres@", f"{account}@")

    def database(self, account="postgres", **options):
        return PostgresServer(self.url_of(account), **options)

    def store(self, home, account="alice", **options):
        return Store(home, self.database(account, **options))

    def empty(self):
        with self.admin() as db:
            db.execute("truncate leases, owners")


def script():
    """The script, which has to be there."""
    places = [one / "shared" / "engines" / "postgres" for one in Path(__file__).parents]
    named = os.environ.get(ENGINE)
    found = Path(named) if named else next(filter(Path.exists, places), None)
    if found is None:
        pytest.fail(f"no PostgreSQL can be started: set {ENGINE} to a script that starts one")
    return found
