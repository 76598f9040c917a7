import subprocess
import sys

import pytest

from resnb import Flow, task
from resnb.errors import OptionError
from resnb.states import (
    FAILED,
    MAPPED,
    SUCCESS,
    TRIGGER_FAILED,
    Failed,
    Mapped,
    Pending,
    Success,
    TriggerFailed,
)
from resnb.view import engines
from resnb.view.aggregate import reason_of
from resnb.view.engines import DrawingError
from resnb.view.outcome import FinalProgress
from resnb.view.painter import PAINTER
from resnb.view.snapshot import snapshot

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def no_engine(monkeypatch):
    monkeypatch.setattr(engines, "_CHOICES", {"system": lambda: None, "bundled": lambda: None})


@pytest.fixture
def failed(seed):
    """The final state of a run whose second task failed."""
    state = {task.name: task for task in seed.nodes}
    result = dict.fromkeys(seed.nodes, Success())
    result[state["load"]] = Failed("ValueError: bad", ValueError("bad"))
    result[state["summarize"]] = TriggerFailed("a reason")
    return Failed("", result)


@pytest.mark.usefixtures("engine")
def test_a_notebook_gets_a_png_and_a_text_and_nothing_else(seed):
    for bundle in (PAINTER.mimebundle(seed), PAINTER.visualize(seed)._repr_mimebundle_()[0]):
        assert bundle.keys() == {"image/png", "text/plain"}
        assert bundle["image/png"].startswith(PNG)
        assert bundle["text/plain"].startswith("dask-example · not run yet\n")


@pytest.mark.usefixtures("engine")
def test_the_picture_of_a_usual_flow_is_small(seed):
    assert len(PAINTER.mimebundle(seed)["image/png"]) < 40_000


def test_the_flow_itself_shows_its_memory(seed, progress):
    seed.memory = progress()
    assert seed._repr_mimebundle_()["text/plain"].startswith("dask-example · success\n")


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_there_is_text_with_a_hint(seed):
    bundle = PAINTER.mimebundle(seed)
    assert bundle.keys() == {"text/plain"}
    assert bundle["text/plain"].splitlines()[-1].startswith("(no picture: no Graphviz engine")
    with pytest.raises(DrawingError):
        _ = PAINTER.visualize(seed).data


def test_a_flow_without_tasks_has_no_picture():
    assert PAINTER.mimebundle(Flow("nothing")) == {"text/plain": "nothing · not run yet"}


def test_a_given_state_colours_the_picture(seed, failed):
    picture = seed.visualize(flow_state=failed)
    assert r'label="load\nfailed"' in picture.source
    assert picture.text.splitlines()[-1] == "✗ load: ValueError: bad"


@pytest.mark.usefixtures("engine")
def test_a_file_gets_the_ending_of_its_format(seed, tmp_path):
    seed.visualize(filename=str(tmp_path / "a"))
    seed.visualize(filename=str(tmp_path / "b.svg"))
    picture = seed.visualize(filename=tmp_path / "c.d", format="svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.svg", "c.d.svg"]
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert (tmp_path / "b.svg").read_bytes() == picture.data
    assert picture._repr_mimebundle_()[0]["image/png"].startswith(PNG)


def test_an_unknown_format_is_refused_at_once(seed):
    with pytest.raises(OptionError, match=r"visualize\(format='gif'\): must be one of png, svg"):
        seed.visualize(format="gif")


def test_the_repr_is_stable(seed):
    assert repr(seed.visualize()) == "<Picture of 'dask-example': png>"


def test_an_outcome_reads_the_final_state(seed, failed):
    outcome = FinalProgress(failed)
    tasks = {task.name: task for task in seed.nodes}
    [scope] = seed.scopes
    assert reason_of(outcome.state_of(tasks["load"])) == "ValueError: bad"
    assert reason_of(outcome.state_of(tasks["summarize"])) == ""  # not by itself
    assert reason_of(outcome.state_of(tasks["write"])) == ""
    assert outcome.lease_state(scope) == "closed"
    failed.result[scope.cleanup_task] = Failed("", RuntimeError())
    assert outcome.lease_state(scope) == "failed"
    assert reason_of(outcome.state_of(scope.cleanup_task)) == "RuntimeError"
    failed.result[scope.cleanup_task] = Pending()
    assert outcome.lease_state(scope) == "open"
    failed.result[scope.setup_task] = Pending()
    assert outcome.lease_state(scope) == "not yet"
    failed.result[tasks["load"]] = Mapped("", [], (Success(), Success(), Failed()))
    assert outcome.child_counts(tasks["load"]) == {3: 2, 7: 1}
    assert FinalProgress(Pending()).code_of(tasks["load"]) == 0


def test_graphviz_is_imported_only_to_draw():
    code = "import sys, resnb.view.painter; sys.exit('graphviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_mapped_task_of_which_items_failed_is_shown_as_failed_with_the_first_reason():
    with Flow("mapped") as flow:
        each = task(lambda one: 1 / one, name="each").map([1, 0, 2, 0])
        task(sum, name="total")(each)
    flow.run()
    for state in (None, flow.run()):
        seen = snapshot(flow, flow.memory if state is None else FinalProgress(state))
        assert list(seen.codes) == [FAILED, TRIGGER_FAILED]
        assert seen.counts[0] == ((SUCCESS, 2), (FAILED, 2))
        reason = "ZeroDivisionError: division by zero (item 1, and 1 more)"
        assert seen.failures == (("each", reason),)
    with Flow("fine") as flow:
        task(abs, name="each").map([1, 2])
    assert list(snapshot(flow, FinalProgress(flow.run())).codes) == [MAPPED]
