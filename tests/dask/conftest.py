"""Clusters that are well are given the time that a busy machine takes."""

import pytest

from tests.run.parts import PATIENCE


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A run waits for its workers' last words: nothing is lost because they stood still."""
    monkeypatch.setattr("resnb.dask.messages.END", PATIENCE)
