"""Values on disk, of flows that let values go."""

from resnb import Flow, task
from resnb.elsewhere import LetGo
from tests.run.caching.noting import called, noted


def gone(state, handle):
    return isinstance(state.result[handle].kept, LetGo)


def test_values_on_disk_are_found_one_after_the_other():
    def graph():
        with Flow("etl", keep_values="terminal", cache_for="1d") as flow:
            rows = task(noted("rows", lambda: list(range(5))), name="rows")()
            more = task(noted("more", lambda rows: [*rows, 5]), name="more")(rows)
            total = task(noted("total", sum), name="total")(more)
        return flow, rows, more, total

    flow, *_ = graph()
    flow.run()
    assert called() == ["rows", "more", "total"]
    flow, rows, more, total = graph()
    state = flow.run()
    assert called() == []
    assert [state.result[one].name for one in (rows, more, total)] == ["Cached"] * 3
    assert (gone(state, rows), gone(state, more), total.value) == (True, True, 15)
    with Flow("etl", keep_values="terminal", cache_for="1d") as flow:
        rows = task(noted("rows", lambda: list(range(5))), name="rows")()
        more = task(noted("more", lambda rows: [*rows, 5]), name="more")(rows)
        least = task(noted("least", min), name="least")(more)
    state = flow.run()
    assert (called(), least.value) == (["least"], 0)
    assert (gone(state, rows), gone(state, more)) == (True, True)


def test_children_that_are_to_run_again_read_what_is_found_on_disk():
    fails = [2]

    def tenfold(item):
        if item in fails:
            raise ValueError(item)
        return item * 10

    with Flow("etl", keep_values="terminal") as flow:
        items = task(noted("items", lambda: [1, 2, 3]), name="items", cache_for="1d")()
        found = task(tenfold).map(items)
    state = flow.run()
    assert (state.is_failed(), gone(state, items), called()) == (True, True, ["items"])
    fails.clear()
    state = flow.run(task_states=state)
    assert (state.is_successful(), found.value, called()) == (True, [10, 20, 30], [])
    assert gone(state, items)
