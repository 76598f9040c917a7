"""Lines on stderr hide nothing where nobody can read them."""

import io
import sys

import pytest

from resnb import Flow, resource_manager, task
from resnb.ledger.kernel.keeper import KEEPER


class Broken(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _):
        raise BrokenPipeError


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@resource_manager
class Thing:
    fails = True

    def setup(self): ...

    def cleanup(self, resource):
        if self.fails:
            self.fails = False
            raise ValueError("the clean-up")


@pytest.mark.parametrize("stream", [Broken, closed])
def test_a_run_ends_with_its_state(monkeypatch, stream):
    @task
    def fail():
        raise ValueError

    with Flow("f") as flow:
        fail()
    monkeypatch.setattr(sys, "stderr", stream())
    assert flow.run().is_failed()


@pytest.mark.parametrize("stream", [Broken, closed])
def test_a_block_ends_with_its_own_error(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    with pytest.raises(KeyError, match="its own"), Thing():
        raise KeyError("its own")
    (lease,) = KEEPER.alive()
    assert lease.reason == "ValueError: the clean-up"
    assert KEEPER.close([lease]) == []
