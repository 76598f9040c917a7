"""What a context manager is told of the block that its end cleans up after."""

import asyncio
import sqlite3
from contextlib import contextmanager, suppress

import pytest

from resnb import Flow, resource, task


class Transaction:
    """Notes what its ``__exit__`` is told, and raises that again, as some do."""

    def __init__(self, told):
        self.told = told

    def __enter__(self):
        return self

    def __exit__(self, kind, error, tb):
        self.told.append((kind, error, tb is not None))
        if error is not None:
            raise error


class AsyncTransaction:
    """The same for ``async with``."""

    def __init__(self, told):
        self.told = told

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, tb):
        Transaction(self.told).__exit__(kind, error, tb)


def test_it_is_told_what_has_ended_the_block(capsys):
    error, told = ValueError("no"), []
    with pytest.raises(ValueError, match="no") as caught, resource(Transaction)(told):
        raise error
    assert caught.value is error
    with resource(Transaction)(told):
        pass
    assert told == [(ValueError, error, True), (None, None, False)]
    assert not capsys.readouterr().err


def test_an_async_one_is_told_too(capsys):
    error, told = ValueError("no"), []

    async def block():
        async with resource(AsyncTransaction)(told):
            raise error

    with pytest.raises(ValueError, match="no"):
        asyncio.run(block())
    assert told == [(ValueError, error, True)]
    assert not capsys.readouterr().err


def test_in_a_flow_it_ends_normally_whatever_becomes_of_the_tasks():
    told = []

    @task
    def fail(_):
        raise ValueError

    with Flow("f") as flow, resource(Transaction)(told) as one:
        fail(one)
    assert flow.run(quiet=True).is_failed()
    assert told == [(None, None, False)]


def test_a_database_keeps_nothing_of_a_block_that_failed(tmp_path):
    path = tmp_path / "data.db"
    with resource(sqlite3.connect)(path) as connection:
        connection.execute("create table t (n)")
        connection.execute("insert into t values (1)")
    with suppress(ZeroDivisionError), resource(sqlite3.connect)(path) as connection:
        connection.execute("insert into t values (2)")
        _ = 1 / 0
    with resource(sqlite3.connect)(path) as connection:
        assert connection.execute("select * from t").fetchall() == [(1,)]


def test_what_follows_a_yield_runs_however_the_block_ends():
    notes = []

    def plain():
        yield 1
        notes.append("cleaned up")

    managed = contextmanager(plain)
    for made in (resource(plain), resource(managed), lambda: resource(managed())):
        with pytest.raises(ZeroDivisionError), made():
            _ = 1 / 0
    assert notes == ["cleaned up"] * 3
