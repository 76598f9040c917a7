"""Every accepted form of a resource, brought to a class with setup and cleanup."""

import asyncio
import inspect
from contextlib import asynccontextmanager, contextmanager, nullcontext

import pytest

from resnb import Flow, ResourceManager, resource, resource_manager, task
from resnb.errors import CleanupError, GraphError

LOG = []


@pytest.fixture(autouse=True)
def log():
    LOG.clear()
    return LOG


class Things:
    """A thing with setup and cleanup."""

    def __init__(self, size=1):
        self.size = size

    def setup(self):
        LOG.append("set up")
        return self.size

    def cleanup(self, resource):
        LOG.append(f"cleaned up {resource}")


class AsyncThings(Things):
    async def setup(self):
        return super().setup()

    async def cleanup(self, resource):
        super().cleanup(resource)


def generator(size=1):
    """A generator."""
    LOG.append("set up")
    yield size
    LOG.append(f"cleaned up {size}")


async def async_generator(size=1):
    LOG.append("set up")
    yield size
    LOG.append(f"cleaned up {size}")


class Entered:
    def __init__(self, size=1):
        self.size = size

    def __enter__(self):
        LOG.append("set up")
        return self.size

    def __exit__(self, *error):
        assert error == (None, None, None)
        LOG.append(f"cleaned up {self.size}")


class AsyncEntered:
    def __init__(self, size=1):
        self.size = size

    async def __aenter__(self):
        return Entered.__enter__(self)

    async def __aexit__(self, *error):
        Entered.__exit__(self, *error)


FORMS = {
    "class": Things,
    "async class": AsyncThings,
    "generator": generator,
    "async generator": async_generator,
    "contextmanager": contextmanager(generator),
    "asynccontextmanager": asynccontextmanager(async_generator),
    "class of context managers": Entered,
    "class of async context managers": AsyncEntered,
}
OBJECTS = {"object": Entered, "async object": AsyncEntered}


