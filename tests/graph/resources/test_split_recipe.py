"""Generators as recipes in one process: what is kept, given back, and found in the source."""

import asyncio
import functools
import pickle

import pytest

from resnb import resource
from resnb.errors import LedgerError
from resnb.graph.resources.split_recipe import GeneratorHandle, Variables

LOG = []


@pytest.fixture(autouse=True)
def log():
    LOG.clear()
    return LOG


def manager(definition, *args):
    return resource(definition).resource_class(*args)


def opened(definition, *args):
    made = manager(definition, *args)
    return made, made.setup()


def plain(name, *rest, ending="!", **more):
    """A thing."""
    size = len(name)
    yield name
    LOG.append((name, size, rest, ending, more))


def test_its_handle_holds_the_variables_of_the_clean_up():
    made, thing = opened(plain, "box", 1)
    more = {"rest": (1,), "ending": "!", "more": {}}
    assert made.handle(thing).variables == {"name": "box", "size": 3, **more}


def elsewhere(made, thing):
    """The recipe and the resource as another process gets them."""
    recipe = pickle.loads(pickle.dumps(made.__resnb_recipe__()))
    handle = pickle.loads(pickle.dumps(made.handle(thing)))
    return recipe, recipe.attach(handle)


def test_a_clean_up_elsewhere_has_its_arguments_and_variables():
    recipe, thing = elsewhere(*opened(plain, "box", 1))
    assert thing == "box"
    recipe.cleanup(thing)
    made, _ = opened(plain, "box", 1)
    made.cleanup("box")
    assert LOG == [("box", 3, (1,), "!", {})] * 2


def test_another_kernel_goes_on_with_what_was_yielded():
    made, thing = opened(plain, "box")
    handle = pickle.loads(pickle.dumps(made.handle(thing)))
    other = manager(plain, "box")
    assert other.attach(handle) == "box"
    other.cleanup("box")
    assert LOG == [("box", 3, (), "!", {})]


def yields_more():
    one, other = [1], [2]
    yield one, other
    LOG.append(one)


def test_what_was_yielded_is_kept_though_the_clean_up_does_without():
    made, thing = opened(yields_more)
    handle = made.handle(thing)
    assert (handle.variables, handle.yielded) == ({"one": [1]}, {"other": [2]})
    assert handle.__resnb_lesser__().yielded == {}
    assert manager(yields_more).attach(handle) == ([1], [2])
    assert manager(yields_more).attach(handle.__resnb_lesser__()) == Variables(one=[1])


def yields_text():
    one = [1]
    yield f"the value is {one}"
    LOG.append(one)


def yields_an_object():
    one = [1]
    yield object()
    LOG.append(one)


def yields_a_long_text():
    one = [1]
    yield 70_000 * "x"
    LOG.append(one)


def test_a_plain_value_that_is_no_variable_is_kept_too():
    recipe, thing = elsewhere(*opened(yields_text))
    assert thing == "the value is [1]"
    recipe.cleanup(thing)
    assert LOG == [[1]]


@pytest.mark.parametrize("definition", [yields_an_object, yields_a_long_text])
def test_any_other_value_stays_in_its_kernel(definition):
    recipe, thing = elsewhere(*opened(definition))
    assert thing == Variables(one=[1])
    recipe.cleanup(thing)
    assert LOG == [[1]]


def unbound(known):
    if known:
        x = 1
    yield known
    try:
        LOG.append(x)
    except UnboundLocalError:
        LOG.append("unbound")


@pytest.mark.parametrize("known", [True, False])
def test_a_variable_that_has_no_value_has_none_elsewhere(known):
    recipe, thing = elsewhere(*opened(unbound, known))
    recipe.cleanup(thing)
    assert [1 if known else "unbound"] == LOG


def around(name):
    def inner():
        yield 1
        LOG.append(name)

    return inner


def test_variables_of_functions_around_it_come_along():
    recipe, thing = elsewhere(*opened(around("outer")))
    recipe.cleanup(thing)
    assert LOG == ["outer"]


async def awaits(*, lease):
    async def find(lease_id):
        return lease_id.upper()

    async def attach(handle):
        return handle + 1

    def handle(resource):
        return resource

    def ready(resource):
        LOG.append("asked")
        return True

    x = 1
    yield x
    await asyncio.sleep(0)
    LOG.append((x, lease))


def test_hooks_of_a_function_that_takes_its_lease():
    async def life():
        made = manager(awaits)
        made.lease = "lease"
        thing = await made.setup()
        assert made.ready(thing)
        kept = made.handle(thing)
        assert (kept.variables, kept.own) == ({}, (1,))
        other = manager(awaits)
        other.lease = "other"
        assert await other.attach(kept) == 2
        await other.cleanup(2)
        third = manager(awaits)
        await third.cleanup(await third.find("id"))

    asyncio.run(life())
    assert LOG == ["asked", (2, "other"), ("ID", None)]


def with_helpers():
    def find(name):
        return name

    yield find
    LOG.append("done")


def test_functions_of_one_that_takes_no_lease_are_its_own_business():
    made, thing = opened(with_helpers)
    assert not hasattr(made, "find")
    assert not hasattr(made, "ready")
    made.cleanup(thing)


def test_a_recorded_value_leads_to_the_clean_up():
    made = manager(plain, "box")
    assert made.attach({"size": 5, "name": "x"}) == {"size": 5, "name": "x"}
    made.cleanup(None)
    assert LOG == [("x", 5, (), "!", {})]


def test_what_set_up_has_not_got_to_is_cleaned_up_by_what_was_found():
    made = manager(plain, "box")
    made.cleanup({"size": 1})
    assert LOG == [("box", 1, (), "!", {})]


# ---- sources


def reason_of(definition):
    with pytest.raises(LedgerError) as caught:
        manager(definition).__resnb_recipe__()
    return str(caught.value).removeprefix("its clean-up lives in the kernel, because ")


def of_no_source():
    found = {}
    exec(compile("def made():\n    yield 1\n", "<nowhere>", "exec"), found)
    return found["made"]


@functools.wraps(plain)
def wrapper():
    yield 1


class Methods:
    def method(self):
        yield self
        LOG.append(self)


def test_where_the_source_is_not_known():
    for one in (of_no_source(), wrapper, Methods().method):
        assert reason_of(one) == "its source is not known"


def test_a_source_that_has_changed_since(tmp_path, monkeypatch):
    path = tmp_path / "changing.py"
    path.write_text("def made():\n    yield 1\n    print(1)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import changing

    path.write_text("def made():\n    yield 1\n    print(2)\n")
    assert reason_of(changing.made) == "its source has changed since"


def test_an_attribute_that_it_does_not_have():
    with pytest.raises(AttributeError, match="'plain' has no find"):
        _ = manager(plain, "box").find


def test_what_a_handle_consists_of_is_named():
    assert GeneratorHandle({"x": 1}, (2,)).__resnb_values__() == {
        "variable 'x'": 1,
        "what handle() returned": 2,
    }
