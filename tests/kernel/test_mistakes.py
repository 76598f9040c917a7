"""Mistakes that people make: the whole output, short, with the remedy, and without others' frames."""

import re

import pytest

from tests.kernel.mistakes import BEFORE, LONGEST, comparable, mistakes, whole

_FRAMES = re.compile(r"resnb/|IPython/|site-packages|contextlib|lib/python")


@pytest.fixture(scope="module")
def made(kernel):
    """A notebook that all mistakes are made in, since none of them changes it."""
    for number, source in enumerate(BEFORE):
        kernel.run(source, f"before {number}")
    return kernel


def test_there_are_forty_of_them():
    assert len({one.cell for one in mistakes()}) >= 40


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda one: one.cell.replace("\n", " ; "))
def test_a_mistake(made, mistake):
    output = whole(made.finish(made.send(mistake.cell, "m")))
    assert comparable(output) == mistake.output
    assert len(output.splitlines()) <= LONGEST
    assert not _FRAMES.search(output)
