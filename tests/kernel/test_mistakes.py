"""Mistakes that people make: the whole output, short, with the remedy, and without others' frames."""

import os
import re

import pytest

from tests.conftest import end_reapers
from tests.kernel.client import Kernel
from tests.kernel.conftest import BEGIN
from tests.kernel.mistakes import BEFORE, LONGEST, comparable, mistakes, whole

_FRAMES = re.compile(r"resnb/|IPython/|site-packages|contextlib|lib/python")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A notebook that all mistakes are made in, since none of them changes it.

    It has a ledger of its own, in which other tests leave nothing that a message could list.
    """
    home = tmp_path_factory.mktemp("ledger")
    folder = tmp_path_factory.mktemp("kernel")
    kernel = Kernel(folder, BEGIN, env={**os.environ, "RESNB_HOME": str(home)})
    for number, source in enumerate(BEFORE):
        kernel.run(source, f"before {number}")
    yield kernel
    kernel.close()
    end_reapers(home)


def test_there_are_forty_of_them():
    assert len({one.cell for one in mistakes()}) >= 40


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda one: one.cell.replace("\n", " ; "))
def test_a_mistake(made, mistake):
    output = whole(made.finish(made.send(mistake.cell, "m")))
    assert comparable(output) == mistake.output
    assert len(output.splitlines()) <= LONGEST
    assert not _FRAMES.search(output)
