"""What is wrong with the URL of a shared ledger is told without any part of it."""

import pytest

from resnb.errors import LedgerError
from resnb.ledger.store.choice import open_store

URLS = [
    "postgresql://me:hidden@[::1",
    "postgresql://me:hid/den@host/x",
    "postgresql://me:hidden@host/x?odd=1",
    "postgresql://me:hidden%zz@host/x",
    "mysql://me:hidden@host/x",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_is_none(tmp_path, monkeypatch, url):
    monkeypatch.setenv("RESNB_LEDGER", url)
    with pytest.raises(LedgerError, match=r"give postgresql://user@host/database") as caught:
        open_store(tmp_path).alive()
    assert "hid" not in str(caught.value)
    assert "den" not in str(caught.value)


@pytest.mark.parametrize("url", URLS[:-1])
def test_where_it_would_be_is_not_told_either(tmp_path, monkeypatch, url):
    monkeypatch.setenv("RESNB_LEDGER", url)
    with pytest.raises(LedgerError, match="RESNB_LEDGER is no URL of a database: give"):
        _ = open_store(tmp_path).place
