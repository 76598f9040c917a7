"""A sample of the crash benchmark: every end of a process once, and the same harness without a reaper.

The whole of it is `python -m benchmarks.crash`, run by `make test-all`.
"""

import pytest

from benchmarks.crash.plan import sample
from benchmarks.crash.process_ends import PROCESS_ENDS
from benchmarks.crash.rows import Spec
from benchmarks.crash.running import carry_out

KERNELS = 2
pytestmark = pytest.mark.timeout(600)  # the first test waits for the whole sample


@pytest.fixture(scope="module")
def rows():
    """The rows of the sample, whose trials run side by side: one for each end."""
    return {row.spec.end: row for row in carry_out(list(sample(seed=1)), kernels=KERNELS)}


@pytest.mark.parametrize("end", PROCESS_ENDS)
def test_nothing_is_left(rows, end):
    row = rows[end]
    assert not row.error, row
    assert not row.leaks, row
    assert not row.listed, row


def test_the_harness_sees_leaks():
    """Without the reaper, what a killed kernel has open is there for good."""
    specs = [Spec("SIGKILL", "idle", kind, reaper=False) for kind in ("folder", "popen")]
    rows = carry_out(specs, kernels=KERNELS)
    assert [row.error for row in rows] == ["", ""]
    assert all(row.leaks for row in rows), rows
