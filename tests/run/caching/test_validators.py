"""``cache_validator``, as in Prefect 1.x: which kept values may stand for a new one."""

import time

import pytest

from resnb import Flow, Parameter, cache_validators, task
from resnb.cache_validators import (
    all_inputs,
    all_parameters,
    duration_only,
    never_use,
    partial_inputs_only,
    partial_parameters_only,
)
from resnb.errors import OptionError
from resnb.run.caching import store as stores
from tests.run.caching.noting import called, noted


def names_of_states(validator, *runs, **options):
    """The state of ``add(x, y)`` in runs of a flow with parameters x, y and z, which has z alone."""
    found = []
    for x, y, z in runs:
        with Flow("etl") as etl:
            given = [Parameter(name, default=0) for name in "xyz"]
            options = {"cache_for": "1h", "cache_validator": validator, **options}
            total = task(noted("add", lambda x, y: x + y), name="add", **options)(*given[:2])
        state = etl.run(x=x, y=y, z=z)
        assert state.is_successful()
        found.append((state.result[total].name, state.result[total].result))
    return found


FIRST = (1, 2, 3)
OTHER_X, OTHER_Y, OTHER_Z = (5, 2, 3), (1, 5, 3), (1, 2, 5)


@pytest.mark.parametrize(
    ("validator", "reused"),
    [
        (never_use, ()),
        (duration_only, (FIRST, OTHER_X, OTHER_Y, OTHER_Z)),
        (all_inputs, (FIRST, OTHER_Z)),
        (all_parameters, (FIRST,)),
        (partial_inputs_only(["x"]), (FIRST, OTHER_Y, OTHER_Z)),
        (partial_inputs_only(validate_on="y"), (FIRST, OTHER_X, OTHER_Z)),
        (partial_inputs_only(), (FIRST, OTHER_X, OTHER_Y, OTHER_Z)),
        (partial_parameters_only(["y", "z"]), (FIRST, OTHER_X)),
        (partial_parameters_only(), (FIRST, OTHER_X, OTHER_Y, OTHER_Z)),
    ],
)
def test_what_a_validator_compares(validator, reused, folder):
    def mine(state, inputs, parameters):  # as Prefect's users combine them
        return bool(state.result) and validator(state, inputs, parameters)

    for asked, number in ((validator, 1), (mine, 2)):
        for second in (FIRST, OTHER_X, OTHER_Y, OTHER_Z):
            stores.ValueStore().clear()
            (name, value) = names_of_states(asked, FIRST, second)[1]
            expected = ("Cached", 3) if second in reused else ("Success", sum(second[:2]))
            assert (name, value, number) == (*expected, number), second


def test_no_validator_uses_what_is_too_old(monkeypatch):
    now = time.time()
    validators = (duration_only, lambda *_: True)
    for validator in validators:
        names_of_states(validator, FIRST)
    monkeypatch.setattr(stores.time, "time", lambda: now + 3700)
    for validator in validators:
        assert names_of_states(validator, FIRST) == [("Success", 3)]


def test_other_code_is_another_value_whatever_the_validator_compares():
    def graph(function):
        with Flow("etl") as etl:
            one = task(function, name="one", cache_for="1h", cache_validator=duration_only)()
        return etl.run().result[one].result

    assert (graph(lambda: 1), graph(lambda: 2)) == (1, 2)


def test_tasks_share_values_by_a_key_alone():
    def graph(function, key):
        with Flow("etl") as etl:
            one = task(
                function, name="n", cache_for="1h", cache_validator=all_inputs, cache_key=key
            )(4)
        return etl.run().result[one].result

    assert (graph(lambda n: n, "a"), graph(lambda n: -n, "a"), graph(lambda n: -n, "b")) == (
        4,
        4,
        -4,
    )


def test_a_validator_of_ones_own_sees_each_kept_value():
    seen = []

    def near(state, inputs, parameters):
        before = state.cached_inputs["x"].value
        seen.append((before, inputs["x"], state.cached_parameters["z"], parameters["z"]))
        return abs(before - inputs["x"]) <= 1

    assert names_of_states(near, (1, 0, 7), (9, 0, 8), (2, 0, 9)) == [
        ("Success", 1), ("Success", 9), ("Cached", 1),
    ]  # fmt: skip
    assert set(seen) == {(1, 9, 7, 8), (9, 2, 8, 9), (1, 2, 7, 9)}


def test_inputs_are_kept_as_they_were_before_the_call():
    def accepts(state, inputs, parameters):
        return state.cached_inputs["rows"].value == inputs["rows"]

    def graph():
        with Flow("etl") as etl:
            rows = task(lambda: [1], name="rows")()
            one = task(
                lambda rows: rows.append(2), name="grow", cache_for="1h", cache_validator=accepts
            )(rows)
        return etl.run().result[one].name

    assert [graph(), graph()] == ["Success", "Cached"]


def test_children_of_a_mapped_task_are_validated_one_by_one():
    def graph(items):
        with Flow("etl") as etl:
            doubled = task(
                noted("double", lambda x, by: x * by),
                name="double",
                cache_for="1h",
                cache_validator=partial_inputs_only(["x"]),
            ).map(items, [2] * len(items))
        return [one.name for one in etl.run().result[doubled].map_states]

    assert (graph([1, 2]), graph([2, 3])) == (["Success"] * 2, ["Cached", "Success"])
    assert called() == ["double"] * 3


def test_a_validator_without_an_age_is_named(capfd):
    assert names_of_states(all_inputs, FIRST, FIRST, cache_for=None) == [("Success", 3)] * 2
    assert capfd.readouterr().err.count("task 'add' has a cache_validator, but no cache_for") == 1


def test_what_is_no_validator():
    with pytest.raises(OptionError, match="cache_validator takes a function"):
        task(cache_validator="all_inputs")(print)


def test_the_names_of_prefect():
    assert cache_validators.__all__ == [
        "all_inputs", "all_parameters", "duration_only", "never_use", "partial_inputs_only",
        "partial_parameters_only",
    ]  # fmt: skip
