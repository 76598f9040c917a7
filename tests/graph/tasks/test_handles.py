"""Handles are no values: whoever uses one as if it were is told what it is, and what to do."""

import json
import operator
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from resnb import Flow, Parameter, task
from resnb.errors import HandleError, NoAttributeError


@task
def load():
    return [1, 2]


@pytest.fixture
def df():
    with Flow("etl") as flow:
        handle = load()
    yield handle
    del flow  # which a handle does not keep


def entered(value):
    with value:
        pass


def changed(value):
    value[0] = 1


USES = {
    "bool": bool, "not": operator.not_, "and": lambda x: x and 1, "or": lambda x: x or 1,
    "iter": iter, "map": lambda x: list(map(str, x)), "list": list, "sum": sum,
    "unpack": lambda x: [*x], "len": len, "in": lambda x: 1 in x, "with": entered,
    "item": changed, "del": lambda x: operator.delitem(x, 0), "int": int, "float": float,
    "complex": complex, "index": range, "list index": lambda x: [1, 2][x], "round": round,
    "path": open, "by a bool": lambda x: x[x == 1], "f-string": lambda x: f"{x}",
    "f-string with a width": lambda x: f"{x:>9}", "format": "{}".format,
    "np.array": np.array, "np.asarray": np.asarray, "np.mean": np.mean, "np.sin": np.sin,
    "np.concatenate": lambda x: np.concatenate([x, x]), "reduce": np.add.reduce,
    "pd.DataFrame": pd.DataFrame, "pd.Series": pd.Series,
    "interchange": lambda x: x.__dataframe__(),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_what_needs_the_value_is_refused(df, use):
    with pytest.raises(
        HandleError, match=r"^\w+ is a handle \(task 'load' of flow 'etl'\)"
    ) as caught:
        USES[use](df)
    assert "use" in str(caught.value)
    assert "after a run" in str(caught.value)


@pytest.mark.parametrize("name", ["head", "columns", "result", "map_states"])
def test_an_attribute_of_the_value(df, name):
    with pytest.raises(NoAttributeError, match=f"has no '{name}': use df.value.{name} after a run"):
        getattr(df, name)
    assert not hasattr(df, name)
    assert getattr(df, name, None) is None


def test_libraries_find_no_protocol_by_a_private_name(df):
    with pytest.raises(
        AttributeError, match="'FunctionTask' object has no attribute '_repr_html_'"
    ):
        df._repr_html_()


def test_a_parameter_says_so():
    n = Parameter("n")
    with pytest.raises(HandleError, match=r"n is a handle \(parameter 'n'\).*case\(n, True\)"):
        bool(n)


def test_a_definition_is_true_and_may_stand_in_a_text():
    assert bool(load)
    assert f"{load}" == str(load) == "<Task: load>"
    with pytest.raises(NoAttributeError, match=r"load is a task, not a value.*load\(...\)"):
        load.head()


def test_the_remedy_once_there_is_a_value(df):
    df.flow.run()
    with pytest.raises(HandleError, match=r"use len\(df.value\), or"):
        len(df)
    assert str(df) == "<handle of task 'load' of flow 'etl', success: its value is .value>"


def test_operators_of_arrays_add_tasks(df):
    with df.flow:
        sums = [np.arange(2) + df, df + np.arange(2), np.float64(2) * df, -df, df @ df, abs(df)]
    assert [one.name for one in sums] == ["add", "Add", "multiply", "Neg", "MatMul", "Abs"]
    run = df.flow.run(quiet=True)
    assert run.result[sums[0]].result.tolist() == [1, 3]
    assert run.result[sums[1]].result.tolist() == [1, 3]


def test_a_property_that_raises_attribute_error_is_not_hidden():
    class Odd(type(load)):
        @property
        def broken(self):
            return [].missing

    with pytest.raises(AttributeError, match="'list' object has no attribute 'missing'"):
        _ = Odd(lambda: 1).broken


def test_a_handle_is_still_a_key_and_compares_by_identity(df):
    assert {df: 1}[df] == 1
    assert (df == 3, df != 3) == (False, True)
    with suppress(TypeError):
        json.dumps(df)
