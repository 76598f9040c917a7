"""What resnb does around cells fails: one line says so, the cell and the other hooks run on."""

import pytest

from tests.kernel.conftest import with_ids

pytestmark = with_ids

BREAK = """
from resnb.notebook import after_cells, kernel_hooks, left_behind
session = get_ipython()._resnb_session
def broken(*args):
    raise ZeroDivisionError("division by zero\\nand more")
"""
LINE = "failed: ZeroDivisionError: division by zero"
HOOKS = {
    "session.bring_values": f"resnb: fetching the values of steps that this cell reads {LINE}\n",
    "session.cell_began": f"resnb: looking for deleted cells {LINE}\n",
    "session.ran.add": f"resnb: noting that this cell has run {LINE}\n",
    "session.cells": f"resnb: looking after flows {LINE}\n",
    "kernel_hooks.KEEPER.cell_ended": f"resnb: looking after what is open {LINE}\n",
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_fails_is_told_by_a_line(cells, name):
    cells.run(BREAK)
    whole = cells.run(f"kept, {name} = {name}, broken")
    try:
        for _ in range(2):  # it is not switched off
            shown = cells.run("x = 1; x")
            assert shown.texts == "1"
            assert shown.stderr == HOOKS[name]
            assert shown.stdout == whole.stdout == ""
    finally:
        cells.run(f"{name} = kept")
    assert cells.run("x").stderr == ""


def test_a_flow_that_cannot_be_looked_after_does_not_hold_up_others(cells):
    cells.run("factor = 2")
    cells.run("%%flow first --step\na = factor", "a")
    cells.run("%%flow second --step\nb = factor", "b")
    cells.run("%flow auto first")
    cells.run("%flow auto second")
    cells.run(f"{BREAK}\nkept = session.freshness")
    cells.run("session.freshness = lambda flow: broken() if flow.name == 'first' else kept(flow)")
    shown = cells.run("factor = 3")
    assert f"resnb: %flow auto first {LINE}\n" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert shown.stdout == "flow 'second': ran b\n"
    assert cells.run("del session.freshness").stdout == "flow 'first': ran a\n"
    assert cells.value("(a, b)") == (3, 3)


def test_an_interrupt_in_a_hook_is_told_by_a_line(cells):
    cells.run(f"{BREAK}\nkept = session.bring_values")
    cells.run(
        "def interrupted(*args):\n    raise KeyboardInterrupt\nsession.bring_values = interrupted"
    )
    line = "resnb: fetching the values of steps that this cell reads was interrupted\n"
    assert cells.run("x = 1").stderr == line
    cells.run("session.bring_values = kept")


def test_a_flow_is_shown_although_its_view_fails(cells):
    cells.run("%%flow etl --step\na = 1", "a")
    cells.run(f"{BREAK}\nkept = session.mark_stale\nsession.mark_stale = broken")
    shown = cells.run("etl")
    assert shown.stderr == 2 * f"resnb: looking for what is stale in flow 'etl' {LINE}\n"
    assert "etl" in shown.texts
    cells.run("session.mark_stale = kept")


def test_a_user_s_object_that_cannot_be_compared_is_told_by_a_line(cells):
    cells.run("""
class Odd:
    def __reduce__(self):
        raise RuntimeError("no")
    def __eq__(self, other):
        raise RuntimeError("no")
    __hash__ = None
odd = Odd()
""")
    cells.run("%%flow etl --step\na = odd is None", "a")
    shown = cells.run("%flow auto etl")
    assert "Traceback" not in shown.stdout + shown.stderr
    shown = cells.run("odd = Odd()")
    assert "Traceback" not in shown.stdout + shown.stderr
