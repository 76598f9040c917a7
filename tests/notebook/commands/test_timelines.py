"""``%flow timeline``: what it shows, and the record that it is made of, of real runs."""

import threading

import pytest
from distributed import LocalCluster, Worker

from resnb import DaskExecutor, Flow, LocalExecutor, resource_manager, task
from resnb.errors import RunError
from resnb.notebook.commands import timelines
from resnb.notebook.commands.flow import flow_command
from resnb.notebook.session import Session
from resnb.notebook.widget.timeline_record import record_of
from resnb.view.timeline.chart import timeline
from tests.dask import codes
from tests.run.parts import PATIENCE


@resource_manager
class Thing:
    dies_with_kernel = True

    def __init__(self, bad=False):
        self.bad = bad

    def setup(self):
        return "thing"

    def cleanup(self, resource):
        pass


def work(*_):
    return 1


def fails(*_):
    raise ValueError("no")


@pytest.fixture
def flow():
    with Flow("f") as found:
        with Thing() as outer:
            one = task(work, name="one")(outer)
            with Thing() as inner:
                task(work, name="two")(one, inner)
        task(work, name="three").map([1, 2, 3])
    return found


@pytest.fixture
def show(monkeypatch):
    """Carries out ``%flow timeline`` on a flow; gives what was displayed."""
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda bundle, *, raw: shown.append((bundle, raw))
    )

    def show(flow):
        flow_command(Session({"f": flow}), f"timeline {flow.name}")
        [(bundle, raw)] = shown
        assert raw
        return bundle

    return show


def test_it_shows_a_picture_beside_a_text_without_times(flow, show):
    flow.run()
    bundle = show(flow)
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert bundle["text/plain"] == (
        "timeline of f · success\n"
        "resources: Thing (closed), Thing-2 (closed)\n"
        "✓ one\n✓ two\n✓ three · ×3"  # noqa: RUF001
    )


def test_a_flow_that_never_ran_says_so(flow, show):
    with pytest.raises(RunError, match="flow 'f' has not run, so it has no timeline: %flow run f"):
        show(flow)


def test_a_flow_whose_run_is_forgotten_says_so(flow, show):
    flow.run()
    timelines.memory_of(flow).forget(flow.get_tasks("one"))
    with pytest.raises(RunError, match="has not run since tasks of it were replaced"):
        show(flow)


@pytest.mark.parametrize("executor", [None, LocalExecutor()])
def test_every_task_and_child_that_ran_is_a_bar(flow, executor):
    flow.run(executor=executor)
    found = timeline(record_of(flow), columns=10**9)
    bars = [(lane, bar) for lane in found.lanes for bar in lane.bars]
    assert sorted(found.label_of(bar) for _, bar in bars if found.kind_of(bar) != "init") == [
        "Thing-2.cleanup", "Thing-2.setup", "Thing.cleanup", "Thing.setup", "one",
        "three[0]", "three[1]", "three[2]", "two",
    ]  # fmt: skip
    for lane, bar in bars:
        own = found.kind_of(bar) in ("init", "setup", "cleanup")
        assert lane.kind == ("scope" if own else "worker")
        assert lane.label == found.label_of(bar).rpartition(".")[0] or not own
    assert any(lane.kind == "worker" for lane in found.lanes)


def test_bands_have_set_up_and_clean_up_and_what_is_inside_counts_as_use(flow):
    flow.run()
    record = record_of(flow)
    outer, inner = timeline(record).bands
    for band in (outer, inner):
        assert band.lease == "closed"
        assert band.setup[1] <= band.open[0] + 1e-9
        assert band.open[1] <= band.cleanup[0] + 1e-9
    assert outer.open[0] <= inner.open[0] <= inner.open[1] <= outer.open[1]
    labels = record.labels
    assert {labels[row] for row in record.uses[1].inside} == {"two"}
    inside = {labels[row] for row in record.uses[0].inside}
    assert inside >= {"one", "two", "Thing-2.setup", "Thing-2.cleanup"}
    assert inside.isdisjoint({"three", "Thing.setup", "Thing.cleanup"})


