"""Clusters that are well are given the time that a busy machine takes."""

import dask
import pytest

from tests.dask.cases import a_case
from tests.run.parts import PATIENCE


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A run waits for its workers' last words: nothing is lost because they stood still."""
    monkeypatch.setattr("resnb.dask.messages.END", PATIENCE)


@pytest.fixture(autouse=True)
def patient_with_new_workers(monkeypatch):
    """Nobody gives up a cluster whose workers are being started, however long that takes."""
    monkeypatch.setattr("resnb.dask.cluster_loss.PATIENCE", PATIENCE)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"}):
        yield


@pytest.fixture
def case(monkeypatch):
    """A flow on the fake cluster."""
    with a_case(monkeypatch) as case:
        yield case


@pytest.fixture
def client(case):
    """The client of the fake cluster."""
    return case.client