def through_a_life(manager, *args):
    """Set up and clean up as the tasks of a scope do; gives the resource."""
    with Flow("f") as flow:
        init, setup, cleanup = manager(*args).own_tasks
    assert flow.tasks >= {init, setup, cleanup}
    made = init.run(*args)

    async def both():
        found = setup.run(made)
        found = await found if inspect.isawaitable(found) else found
        done = cleanup.run(made, found)
        if inspect.isawaitable(done):
            await done
        return found

    return asyncio.run(both())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_sets_up_and_cleans_up(form):
    manager = resource(FORMS[form])
    assert isinstance(manager, ResourceManager)
    assert through_a_life(manager, 3) == 3
    assert LOG == ["set up", "cleaned up 3"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_name_and_signature_of_its_definition(form):
    manager = resource(FORMS[form])
    assert manager.name == FORMS[form].__name__
    assert manager.signature.positional == ("size",)
    assert manager.signature.required == frozenset()
    assert repr(manager) == f"<ResourceManager: {manager.name}>"


@pytest.mark.parametrize("form", OBJECTS)
def test_a_context_manager_is_used_at_once(form):
    with Flow("f") as flow:
        thing = OBJECTS[form](3)
        with resource(thing) as handle:
            task(lambda x: x, name="use")(handle)
    (scope,) = flow.scopes
    assert scope.name == OBJECTS[form].__name__
    assert names_of(scope) == ["use"]
    assert through_a_life(scope.manager) == 3
    assert LOG == ["set up", "cleaned up 3"]


def names_of(scope):
    return [one.name for one in scope.members]


def test_a_context_manager_that_is_both_is_entered_the_plain_way():
    class Both(Entered, AsyncEntered):
        pass

    with Flow("f"):
        scope = resource(Both(2))
    assert through_a_life(scope.manager) == 2
    assert not inspect.iscoroutinefunction(scope.manager.resource_class.setup)


def test_a_manager_is_taken_as_it_is():
    manager = resource(Things)
    assert resource(manager) is manager
    assert resource(manager, ttl=5).scope_options.ttl == 5
    assert manager.scope_options.ttl is None


def test_a_scope_is_taken_as_it_is():
    with Flow("f"):
        scope = resource_manager(Things)()
        assert resource(scope) is scope
        with pytest.raises(GraphError, match=r"'Things' is in use already.*Things.options\(...\)"):
            resource(scope, ttl=5)


@pytest.mark.parametrize("decorate", [resource, resource_manager])
def test_both_decorators_take_options(decorate):
    @decorate(name="renamed", ttl="1m")
    class Thing(Things):
        pass

    assert (Thing.name, Thing.scope_options.ttl) == ("renamed", 60)
    assert Thing.__doc__ == Thing.resource_class.__doc__


def test_setup_is_optional():
    class Bare:
        def cleanup(self, resource):
            LOG.append(resource)

    assert through_a_life(resource(Bare)) is None
    assert LOG == [None]


def test_the_documentation_is_kept():
    assert resource(Things).__doc__ == "A thing with setup and cleanup."
    assert resource(generator).__doc__ == resource(generator).resource_class.__doc__


@pytest.mark.parametrize("clean", [staticmethod, classmethod])
def test_cleanup_may_need_no_self(clean):
    class Thing:
        if clean is staticmethod:

            @staticmethod
            def cleanup(resource):
                LOG.append(resource)
        else:

            @classmethod
            def cleanup(cls, resource):
                LOG.append(resource)

    assert through_a_life(resource(Thing)) is None
    assert LOG == [None]


# ---- generators that do not yield once


def yields_nothing():
    if LOG is None:
        yield


def yields_twice():
    try:
        yield 1
        yield 2
    finally:
        LOG.append("closed")


async def async_yields_nothing():
    if LOG is None:
        yield


async def async_yields_twice():
    try:
        yield 1
        yield 2
    finally:
        LOG.append("closed")


@pytest.mark.parametrize("form", [yields_nothing, async_yields_nothing])
def test_a_generator_that_never_yields(form):
    name = form.__name__
    with pytest.raises(GraphError, match=f"'{name}' returned without a yield: yield the resource"):
        through_a_life(resource(form))


@pytest.mark.parametrize("form", [yields_twice, async_yields_twice])
def test_a_generator_that_yields_twice_is_closed(form):
    name = form.__name__
    with pytest.raises(CleanupError, match=f"'{name}' yielded twice: a resource yields once"):
        through_a_life(resource(form))
    assert LOG == ["closed"]


def fails_once():
    count = 0
    yield 1
    count += 1
    LOG.append(f"cleaned up {count}")
    if len(LOG) == 1:
        raise ZeroDivisionError


async def async_fails_once():
    count = 0
    yield 1
    count += 1
    LOG.append(f"cleaned up {count}")
    if len(LOG) == 1:
        raise ZeroDivisionError


def fails_in_a_block():
    with nullcontext():
        yield 1
        raise ZeroDivisionError


async def async_fails_in_a_block():
    with nullcontext():
        yield 1
        raise ZeroDivisionError


def cleaned_up_twice(form):
    made = resource(form).resource_class()

    async def called(function, *args):
        done = function(*args)
        return await done if inspect.isawaitable(done) else done

    async def life():
        resource = await called(made.setup)
        with pytest.raises(ZeroDivisionError):
            await called(made.cleanup, resource)
        await called(made.cleanup, resource)

    asyncio.run(life())


@pytest.mark.parametrize("form", [fails_once, async_fails_once])
def test_a_second_cleanup_of_a_generator_runs_what_follows_the_yield_alone(form):
    cleaned_up_twice(form)
    assert LOG == ["cleaned up 1", "cleaned up 1"]


@pytest.mark.parametrize("form", [fails_in_a_block, async_fails_in_a_block])
def test_the_cleanup_of_a_generator_that_cannot_be_split_is_not_begun_again(form):
    with pytest.raises(CleanupError, match="cannot be begun again"):
        cleaned_up_twice(form)


# ---- what is refused


class NoCleanup:
    def setup(self): ...


class CleanupTakesNothing:
    def cleanup(self): ...


class CleanupTakesMore:
    def cleanup(self, resource, more): ...


class StaticCleanupTakesNothing:
    @staticmethod
    def cleanup(): ...


class CleanupYields:
    def cleanup(self, resource):
        yield


class FindYields:
    async def find(self, lease_id):
        yield lease_id

    def cleanup(self, resource): ...


REFUSED = {
    NoCleanup: r"'NoCleanup' has no cleanup: define cleanup\(self, resource\)",
    CleanupTakesNothing: r"'CleanupTakesNothing': cleanup must take the resource and nothing else",
    CleanupTakesMore: r"'CleanupTakesMore': cleanup must take the resource and nothing else",
    StaticCleanupTakesNothing: "cleanup must take the resource and nothing else",
    CleanupYields: "'CleanupYields': cleanup has a yield, so a call of it runs nothing",
    FindYields: "'FindYields': find has a yield, so a call of it runs nothing",
    5: "'int' is no resource: .*pass a class.*generator function with one yield",
}


@pytest.mark.parametrize("definition", REFUSED, ids=lambda one: getattr(one, "__name__", one))
@pytest.mark.parametrize("decorate", [resource, resource_manager])
def test_what_is_no_resource(definition, decorate):
    with pytest.raises(GraphError, match=REFUSED[definition]):
        decorate(definition)


def no_generator():
    return 1


@pytest.mark.parametrize("decorate", [resource, resource_manager])
def test_a_generator_without_a_yield_is_found_at_setup(decorate):
    with pytest.raises(
        GraphError, match=r"'no_generator' made 'int', which nothing ends: .*write a generator with"
    ):
        through_a_life(decorate(no_generator))


def test_a_function_that_gives_no_context_manager_is_found_at_setup():
    @contextmanager
    def fine():
        yield 1

    def wrong():
        return 5

    wrong.__wrapped__ = fine
    with pytest.raises(GraphError, match="'wrong' made 'int', which nothing ends"):
        through_a_life(resource(wrong))


def test_a_resource_outside_a_flow_is_not_opened_by_its_call():
    assert repr(resource(Things)()).startswith("<Things: not open yet; write `with Things(...)")
    used = resource(nullcontext())
    assert used.state == "unopened"
    assert resource(used) is used
