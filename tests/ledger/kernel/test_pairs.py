"""Kernel and reaper are killed between any two steps of a lease: all pairs, in both orders.

Truth is counted outside of resnb: whether the machine is there, and what its clean-ups have said.
"""

import os
import subprocess
import sys
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.store.home import LEDGER_VARIABLE
from tests.ledger.kernel.kernel_stub import STEPS
from tests.ledger.things import PATIENCE, alive, said, settle, to_line, until

ROOT = Path(__file__).parents[3]
REAPER_STEPS = (
    "before its claim",
    "after the claim",
    "after the start",
    "before the order",
    "in the middle",
    "in the middle, its process",
    "in the middle, both",
    "after the clean-up",
    "after the close",
)
CUT_SHORT = ("in the middle, its process", "in the middle, both")


SHARED = pytest.param("shared", marks=pytest.mark.long)


@pytest.fixture(scope="module")
def kernels():
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.kernel.kernel_stub"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.stdin.close()


@pytest.fixture(params=["folder", SHARED])
def world(request, kernels, ledger_home, tmp_path):
    """A ledger of either kind, and machines."""
    if request.param == "shared":
        request.getfixturevalue("shared_ledger")
    return World(kernels, ledger_home, tmp_path / "machines")


class World:
    def __init__(self, kernels, home, root):
        root.mkdir()
        self.kernels, self.home, self.root = kernels, home, root

    def run(self, *, env=None, **how):
        """A kernel; gives its exit code."""
        env = {LEDGER_VARIABLE: os.environ.get(LEDGER_VARIABLE, ""), **(env or {})}
        line = to_line(root=str(self.root), home=str(self.home), env=env, **how)
        self.kernels.stdin.write(line)
        self.kernels.stdin.flush()
        return int(self.kernels.stdout.readline())

    def sweep(self):
        assert LedgerCommands(self.home).sweep(PATIENCE) == []
        settle(self.home)

    def check(self, *, ends=1, begins=1, records=1):
        """Nothing is there, the ledger says so, and the clean-up was done as often as it may."""
        until(lambda: not alive(self.root))  # what was killed is gone a moment later
        commands = LedgerCommands(self.home)
        assert commands.leases() == []
        assert len(commands.leases(closed=True)) == records
        words = said(self.root)
        assert "overlap" not in words
        assert words.count("end") <= ends
        assert words.count("begin") <= begins


def made(step):
    """How often the clean-up may end, for a kernel that dies at `step`: it may not know that."""
    return 2 if step == "after its own clean-up" else 1


def is_reached(kernel, reaper):
    """Whether the reaper comes to that step after a kernel that has died at its own."""
    if kernel in ("before the record", "after the end"):
        return False
    return kernel not in ("after the record", "before set-up") or "middle" not in reaper


def is_by_chance(kernel, reaper):
    """Whether that depends on what the reaper read last: it is refused to claim what has ended."""
    return kernel == "after the end" and reaper in ("before its claim", "after the claim")


@pytest.mark.parametrize("world", ["folder", "shared"], indirect=True)
@pytest.mark.parametrize("step", STEPS)
def test_the_kernel_dies(world, step):
    assert world.run(dies=step) == -9
    settle(world.home)
    world.check(ends=made(step), begins=made(step), records=step != "before the record")


@pytest.mark.sample(16)
@pytest.mark.parametrize("reaper", REAPER_STEPS)
@pytest.mark.parametrize("kernel", STEPS)
def test_the_kernel_dies_and_then_its_reaper(world, kernel, reaper):
    env = {"RESNB_TEST_DIES": reaper}
    assert world.run(dies=kernel, env=env) == -9
    settle(world.home)
    if not is_by_chance(kernel, reaper):
        assert Path(world.root, "died").exists() == is_reached(kernel, reaper)
    world.sweep()
    ends = made(kernel)
    world.check(
        ends=ends, begins=ends + (reaper in CUT_SHORT), records=kernel != "before the record"
    )


@pytest.mark.sample(10)
@pytest.mark.parametrize(("reaper", "kernel"), [*combinations_with_replacement(STEPS, 2)])
def test_the_reaper_dies_and_then_the_kernel(world, kernel, reaper):
    """Another reaper is there by then, unless nothing was."""
    assert world.run(dies=kernel, reaper_dies=reaper, waits=True) == -9
    settle(world.home)
    if kernel == "after the record" and reaper in ("before the record", "after the record"):
        world.sweep()  # it did not live to see that there was none for what it had just recorded
    world.check(ends=made(kernel), begins=made(kernel), records=kernel != "before the record")


@pytest.mark.parametrize("step", STEPS)
def test_both_die_at_once(world, step):
    assert world.run(dies=step, reaper_dies=step) == -9
    settle(world.home)
    world.sweep()
    world.check(ends=made(step), begins=made(step), records=step != "before the record")


@pytest.mark.parametrize("reaper", REAPER_STEPS)
def test_the_reaper_dies_with_what_a_living_kernel_has_handed_over(world, reaper):
    """The kernel starts another, and sees the lease closed."""
    assert world.run(fails=True, env={"RESNB_TEST_DIES": reaper}) == 0
    settle(world.home)
    world.check(begins=1 + (reaper in CUT_SHORT))
