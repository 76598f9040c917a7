"""Tasks whose values last: ``cache_for``."""

import asyncio
import os
import subprocess
import sys

import pytest

from resnb import Flow, Parameter, flow, resource_manager, task
from resnb.errors import CacheError, OptionError
from resnb.run.caching import store as stores
from resnb.run.caching.store import ValueStore
from tests.run.caching.noting import called, noted

CALLS = []


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


def load(n):
    CALLS.append("load")  # a list that grows: it would change the key, were it looked at
    return list(range(n))


def flow_of(**options):
    with Flow("etl", **options) as etl:
        n = Parameter("n", default=3)
        rows = task(noted("load", range), name="load", cache_for="7d")(n)
        total = task(noted("total", sum), name="total", cache_for="7d")(rows)
    return etl, rows, total


def test_a_value_is_found_again_by_another_flow_with_the_same_tasks():
    etl, _, total = flow_of()
    state = etl.run()
    assert (state.result[total].result, state.result[total].name) == (3, "Success")
    assert called() == ["load", "total"]
    etl, rows, total = flow_of()
    state = etl.run()
    assert [state.result[one].name for one in (rows, total)] == ["Cached", "Cached"]
    assert (rows.value, total.value, called()) == (range(3), 3, [])


def test_another_input_is_another_value():
    etl, _, total = flow_of()
    etl.run()
    assert etl.run(n=4).result[total].result == 6
    assert called() == ["load", "total"] * 2
    assert etl.run(n=3).result[total].name == "Cached"


def test_a_value_that_was_computed_anew_and_is_equal_changes_nothing_after_it():
    def graph(cut):
        with Flow("etl") as etl:
            rows = task(noted("load", lambda: [1, 2, 3, 4][:cut]), name="load")()
            total = task(noted("total", sum), name="total", cache_for="7d")(rows)
        return etl.run().result[total]

    assert (graph(3).name, graph(3).name, graph(2).name) == ("Success", "Cached", "Success")
    assert called() == ["load", "total", "load", "load", "total"]


def test_a_flow_says_it_for_all_its_tasks_and_a_task_for_itself():
    def graph():
        with Flow("etl", cache_for="1h") as etl:
            one = task(lambda: 1, name="one")()
            two = task(lambda: 2, name="two", cache_for=0)()
        state = etl.run()
        return state.result[one].name, state.result[two].name

    assert [graph(), graph()] == [("Success", "Success"), ("Cached", "Success")]


def test_a_value_lasts_as_long_as_was_said(monkeypatch):
    etl, _, total = flow_of()
    etl.run()
    now = stores.time.time()
    monkeypatch.setattr(stores.time, "time", lambda: now + 8 * 86400)
    assert etl.run().result[total].name == "Success"


def test_a_key_tells_values_apart():
    def graph(key):
        with Flow("etl") as etl:
            one = task(lambda: 1, name="one", cache_for="1h", cache_key=key)()
        return etl.run().result[one].name

    assert [graph("a"), graph("b"), graph("a")] == ["Success", "Success", "Cached"]


def test_children_of_a_mapped_task_are_found_one_by_one():
    def graph(items):
        with Flow("etl") as etl:
            squares = task(noted("square", lambda x: x * x), name="square", cache_for="1h").map(
                items
            )
        return etl.run().result[squares]

    assert graph([1, 2]).result == [1, 4]
    found = graph([2, 3])
    assert (found.result, [one.name for one in found.map_states]) == ([4, 9], ["Cached", "Success"])
    assert called() == ["square"] * 3


def test_a_coroutine_is_not_run_again():
    async def one():
        await asyncio.sleep(0)
        return 1

    def graph():
        with Flow("etl") as etl:
            found = task(one, cache_for="1h")()
        return etl.run().result[found].name

    assert [graph(), graph()] == ["Success", "Cached"]


def test_a_task_in_a_flow_function_is_not_run_again():
    one = task(noted("one", lambda x: x + 1), name="one", cache_for="1h")

    @flow
    def twice():
        return one(1), one.submit(1).result()

    assert (twice(), twice(), called()) == ((2, 2), (2, 2), ["one"])


def test_what_failed_is_not_kept():
    def graph(error):
        def one():
            if error is not None:
                raise error
            return 1

        with Flow("etl") as etl:
            found = task(one, cache_for="1h")()
        return etl.run(quiet=True).result[found].name

    assert [graph(ValueError), graph(ValueError), graph(None)] == ["Failed", "Failed", "Success"]


@resource_manager
class Cluster:
    def __init__(self, size=1):
        self.size = size

    def setup(self):
        noted("set-up", lambda: None)()
        return {"live": self.size}

    def cleanup(self, resource):
        noted("clean-up", lambda: None)()


def in_a_scope(size, *, more=False):
    with Flow("etl") as etl:
        with Cluster(size) as cluster:
            count = task(noted("count", len), name="count", cache_for="1h")(cluster)
            if more:
                task(noted("more", len), name="more")(cluster)
        shown = task(noted("shown", str), name="shown", cache_for="1h")(count)
    return etl.run(), count, shown


def test_a_scope_in_which_nothing_has_to_run_is_not_set_up():
    in_a_scope(1)
    assert called() == ["set-up", "count", "clean-up", "shown"] or called() == []
    state, count, shown = in_a_scope(1)
    assert called() == []
    assert state.is_successful()
    assert [state.result[one].name for one in (count, shown)] == ["Cached", "Cached"]


def test_it_is_set_up_for_whatever_is_left():
    in_a_scope(1)
    called()
    in_a_scope(1, more=True)
    assert called() == ["set-up", "more", "clean-up"]
    in_a_scope(2)
    assert sorted(called()) == ["clean-up", "count", "set-up"]