def test_failed_tasks_and_coroutines_are_there(show):
    async def waits(value):
        return value

    with Flow("f") as flow:
        task(fails, name="bad")(task(waits)(1))
    flow.run()
    lanes = {lane.label: lane for lane in timeline(record_of(flow)).lanes}
    assert lanes["coroutines"].bars[0].number == 1
    assert "✗ bad · failed" in show(flow)["text/plain"]


def test_a_run_that_is_on_has_open_bars():
    began, let_go = threading.Event(), threading.Event()

    def waits():
        began.set()
        let_go.wait(PATIENCE)

    with Flow("f") as flow:
        task(waits)()
    run = flow.start()
    assert began.wait(PATIENCE)
    first = timeline(record_of(flow))
    let_go.set()
    run.wait(PATIENCE)
    last = timeline(record_of(flow))
    assert (first.is_on, last.is_on) == (True, False)
    assert first.lanes[0].bars[0].end == first.seconds <= last.seconds


def test_what_ran_on_dask_stands_on_its_workers_rows(monkeypatch):
    monkeypatch.setattr("resnb.dask.messages.END", PATIENCE)
    with Flow("f") as flow:
        task(codes.process_id, name="of").map(range(6))
        task(codes.one, name="one")()
    options = {"n_workers": 2, "threads_per_worker": 2, "processes": False}
    with (
        LocalCluster(**options, dashboard_address="127.0.0.1:0") as cluster,
        codes.client_of(cluster) as client,
    ):
        flow.run(executor=DaskExecutor(client)).raise_for_failure()
    found = timeline(record_of(flow), columns=10**9)
    labels = [lane.label for lane in found.lanes]  # a message that is very late splits a lane
    assert labels
    assert all(one.startswith(("Dask worker 0", "Dask worker 1")) for one in labels)
    assert sum(bar.number for lane in found.lanes for bar in lane.bars) == 7


def test_what_a_dask_worker_reports_after_the_last_value_counts(monkeypatch, capsys):
    log_event = Worker.log_event

    def slowly(worker, topic, message):
        worker.loop.add_callback(worker.loop.call_later, 0.3, log_event, worker, topic, message)

    monkeypatch.setattr(Worker, "log_event", slowly)
    monkeypatch.setattr("resnb.dask.messages.END", PATIENCE)
    with Flow("f") as flow:
        task(print)("printed")
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        codes.client_of(cluster) as client,
    ):
        flow.run(executor=DaskExecutor(client)).raise_for_failure()
    assert capsys.readouterr().out == "printed\n"
    found = timeline(record_of(flow), columns=10**9)
    assert [lane.label for lane in found.lanes] == ["Dask worker 0"]


def test_each_item_of_a_mapped_scope_has_a_band_and_a_lane():
    @resource_manager
    class Each:
        def __init__(self, bad):
            self.bad = bad

        def setup(self):
            if self.bad:
                raise OSError
            return self.bad

        def cleanup(self, resource):
            pass

    with Flow("f") as flow:
        with Each.map([False, True, False]) as each:
            task(work, name="one").map(each)
            task(work, name="all")(each)
        with Thing() as single:
            task(work, name="two")(single)
    flow.run()
    record = record_of(flow)
    drawn = timeline(record)
    assert [(one.label, one.open is not None) for one in drawn.bands] == [
        ("Each[0]", True), ("Each[1]", False), ("Each[2]", True), ("Thing", True),
    ]  # fmt: skip
    lanes = {lane.label: [drawn.label_of(bar) for bar in lane.bars] for lane in drawn.lanes}
    for item, steps in ((0, 3), (1, 2), (2, 3)):
        names = ", ".join(lanes[f"Each[{item}]"])
        assert names.count(f"[{item}]") >= 1, names
        assert len(lanes[f"Each[{item}]"]) <= steps
    first = next(use for use in record.uses if use.label == "Each[0]")
    labels = {record.labels[row] for row in first.inside}
    assert labels == {"one", "all"}
    assert {record.labels[row] for row in first.in_step} >= {"one"}


def test_in_a_terminal_the_axis_has_times(flow, monkeypatch, capsys):
    shell = type("Shell", (), {})()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    flow.run()
    flow_command(Session({"f": flow}), "timeline f")
    *_, axis = lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("timeline of f · success · ")
    assert any(line.startswith("Thing.setup") for line in lines)
    assert axis.split()[0].startswith("0")
    assert axis.split()[1] in ("s", "ms", "µs")
