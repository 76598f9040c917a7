"""A cache of its own for each test."""

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RESNB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