def test_what_has_no_key_is_computed_each_time_and_named_once(capfd):
    def graph():
        with Flow("etl") as etl:
            made = task(lambda: (one for one in "ab"), name="made")()
            read = task(lambda made: "".join(made), name="unkeyed", cache_for="1h")(made)
        return etl.run().result[read]

    assert [graph().name, graph().name] == ["Success", "Success"]
    said = capfd.readouterr().err
    assert said.count("task 'unkeyed' is computed each time: generator has no key") == 1


def test_what_cannot_be_stored_is_computed_and_named(capfd):
    with Flow("etl") as etl:
        made = task(lambda: (one for one in "ab"), name="unstored", cache_for="1h")()
    assert etl.run().result[made].is_successful()
    assert "task 'unstored' is not kept: a generator cannot be stored" in capfd.readouterr().err
    assert ValueStore().entries() == []


@pytest.mark.parametrize(
    "value",
    ["x" * 200_000, list(range(100_000)), {"a": [1]}, b"\n"],
    ids=["text", "list", "dict", "b"],
)
def test_a_value_of_any_size_comes_back(value):
    store = ValueStore()
    store.save("a" * 40, value, flow="f", task="t", value_key="")
    assert store.find("a" * 40, 60.0)[1] == value


def test_a_damaged_value_is_computed_anew(folder):
    etl, _, total = flow_of()
    etl.run()
    for path in folder.glob("??/*"):
        first, _, _ = path.read_bytes().partition(b"\n")
        path.write_bytes(first + b"\ngarbage")
    called()
    assert etl.run().result[total].result == 3
    assert called() == ["load", "total"]


def test_a_folder_that_others_can_write_to_is_not_read(folder, capfd):
    etl, _, total = flow_of()
    etl.run()
    folder.chmod(0o777)
    assert etl.run().result[total].name == "Success"
    assert f"run chmod go-w {folder}" in capfd.readouterr().err


def test_what_was_not_used_for_longest_goes_first(monkeypatch):
    store = ValueStore()
    for name in "abc":
        store.save(name * 40, name * 3000, flow="etl", task=name, value_key="")
        os.utime(store.folder / (name * 2) / (name * 40), (ord(name), ord(name)))
    monkeypatch.setenv("RESNB_CACHE_SIZE", "8000")
    assert store.find("a" * 40, 60.0)[1] == "aaa" * 1000
    store.save("d" * 40, "d" * 3000, flow="other", task="d", value_key="")
    assert {one.task for one in store.entries()} == {"a", "d"}
    assert (store.clear("etl"), [one.task for one in store.entries()]) == (1, ["d"])
    assert store.clear() == 1


def test_a_value_that_cannot_be_written_leaves_nothing(folder):
    store = ValueStore()
    with pytest.raises(CacheError, match="a generator cannot be stored"):
        store.save("a" * 40, (one for one in "a"), flow="f", task="t", value_key="")
    assert [one for one in folder.rglob("*") if one.is_file()] == []


def test_a_value_whose_writing_is_interrupted_leaves_nothing(folder):
    class Interrupting:
        def __reduce__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ValueStore().save("a" * 40, Interrupting(), flow="f", task="t", value_key="")
    assert [one for one in folder.rglob("*") if one.is_file()] == []


@pytest.mark.parametrize("value", ["soon", -1])
def test_what_is_no_duration(value):
    with pytest.raises(OptionError, match="cache_for"):
        task(cache_for=value)(load)
    with pytest.raises(OptionError, match="flow 'f': cache_for"):
        Flow("f", cache_for=value)


def test_the_folders_of_values_are_their_users_alone_from_the_first(folder):
    ValueStore(folder / "deep" / "values").save("abc", 1, flow="f", task="t", value_key="")
    for one in (folder / "deep" / "values", folder / "deep" / "values" / "ab"):
        assert one.stat().st_mode & 0o777 == 0o700


MADE_IN_A_CELL = """
import sys
from resnb import Flow, task

def made():
    class Point:
        def __init__(self, x):
            self.x = x
    return {"double": lambda x: 2 * x, "point": Point(3)}

with Flow("etl") as etl:
    found = task(made, cache_for="1h")()
state = etl.run().result[found]
print(state.name, state.result["double"](4), state.result["point"].x)
"""


def test_functions_and_classes_of_a_cell_are_kept_by_what_they_are():
    shown = [
        subprocess.run([sys.executable, "-c", MADE_IN_A_CELL], check=True, capture_output=True)
        for _ in range(2)
    ]
    assert [one.stdout for one in shown] == [b"Success 8 3\n", b"Cached 8 3\n"]


def test_of_several_values_the_one_is_named_that_cannot_be_kept(capsys):
    with Flow("etl") as etl:
        found = task(lambda: {"a": 1, "numbers": iter_of()}, name="found", cache_for="1h")()
        task(lambda values: 1, name="use", cache_for="1h")(found)
    etl.run()
    said = capsys.readouterr().err
    assert "task 'found' is not kept: 'numbers', a generator, cannot be stored" in said
    assert "task 'use' is computed each time: 'numbers', a generator, has no key" in said


def iter_of():
    yield 1


def test_a_text_of_a_class_made_inside_a_function_is_kept():
    def title():
        class Title(str):
            __slots__ = ()

        return Title("etl")

    def graph():
        with Flow("etl") as etl:
            made = task(noted("title", title), name="title", cache_for="7d")()
        return etl, made

    graph()[0].run()
    etl, made = graph()
    etl.run()
    assert (made.value, type(made.value).__name__, called()) == ("etl", "Title", ["title"])
