"""``target`` and ``result``, as in Prefect 1.x: values as files of the user's."""

import json
import os
import pickle

import pytest

from resnb import Flow, LocalResult, Parameter, context, flow, resource_manager, task
from resnb.errors import OptionError
from tests.run.caching.noting import called, noted


def ran(tmp_path, items=(3,), function=range, **options):
    """The states of ``rows(n)`` in runs with these parameters."""
    found = []
    for n in items:
        with Flow("etl") as etl:
            number = Parameter("n", default=0)
            given = {"result": LocalResult(dir=tmp_path / "kept"), **options}
            rows = task(noted("rows", function), name="rows", **given)(number)
        state = etl.run(n=n, quiet=True)
        found.append(state.result[rows])
    return found


def files_in(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_a_file_at_the_target_is_the_value(tmp_path):
    first, second = ran(tmp_path, (3, 3), target="{flow_name}/{task_name}-{n}.pkl")
    assert [(one.name, one.result) for one in (first, second)] == [
        ("Success", range(3)), ("Cached", range(3)),
    ]  # fmt: skip
    assert called() == ["rows"]
    path = tmp_path / "kept/etl/rows-3.pkl"
    assert pickle.loads(path.read_bytes()) == range(3)
    path.write_bytes(pickle.dumps("from elsewhere"))  # whoever has written it, and other code
    (third,) = ran(tmp_path, target="{flow_name}/{task_name}-{n}.pkl", function=list)
    assert (third.name, third.result) == ("Cached", "from elsewhere")


def test_what_a_target_may_be_made_of(tmp_path):
    template = "{parameters[n]}-{today}-{date:%Y}-{where}-{map_index}-{task_full_name}"
    with context(where="here"):
        (state,) = ran(tmp_path, target=template)
    assert state.name == "Success"
    (name,) = files_in(tmp_path / "kept")
    assert name.startswith("3-20")
    assert name.endswith("-here-None-rows")


def test_a_function_may_name_the_file(tmp_path):
    def named(task_name, n, **others):
        assert others["flow_name"] == "etl"
        return os.path.join(task_name, f"{{{n}}}")  # noqa: PTH118 - braces are no template here

    states = ran(tmp_path, (3, 3, 4), target=named)
    assert [one.name for one in states] == ["Success", "Cached", "Success"]
    assert files_in(tmp_path / "kept") == ["rows/{3}", "rows/{4}"]


def test_children_of_a_mapped_task_have_files_of_their_own(tmp_path):
    def graph(items):
        with Flow("etl", result=LocalResult(dir=tmp_path)) as etl:
            squares = task(lambda x: x * x, name="square", target="{map_index}/{x}.pkl").map(items)
        return [one.name for one in etl.run().result[squares].map_states]

    assert (graph([1, 2]), graph([1, 3])) == (["Success"] * 2, ["Cached", "Success"])
    assert files_in(tmp_path) == ["0/1.pkl", "1/2.pkl", "1/3.pkl"]


def test_without_a_result_files_lie_beside_the_values_that_last(folder):
    with Flow("etl") as etl:
        task(lambda: 1, name="one", target="one.pkl")()
    assert etl.run().is_successful()
    assert files_in(folder) == ["results/one.pkl"]
    assert folder.joinpath("results").stat().st_mode & 0o077 == 0


@resource_manager
class Cluster:
    def setup(self):
        noted("set-up", lambda: None)()
        return 5

    def cleanup(self, resource):
        noted("clean-up", lambda: None)()


def test_a_scope_whose_files_are_there_is_not_set_up(tmp_path):
    def graph():
        with Flow("etl", result=LocalResult(dir=tmp_path)) as etl:
            n = Parameter("n", default=1)
            with Cluster():
                one = task(noted("one", lambda n: n), name="one", target="{today}-{n}.pkl")(n)
            task(noted("two", lambda x: x + 1), name="two", target="two-{x}.pkl")(one)
        return etl.run().is_successful()

    assert (graph(), called()) == (True, ["set-up", "one", "clean-up", "two"]) or called() == []
    assert (graph(), called()) == (True, [])


def test_other_tasks_find_their_values_by_what_was_in_the_file(tmp_path):
    def graph():
        with Flow("etl", result=LocalResult(dir=tmp_path)) as etl:
            rows = task(lambda: [1, 2], name="rows", target="rows.pkl")()
            total = task(noted("total", sum), name="total", cache_for="1h")(rows)
        return etl.run().result[total].name

    assert [graph(), graph()] == ["Success", "Cached"]


def test_a_coroutine_and_a_flow_function_find_theirs(tmp_path):
    @task(target="one.pkl", result=LocalResult(dir=tmp_path))
    async def one():
        return noted("one", lambda: 1)()

    @task(target="two-{x}.pkl", result=LocalResult(dir=tmp_path))
    def two(x):
        return noted("two", lambda: x + 1)()

    @flow
    def both():
        return two(two.submit(one.submit()).result())

    assert (both(), both(), called()) == (3, 3, ["one", "two", "two"])


@pytest.mark.parametrize(
    ("options", "left"),
    [({"checkpoint": False}, []), ({"function": lambda n: None}, [])],
    ids=["checkpoint", "None"],
)
def test_what_is_not_written(tmp_path, options, left):
    states = ran(tmp_path, (3, 3), target="a.pkl", **options)
    assert [one.name for one in states] == ["Success"] * 2
    assert files_in(tmp_path / "kept") == left if (tmp_path / "kept").exists() else left == []


def test_a_result_alone_is_written_and_not_looked_for(tmp_path):
    result = LocalResult(dir=tmp_path / "kept", location="{task_name}-{n}.pkl")
    assert [one.name for one in ran(tmp_path, (3, 3), result=result)] == ["Success"] * 2
    assert files_in(tmp_path / "kept") == ["rows-3.pkl"]
    new = LocalResult(dir=tmp_path / "new")
    ran(tmp_path, (3, 3), result=new)
    assert len(files_in(tmp_path / "new")) == 2


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{nobody}.pkl", "has a place 'nobody'; known here: .*flow_name"),
        ("{}.pkl", "has a place without a name"),
        ("{n.nothing}", "cannot be filled in"),
        ("{n", "cannot be filled in"),
        (lambda **_: 5, "has returned 5"),
    ],
)
def test_a_target_that_names_no_file_fails_its_task(tmp_path, target, said):
    (state,) = ran(tmp_path, target=target)
    with pytest.raises(OptionError, match=f"task 'rows': target: .*{said}"):
        raise state.result
    assert called() == []


