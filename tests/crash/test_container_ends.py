"""A sample of the ends of whole containers: one that is stopped, and one that is killed.

The whole of it is `python -m benchmarks.crash --ends containers`, run by `make test-all`.
"""

from dataclasses import replace

import pytest

from benchmarks.crash.containers import box
from benchmarks.crash.ends import ENDS
from benchmarks.crash.engine import NoEngineError
from benchmarks.crash.rows import Spec
from benchmarks.crash.running import carry_out

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", autouse=True)
def containers():
    try:
        box.check()
    except NoEngineError as error:
        pytest.fail(f"NO CONTAINERS HERE: {error}")


def row_of(end, moment, *, reaper=True):
    (row,) = carry_out([Spec(end, moment, "outside", reaper=reaper)], kernels=1)
    assert not row.error, row
    return row


def test_a_container_that_is_stopped_waits_for_its_clean_up(monkeypatch):
    """The server, its first process, used to leave after 3 s; here all have time for a slow machine."""
    name = "container stopped: 6 s"
    patient = replace(ENDS[name], settings=("--ResnbServer.stop_wait=60",))
    monkeypatch.setitem(ENDS, name, patient)
    monkeypatch.setattr("benchmarks.crash.containers.ends.STOP_WITHIN", 60)
    row = row_of(name, "idle")
    assert not row.leaks, row
    assert not row.listed, row


def test_the_harness_sees_what_a_container_leaves():
    """Without whoever comes next, what was outside a killed container is there for good."""
    row = row_of("pod evicted then sweep", "idle", reaper=False)
    assert row.leaks, row
    assert row.listed, row


@pytest.mark.long
def test_a_lost_home_is_cleaned_up_after_by_a_warden():
    (row,) = carry_out([Spec("home lost then warden", "task", "outside-by-kind")], kernels=1)
    assert not row.error, row
    assert not row.leaks, row
    assert not row.listed, row
    assert not row.late, row


def test_a_pod_that_is_killed_is_cleaned_up_after_by_the_next_one():
    row = row_of("pod evicted then sweep", "task")
    assert not row.leaks, row
    assert not row.listed, row
