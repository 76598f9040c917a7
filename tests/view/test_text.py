from resnb import Flow
from resnb.states import (
    CANCELLED,
    FAILED,
    PENDING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
)
from resnb.view.snapshot import snapshot
from resnb.view.text import WIDTH, flow_text

NOT_RUN = """\
dask-example · not run yet
parameters: n_workers=None, out_path (required)
┌ client = Cluster
│ ○ setup ← n_workers
│ ○ load
│ ○ summarize ← load, client
└ ○ cleanup
○ write ← summarize, out_path"""

FAILED_RUN = """\
dask-example · failed
parameters: n_workers=4, out_path='a.csv'
┌ client = Cluster · closed
│ ✓ setup ← n_workers
│ ✗ load · failed
│ ⊘ summarize · trigger failed ← load, client
└ ✗ cleanup · timed out
⊘ write · trigger failed ← summarize, out_path

✗ load: OSError: no such file
✗ client.cleanup"""

NESTED = """\
nested · running
┌ outer = Cluster · open
│ ✓ setup
│ ✓ first
│ ┌ inner = Cluster · opening · ttl 2h
│ │ ▸ setup · running
│ │ ○ second ← first, inner
│ └ ○ cleanup
│ - third · skipped ← first
└ ■ cleanup · cancelled"""


def test_a_flow_that_has_not_run(seed):
    assert flow_text(snapshot(seed)) == NOT_RUN


def test_a_failed_run_tells_why_in_one_line_each(seed, progress):
    state = progress(
        {
            "load": FAILED,
            "summarize": TRIGGER_FAILED,
            "write": TRIGGER_FAILED,
            "Cluster.cleanup": TIMED_OUT,
        },
        flow=FAILED,
        failures={"load": "OSError: no such file\nwith a second line", "write": "upstream"},
        values={"n_workers": 4, "out_path": "a.csv"},
    )
    assert flow_text(snapshot(seed, state)) == FAILED_RUN


def test_scopes_are_framed_as_in_the_picture(nested, progress):
    class Now(progress):
        def code_of(self, task):
            scope = getattr(task, "scope", None)
            return self.codes.get((scope.name, task.kind) if scope else task.name, SUCCESS)

    state = Now(
        {
            ("inner", "setup"): RUNNING,
            ("inner", "cleanup"): PENDING,
            ("outer", "cleanup"): CANCELLED,
            "second": PENDING,
            "third": SKIPPED,
        },
        leases={"outer": "open", "inner": "opening"},
        flow=RUNNING,
    )
    assert flow_text(snapshot(nested, state)) == NESTED


def test_an_init_has_a_line_only_if_it_failed(seed, progress):
    text = flow_text(snapshot(seed, progress({"Cluster": FAILED})))
    assert "│ ✗ Cluster · failed ← n_workers" in text.splitlines()


def test_mapped_tasks_are_one_line_with_counts(work, progress):
    with Flow("mapped") as flow:
        work("each").map(work("items")())
    for counts, expected in [
        ({}, "✓ each · mapped ← items"),
        ({SUCCESS: 1200}, "✓ each · ×1,200 ← items"),  # noqa: RUF001
        (
            {SUCCESS: 38, FAILED: 1, RUNNING: 2, PENDING: 59},
            "✓ each · 1 of 100 failed · 38 done, 2 running ← items",
        ),
        ({SUCCESS: 992, FAILED: 8}, "✓ each · 8 of 1,000 failed ← items"),
        ({FAILED: 3}, "✓ each · 3 of 3 failed ← items"),
    ]:
        text = flow_text(snapshot(flow, progress(counts={"each": counts})))
        assert text.splitlines()[-1] == expected


def test_a_large_flow_is_abbreviated_and_counts_what_it_leaves_out(large, progress, work):
    state = progress({"one": FAILED}, failures={"one": "ValueError: bad"})
    lines = flow_text(snapshot(large, state)).splitlines()
    assert lines[:3] == ["large · success", "┌ part_0 = Cluster · closed", "└ ✗ 100 tasks · failed"]
    assert lines[-2:] == ["✗ one-10: ValueError: bad", "… 290 more failed"]
    with Flow("flat") as flow:
        for _ in range(1000):
            work("one")()
    lines = flow_text(snapshot(flow)).splitlines()
    assert lines[-1] == "… 940 more tasks not shown"
    assert len(lines) < 70


def test_long_lists_of_inputs_are_cut_to_a_line(work):
    with Flow("wide") as flow:
        work("last")([work("a rather long name")() for _ in range(40)])
    line = flow_text(snapshot(flow)).splitlines()[-1]
    assert line.endswith(", +36")
    assert len(line) <= WIDTH + 5