def test_a_value_does_not_lead_out_of_the_folder(tmp_path):
    (state,) = ran(tmp_path, ("../../secret",), target="{n}.pkl")
    assert "leads out of its folder" in str(state.result)
    states = ran(tmp_path, ("a", "a"), str, target="../{n}.pkl")  # the template may
    assert [one.name for one in states] == ["Success", "Cached"]


def test_a_file_that_cannot_be_read_is_named_and_kept(tmp_path):
    path = tmp_path / "kept" / "rows.pkl"
    path.parent.mkdir()
    path.write_bytes(b"precious")
    (state,) = ran(tmp_path, target="rows.pkl")
    assert "its target 'rows.pkl' is there and cannot be read" in str(state.result)
    assert (path.read_bytes(), called()) == (b"precious", [])


def test_a_value_that_cannot_be_written_is_named_and_used(tmp_path, capfd):
    (state,) = ran(tmp_path, function=lambda n: (one for one in "ab"), target="rows.pkl")
    assert state.name == "Success"
    assert "task 'rows' is not kept: it cannot be written" in capfd.readouterr().err
    assert files_in(tmp_path / "kept") == [] if (tmp_path / "kept").exists() else True


# ---- results by themselves


class Json:
    @staticmethod
    def serialize(value):
        return json.dumps(value).encode()

    @staticmethod
    def deserialize(value):
        return json.loads(value)


def test_a_result_is_written_and_read_by_hand(tmp_path):
    result = LocalResult(dir=tmp_path, location="{name}.json", serializer=Json())
    written = result.write([1], name="a")
    assert (written.location, written.value, result.value) == ("a.json", [1], None)
    assert (tmp_path / "a.json").read_text() == "[1]"
    assert result.read("a.json").value == [1]
    assert result.exists("{name}.json", name="a")
    assert not result.exists("b.json")
    assert result.format(name="x").location == "x.json"


class Memory:
    """A result of the user's own."""

    held = {}  # noqa: RUF012 - one for all copies
    location = None

    def exists(self, location, **_):
        return location in self.held

    def read(self, location):
        self.value = self.held[location]
        return self

    def write(self, value, **names):
        self.held[self.location.format(**names)] = value


def test_a_result_of_ones_own(tmp_path):
    states = ran(tmp_path, (3, 3), result=Memory(), target="{n}")
    assert [one.name for one in states] == ["Success", "Cached"]
    assert Memory.held == {"3": range(3)}


@pytest.mark.parametrize("value", ["file.pkl", LocalResult, 5])
def test_what_is_no_result(value):
    with pytest.raises(OptionError, match="result takes a LocalResult"):
        task(result=value)(print)
    with pytest.raises(OptionError, match="flow 'f': result takes a LocalResult"):
        Flow("f", result=value)


def test_what_is_no_target():
    with pytest.raises(OptionError, match="target=5 must be a text"):
        task(target=5)(print)
    with pytest.raises(OptionError, match="location=5"):
        LocalResult(location=5)
    with pytest.raises(OptionError, match="must have serialize"):
        LocalResult(serializer=json)


def test_a_copy_of_a_flow_keeps_what_it_said(tmp_path):
    with Flow("etl", result=LocalResult(dir=tmp_path), cache_for="1h") as etl:
        task(lambda: 1, name="one", target="one.pkl")()
    new = etl.copy()
    assert (new.cache_for, new.result) == (3600.0, etl.result)
