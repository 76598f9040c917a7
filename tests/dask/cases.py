"""Flows on the fake cluster, of which the test takes each step."""

import threading
import time
from contextlib import contextmanager

from resnb import Flow, resource_manager, task
from resnb.dask.bundles import forming
from tests.dask import codes
from tests.dask.fake_cluster import Client, Executor
from tests.run.parts import PATIENCE, Things, names

PLAIN = ((), {})
"""A task that needs none, without options."""
THINGS = None
SCRIPTS = {}


def code(name):
    """What each task does: it says so, and follows its script."""
    THINGS.note("begin", name)
    try:
        return SCRIPTS.get(name, str)()
    finally:
        THINGS.note("end", name)


def fails():
    raise ValueError("on purpose")


async def no_op():
    """Who waits for this has waited for what was begun before."""


class Case:
    """A flow of tasks in one scope, as it runs on the fake cluster."""

    def __init__(self, client, things):
        self.client, self.things = client, things
        self.handles = {}
        self.flow = Flow("f")
        self.run = None

    def begin(self, **tasks):
        """Run tasks, each given by the names of those upstream and its options.

        With `over`, a task is mapped over the value of the task of that name.
        """
        with self.flow, self.manager()():
            for name, (upstream, given) in tasks.items():
                options = {**given}
                over = options.pop("over", None)
                definition = task(code, name=name, **options)
                after = [self.handles[one] for one in upstream]
                if over is None:
                    self.handles[name] = definition(name, upstream_tasks=after)
                else:
                    self.handles[name] = definition.map(self.handles[over])
        self.run = self.flow.start(executor=Executor(self.client))

    def manager(self):
        case = self

        @resource_manager
        class Thing:
            def setup(self):
                return "thing"

            def cleanup(self, resource):
                case.things.note("clean-up of", resource)
                case.client.add_worker()
                case.client.perform_the_rest()

        return Thing

    def cancel(self):
        """Cancel the run, and wait until the scheduler knows: another thread may tell it."""
        self.run.cancel()
        deadline = time.monotonic() + PATIENCE
        while not self.run.execution.scheduler.cancelled:
            assert time.monotonic() < deadline, "the scheduler does not hear of the cancel"
            threading.Event().wait(0.001)

    def await_success(self, name):
        deadline = time.monotonic() + PATIENCE
        while self.handles[name].state.name != "Success":
            assert time.monotonic() < deadline, self.handles[name].state
            threading.Event().wait(0.001)

    def succeed_at_last(self, name):
        """Let a task's next try succeed, until is asked what came of one that went ahead in vain."""
        self.client.await_sent(name)
        SCRIPTS.clear()
        self.client.hold("gather")
        self.client.perform(name).tell("finished")
        self.client.await_asked("gather")

    def ended(self, **states):
        """Wait for the end; check the states, and that nothing began since the clean-up did."""
        state = self.run.wait(PATIENCE)
        found = names(state)
        assert {name: found[name] for name in states} == states
        self.client.perform_the_rest()
        assert self.things.story[-1] == "clean-up of thing", self.things.story
        return state

    def is_open(self):
        return "clean-up of thing" not in self.things.story


@contextmanager
def a_case(monkeypatch):
    """A case whose tasks travel alone; for those that travel together see `test_bundles`."""
    global THINGS  # noqa: PLW0603 - tasks' code is pickled, and finds it here
    monkeypatch.setattr(forming, "LIMITS", codes.SMALL)
    THINGS = Things()
    SCRIPTS.clear()
    client = Client()
    try:
        yield Case(client, THINGS)
    finally:
        client.close()
