"""Which failed set-ups have surely made nothing; in doubt none has."""
# ruff: noqa: F821 - slips are what it is about

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from resnb.errors import NothingMadeError, TaskCancelled
from resnb.graph.resources.resource import ResourceManager
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.made_nothing import made_nothing
from resnb.ledger.kernel.managed import ManagedResource
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from tests.ledger.no_book import NoBook

MADE = []
FAILURES = (
    NameError, AttributeError, ImportError, NotImplementedError, RuntimeError, TypeError, ValueError
)  # fmt: skip


class Base:
    port = 5
    path = "x"
    count = 0

    def cleanup(self, resource):
        pass

    @property
    def client(self):
        MADE.append("client")
        return 1


def slip_in_an_argument(self):
    return subprocess.Popen(["sleep", seconds])


def slip_beside_an_attribute(self):
    return subprocess.Popen(["sleep", "9"], cwd=self.path, env=envv, bufsize=self.port)


def slip_in_the_name(self):
    name = "x"
    return opne(name, self.port)


def module_without_it(self):
    return subprocess.Popenn(["sleep", "9"])


def attribute_without_it(self):
    return subprocess.Popen(self.comand)


def no_such_module(self):
    import no_such_module_anywhere

    return no_such_module_anywhere.start()


def import_before(self):
    import json
    from pathlib import Path as Folder

    return Folder(json, self.port, fodler)


def unbound(self):
    subprocess.Popen(thing)
    thing = ["sleep", "9"]
    return thing, self


def not_yet(self):
    raise NotImplementedError


def guarded(self):
    if self.path is not None:
        raise RuntimeError


async def coroutine(self):
    return await conect(self.port)


def wants_more(self, size):
    return subprocess.Popen(size)


SURE = [
    slip_in_an_argument, slip_beside_an_attribute, slip_in_the_name, module_without_it, unbound,
    attribute_without_it, no_such_module, import_before, not_yet, guarded, coroutine, wants_more,
]  # fmt: skip


def after_a_call(self):
    MADE.append(1)
    return nothing


def in_the_call(self):
    return os.fspath(self)


def in_code_of_others(self):
    return Path(5)


def in_a_property(self):
    return subprocess.Popen(["sleep", self.client], env=envv)


def after_an_operator(self):
    made = self + 1
    return made + nothing


def after_a_loop_back(self):
    first = None
    while True:
        if first is not None:
            return nothing
        first = MADE.append(1) or 5


def caught(self):
    try:
        MADE.append(1)
        int("x")
    except ValueError:
        return nothing


def with_block(self):
    with Path(os.devnull).open():
        return nothing


def deeper(self):
    return after_a_call(self)


def itself(self):
    if self.count is None:
        return nothing
    self.count = None
    return self.setup()


async def after_an_await(self):
    await coroutine_that_works()
    return nothing


async def coroutine_that_works():
    MADE.append(1)


def wrong_call_in_it(self):
    return wants_more(self)


DOUBTFUL = [
    after_a_call, in_the_call, in_code_of_others, in_a_property, after_an_operator, caught, deeper,
    after_a_loop_back, with_block, itself, after_an_await, wrong_call_in_it,
]  # fmt: skip


def verdict(manager):
    """What becomes of the manager's set-up, as a lease runs it."""
    keeper = Keeper(NoBook)
    keeper.watch_ends = lambda: None
    lease = keeper.prepare(LeaseRequest("a", manager, LeaseThread()))
    with pytest.raises(FAILURES):
        lease.set_up(run_through)
    lease.release_thread()
    return lease._managed.is_nothing


def run_through(function, *args):
    value = function(*args)
    if hasattr(value, "send"):
        try:
            value.send(None)
        except StopIteration as end:
            return end.value
    return value


@pytest.mark.parametrize("setup", SURE, ids=lambda one: one.__name__)
def test_surely_nothing(setup):
    assert verdict(type("Manager", (Base,), {"setup": setup})())


@pytest.mark.parametrize("setup", DOUBTFUL, ids=lambda one: one.__name__)
def test_in_doubt_nobody_knows(setup):
    assert not verdict(type("Manager", (Base,), {"setup": setup})())


def generator():
    yield subprocess.Popen(["sleep", seconds])


def generator_after_a_call():
    MADE.append(1)
    yield nothing


def test_generators_and_context_managers():
    for function, expected in ((generator, True), (generator_after_a_call, False)):
        for form in (function, contextmanager(function)):
            assert verdict(ResourceManager(form).resource_class()) is expected


def test_classes_that_compute_attributes_are_in_doubt():
    class Odd(Base):
        def __getattr__(self, name):
            MADE.append(name)
            raise AttributeError(name)

        setup = attribute_without_it

    class Odder(Base):
        setup = slip_beside_an_attribute

        def __getattribute__(self, name):
            return object.__getattribute__(self, name)

    assert not verdict(Odd())
    assert not verdict(Odder())


def test_a_manager_without_a_function_is_in_doubt():
    class Manager(Base):
        setup = staticmethod(subprocess.Popen)

    with pytest.raises(TypeError) as caught:
        Manager().setup(no_such=1)
    assert not made_nothing(Manager(), caught.value)


def test_an_error_that_comes_when_set_up_has_returned_is_in_doubt():
    """An interrupt, say: its frame is gone, and what it made with it."""
    manager = type("Manager", (Base,), {"setup": lambda self: 1})()
    for error in (KeyboardInterrupt(), TypeError("of another call")):
        assert not made_nothing(manager, error)


@pytest.mark.parametrize("begins", [True, False])
def test_a_set_up_that_was_stopped_before_it_began(begins):
    class Plain:
        def setup(self):
            return object()

        def cleanup(self, resource):
            raise AssertionError

    def stopped(function, *args):
        if begins:
            function(*args)
        raise TaskCancelled

    made = ManagedResource(Plain(), "a", Keeper(NoBook))
    with pytest.raises(TaskCancelled):
        made.set_up(stopped)
    assert made.is_half_made == begins


def test_a_set_up_that_says_so_has_made_nothing():
    manager = type("Manager", (Base,), {"setup": lambda self: MADE.append(1)})()
    error = NothingMadeError("no program")
    assert made_nothing(manager, error)
    error.is_told = True  # it comes from a set-up inside this one, which may have made something
    assert not made_nothing(manager, error)
