"""What texts say where values were found instead of computed."""

import pytest

from resnb import Flow, resource_manager, task
from resnb.run.memory import memory_of
from resnb.view.as_computed import AsComputed
from resnb.view.painter import Painter
from resnb.view.snapshot import snapshot
from resnb.view.timeline.picture import timeline_text


@resource_manager
class Cluster:
    def __init__(self, size):
        self.size = size

    def setup(self):
        return self.size

    def cleanup(self, resource):
        pass


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RESNB_CACHE", str(tmp_path / "cache"))


def graph(*, fails=False, lazily=False):
    setup = "lazy" if lazily else "eager"
    with Flow("etl") as etl:
        rows = task(lambda: [1, 2], name="rows", cache_for="1h")()
        with Cluster.options(setup=setup)(2), Cluster(rows):
            doubled = task(lambda n: 2 * n, name="double", cache_for="1h").map(rows)
            task(sum, name="total", cache_for="1h")(doubled)
        with Cluster(3) as size:
            task(lambda n: 1 / (n - 3) if fails else n, name="last")(size)
    return etl


@pytest.fixture
def painter():
    found = Painter()
    found.tells_what_was_found = False
    return found


@pytest.mark.parametrize("lazily", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_saved_text_is_the_same_whether_values_were_found_or_computed(painter, fails, lazily):
    texts = []
    for _ in range(3):
        etl = graph(fails=fails, lazily=lazily)
        etl.run()
        told = snapshot(etl, AsComputed(memory_of(etl)))
        texts.append((painter.picture(etl).text, timeline_text(told, {"total", "double"})))
    assert texts[0] == texts[1] == texts[2]
    assert "cached" not in texts[0][0]


def test_pictures_and_terminals_tell_what_was_found(painter):
    for _ in range(2):
        etl = graph()
        etl.run()
    assert "✓ rows · cached" in Painter().picture(etl).text
    assert painter.picture(etl).source == Painter().picture(etl).source
    assert "cached" in painter.picture(etl).source


def test_what_was_given_or_skipped_for_another_reason_stays_as_it_is(painter):
    with Flow("etl") as etl:
        rows = task(lambda: [1], name="rows")()
        with Cluster(2):
            task(sum, name="total")(rows)
    etl.run(task_states={rows: etl.run().result[rows]})
    before = Painter().picture(etl).text
    assert painter.picture(etl).text == before
    assert painter.picture(Flow("never")).text == Painter().picture(Flow("never")).text
