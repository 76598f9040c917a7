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


def test_a_handle_is_no_value_of_a_parameter(tmp_path):
    """In a kernel of its own: once the flow has run, the handle has a value."""
    kernel = Kernel(tmp_path, BEGIN, env={**os.environ, "RESNB_HOME": str(tmp_path / "ledger")})
    try:
        for number, source in enumerate(BEFORE):
            kernel.run(source, f"before {number}")
        fault = (
            "flow 'sales', parameter 'n': n is a handle (parameter 'n' of flow 'sales'), not a "
            "value; n.value is its value after a run; pass a value, or leave n out for its default"
        )
        for cell in "%flow run sales n=n", "sales.run(n=n)", "await sales.run_async(n=n)":
            shown = kernel.fail(cell)
            assert (shown.error, shown.message) == ("ArgumentError", fault)
            assert len(whole(shown).splitlines()) <= LONGEST
            assert not _FRAMES.search(whole(shown))
        kernel.run("%flow run sales n=3")
        assert "n.value is its value;" in kernel.fail("%flow run sales n=n").message
    finally:
        kernel.close()
        end_reapers(tmp_path / "ledger")
