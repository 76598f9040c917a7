"""`%flow cache`, as people and as saved notebooks read it."""

import pytest

from resnb.notebook.commands.kept_values import clear_values, list_values
from resnb.run.caching.store import ValueStore


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESNB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_saved_notebook_has_neither_ages_nor_folders(cache, capsys):
    ValueStore().save("ab1", 1, "etl", "load", "")
    list_values(is_read=False)
    size = (cache / "ab" / "ab1").stat().st_size
    assert capsys.readouterr().out == f"etl/load  {size} B\n1 value, {size} B\n"


def test_people_read_how_old_values_are_and_where_they_lie(cache, capsys):
    ValueStore().save("ab1", 1, "etl", "load", "")
    ValueStore().save("ab2", "a" * 2000, "etl", "summarize", "")
    list_values(is_read=True)
    load, summarize, last = capsys.readouterr().out.splitlines()
    assert load.startswith("etl/load       ")
    assert load.endswith("s old")
    assert "2.1 kB" in summarize
    assert last.startswith("2 values, ")
    assert last.endswith(f" in {cache}")


def test_without_values_it_says_how_to_keep_some(capsys):
    list_values(is_read=False)
    clear_values(None)
    assert capsys.readouterr().out == (
        "no values are kept: give a task cache_for='7d', or a cell --cache 7d\n0 values removed\n"
    )
