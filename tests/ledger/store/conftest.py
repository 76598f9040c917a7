"""The two kinds of store, for the tests that hold for both."""

import os

import pytest

from resnb.ledger.store.home import LEDGER_VARIABLE
from resnb.ledger.store.store import Store


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
