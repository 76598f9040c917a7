"""The two kinds of store, for the tests that hold for both."""

import os

import pytest

from resnb.ledger.store.home import LEDGER_VARIABLE
from resnb.ledger.store.store import Store
from tests.ledger.store.postgres import Server


@pytest.fixture(scope="session")
def running_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def server(running_server):
    """A PostgreSQL without leases."""
    running_server.empty()
    return running_server


@pytest.fixture
def mortal(server):
    """The same, which the test may kill."""
    yield server
    server.start()


class SqliteLedger:
    """A ledger in a folder."""

    def __init__(self, home):
        self.home = home

    def store(self, **options):
        return Store(self.home, **options)

    def variables(self):
        return dict(os.environ)


class PostgresLedger:
    """A shared ledger."""

    def __init__(self, home, server):
        self.home = home
        self.server = server

    def store(self, **options):
        return self.server.store(self.home, **options)

    def variables(self):
        return {**os.environ, LEDGER_VARIABLE: self.server.url_of("alice")}


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    """A ledger of either kind; its `store` is another one with each call."""
    home = tmp_path / "ledger"
    if request.param == "sqlite":
        return SqliteLedger(home)
    return PostgresLedger(home, request.getfixturevalue("server"))
