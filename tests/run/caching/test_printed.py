"""What a task printed is printed again where its value is found."""

import asyncio
import sys
from contextlib import contextmanager

import pytest

from resnb import Flow, Parameter, flow, get_run_logger, resource_manager, task
from resnb.cache_validators import partial_inputs_only
from resnb.run.caching.printed import MOST, Recording
from resnb.run.caching.store import ValueStore
from resnb.run.output.displays import DISPLAYS
from tests.run.caching.noting import called, noted


@task(cache_for="1h")
def load(n):
    print("loading", n)
    print("a warning", file=sys.stderr)
    get_run_logger().info("loaded")
    return list(range(n))


@task(cache_for="1h")
async def total(rows):
    print("adding")
    await asyncio.sleep(0)
    print("added", end="")
    return sum(rows)


def twice(flow, capsys, **parameters):
    """What a run prints that computes all, and one that finds all."""
    shown = []
    for name in ("Success", "Cached"):
        state = flow.run(**parameters)
        kept = [one for one in flow.tasks if one.cache_for is not None]
        assert {state.result[one].name for one in kept} == {name}
        shown.append(capsys.readouterr())
    return shown


def test_what_is_found_before_the_run_is_printed_in_the_order_of_the_graph(capsys):
    with Flow("etl") as etl:
        total(load(Parameter("n", default=3)))
    first, second = twice(etl, capsys)
    assert second == first
    assert first.out == "loading 3\nadding\nadded"
    assert first.err == "a warning\nINFO: loaded\n"


def test_what_is_found_while_it_runs(capsys):
    with Flow("etl") as etl:
        length = task(lambda: 3, name="length")()  # is not kept, so that nothing is known before
        load(length)
    first, second = twice(etl, capsys)
    assert second == first
    assert first.out == "loading 3\n"


def test_children_of_a_mapped_task(capsys):
    with Flow("etl") as etl:
        loaded = load.map([1, 2])
    shown = []
    for name in ("Success", "Cached"):
        state = etl.run()
        assert [one.name for one in state.result[loaded].map_states] == [name] * 2
        shown.append(capsys.readouterr().out)
    assert shown == ["loading 1\nloading 2\n"] * 2


def test_a_value_that_a_validator_chooses(capsys):
    @task(cache_for="1h", cache_validator=partial_inputs_only(["n"]))
    def chosen(n, other):
        print("computed", n)
        return n

    with Flow("etl") as etl:
        chosen(1, Parameter("other", default=1))
    first, second = twice(etl, capsys)
    assert second == first


def test_flow_functions(capsys):
    @flow
    def etl():
        return total(load(3))

    shown = []
    for _ in range(2):
        assert etl() == 3
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] == "loading 3\nadding\nadded"


def test_a_log_has_it_too(capsys):
    with Flow("etl") as etl:
        rows = load(3)
    etl.run()
    etl.run()
    assert etl.memory.log_of(rows) == "loading 3\na warning\nINFO: loaded\n"
    capsys.readouterr()


def test_what_only_an_upstream_run_needs_prints_nothing_again(capsys):
    """States that are given to a run, found or not, have printed before."""
    with Flow("etl") as etl:
        load(3)
    etl.run()
    state = etl.run()
    capsys.readouterr()
    etl.run(task_states=state)
    assert capsys.readouterr().out == ""


def test_set_ups_that_are_spared_print_nothing(capsys):
    @resource_manager
    class Loud:
        def setup(self):
            print("set up")

        def cleanup(self, resource):
            print("cleaned up")

    with Flow("etl") as etl, Loud():
        load(3)
    first, second = twice(etl, capsys)
    assert first.out == "set up\nloading 3\ncleaned up\n"
    assert second.out == "loading 3\n"


@pytest.mark.parametrize("size", [70_000, MOST - 1, MOST + 10])
def test_long_texts_come_back_as_far_as_they_are_kept(size, capsys):
    def run():
        print("é" * size + '"', end="")
        return 1

    with Flow("etl") as etl:
        task(noted("run", run), name="run", cache_for="1h")()
    etl.run()
    whole = capsys.readouterr().out
    etl.run()
    assert capsys.readouterr().out == whole[-MOST:]
    assert called() == ["run"]


@pytest.mark.parametrize(
    "printed",
    [(("stdout", "\N{GRINNING FACE}" * MOST),), (("stdout", "x"), ("stderr", "y")) * (MOST // 4)],
    ids=["rare characters", "many streams"],
)
def test_a_value_is_found_however_odd_the_text_is_that_came_with_it(printed):
    store = ValueStore()
    store.save("ab1", 5, "f", "t", "", printed)
    assert store.find("ab1", 60)[1] == 5
    assert [one.printed for one in store.entries()] == [()]


def test_of_a_task_that_is_tried_again_what_the_last_try_printed(tmp_path, capsys):
    tried = tmp_path / "tried"

    def run():
        is_first = not tried.exists()
        tried.touch()
        print("first" if is_first else "second")
        if is_first:
            raise ValueError
        return 1

    with Flow("etl") as etl:
        task(noted("run", run), name="run", cache_for="1h", max_retries=1)()
    assert etl.run().is_successful()
    assert etl.run().is_successful()
    assert capsys.readouterr().out == "first\nsecond\nsecond\n"


class Front:
    """A front end that notes what it is to display."""

    def __init__(self):
        self.shown, self.heard = [], []

    @contextmanager
    def listening(self, note):
        self.heard.append(note)
        yield
        self.heard.remove(note)

    def show(self, data):
        self.shown.append(data)
        for note in tuple(self.heard):
            note(data)


@pytest.fixture
def front(monkeypatch):
    found = Front()
    monkeypatch.setattr(DISPLAYS, "front_end", found)
    monkeypatch.setitem(sys.modules, "front", found)
    return found


def test_what_is_displayed_is_displayed_again(front, capsys):
    large = "x" * (MOST + 1)

    def run():
        print("before")
        for data in ("a", "b", large):
            sys.modules["front"].show(data)  # where no key looks
        print("after")
        return 1

    with Flow("etl") as etl:
        found = task(run, name="run", cache_for="1h")()
    assert etl.run().result[found].name == "Success"
    assert front.shown == ["a", "b", large]
    assert etl.run().result[found].name == "Cached"
    assert front.shown == ["a", "b", large, "a", "b"]
    assert capsys.readouterr().out == "before\nafter\n" * 2
    assert etl.memory.log_of(found) == "before\nafter\n"
    assert front.heard == []


def test_coroutines_keep_what_each_of_them_displays(front):
    async def show(name):
        await asyncio.sleep(0)
        for _ in range(3):
            sys.modules["front"].show(name)
            await asyncio.sleep(0)
        return name

    with Flow("etl") as etl:
        for name in "ab":
            task(show, name="show", cache_for="1h")(name)
    assert etl.run().is_successful()
    assert sorted(front.shown) == [*"aaabbb"]
    front.shown.clear()
    assert etl.run().is_successful()
    assert front.shown == [*"aaabbb"]


def test_a_recording_joins_what_goes_to_one_stream():
    recording = Recording()
    for stream, text in [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]:
        recording.note(stream, text)
    assert recording.printed == (("stdout", "ab"), ("stderr", "c"), ("stdout", "d"))


def test_a_recording_keeps_displays_apart():
    recording = Recording()
    recording.note("display", "1")
    recording.note("display", "2")
    recording.note("display", "3" * (MOST + 1))
    assert recording.printed == (("display", "1"), ("display", "2"))
