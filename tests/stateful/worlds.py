"""A described flow made real: its tasks' own code keeps a log and follows the script.

The log is what invariants are judged by: what the tasks saw, not what resnb says of them.
"""

import itertools
import threading
from collections import Counter
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import NamedTuple
from unittest import mock
from weakref import WeakValueDictionary

from resnb import Flow, case, merge, resource_manager, signals, task, triggers, unmapped
from resnb.errors import TaskCancelled
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run import active, lifecycle
from resnb.run.engine.loop import LOOP
from tests.stateful.reference import LOST, MOST_ITEMS, OVERRUN, Scope, value_of

PATIENCE = 60.0
"""Seconds until a test that hangs gives up; nothing waits as long as that if all is well."""
LIMIT = 1.0
"""The time limit of every task that has one; other timers, such as the grace, never go off."""
CHILDREN = range(MOST_ITEMS)
"""Mapped over by every mapped task beside its own arguments: tells a child which one it is."""


CHOSEN = {
    "some_failed": triggers.some_failed(at_least=0.5, at_most=2),
    "some_successful": triggers.some_successful(at_least=2),
}


class Planned(Exception):  # noqa: N818 - not an error of the tests
    """What scripts raise."""


class Entry(NamedTuple):
    """A line of the log; `scripted` is false for clean-ups that no task of the flow asked for."""

    what: str
    name: str
    child: int
    number: int
    thread: int
    scripted: bool = True


class Resource(int):
    """What a set-up gives: a number, so that values can be compared, with an identity."""

    token = ""
    child = 0
    scripted = True


class FakeClock:
    """Time stands still; a time limit is over when the code that it is for says so."""

    def __init__(self):
        self._moments = itertools.count()
        self._timers = {}

    def now(self):
        return float(next(self._moments))

    def call_later(self, delay, function):
        if delay == LIMIT:
            self._timers[threading.get_ident()] = function
        return lambda: None

    def end_my_time(self):
        """Let the time limit of the code on this thread be over; called by that code."""
        LOOP.call_later(0.0, self._timers[threading.get_ident()])


WORLDS = WeakValueDictionary()
"""The worlds that are alive, by identity."""


def known_world(identity):
    return WORLDS[identity]


class World:
    """The code of a description's tasks, and the flow that is made of them."""

    def __init__(self, description, canceller="", way="code"):
        self.description = description
        WORLDS[id(self)] = self
        self.log = []
        self.made = Counter()
        self.cleaned = Counter()
        self.clock = FakeClock()
        self.over = False
        self.run = None
        self._started = threading.Event()
        self.canceller, self.way = canceller, way
        self._lock = threading.Lock()
        self._tries = Counter()
        self._gates = {}
        self.handles = {}
        self.moves = {}
        self._scopes = {}
        self.flow = Flow("random")
        with self.flow:
            self._build()

    def __reduce__(self):
        """On a cluster in this process, its tasks' code finds the very same world."""
        return known_world, (id(self),)

    # ---- running

    def finish(self, executor, task_states=None):
        """Run the flow to its end; gives its state."""
        with mock.patch.object(lifecycle, "RealClock", return_value=self.clock):
            self.run = self.flow.start(executor=executor, task_states=task_states)
        self._started.set()
        return ended(self.run)

    def close(self):
        """Clean up what scripts left behind; gives the leases that cannot be closed."""
        self.over = True
        left = KEEPER.close(KEEPER.alive(), budget=PATIENCE)
        return [(lease, lease.reason) for lease in left]

    # ---- what the tasks do

    def perform(self, step, arguments, child=0):
        """One try of a task's code."""
        number = 0
        try:
            try:
                with self._lock:
                    number = self._tries[step.name, child] + 1
                    self._note("begin", step, child, number)
                    self._tries[step.name, child] = number
                return self._act(step, arguments, child, number)
            finally:
                self._end(step, child, number)
        finally:  # an interrupt may have come just there
            self._end(step, child, number)

    def _end(self, step, child, number):
        with self._lock:
            notes = [one.what for one in self.log if one[1:4] == (step.name, child, number)]
            if "begin" in notes and "end" not in notes:
                self._note("end", step, child, number)

    def _note(self, what, step, child, number, scripted=True):
        self.log.append(Entry(what, step.name, child, number, threading.get_ident(), scripted))

    def _act(self, step, arguments, child, number):
        if step.name == self.canceller and self.way == "code" and number == 1:
            self._cancel()
        script = step.scripts[child % len(step.scripts)]
        outcome = script[min(number, len(script)) - 1]
        value = value_of(step, [plain(one) for one in arguments])
        if outcome == "raise":
            raise Planned(step.name, child, number)
        if outcome in ("SKIP", "FAIL", "RETRY", "TRIGGERFAIL"):
            raise getattr(signals, outcome)("planned")
        if outcome == "SUCCESS":
            raise signals.SUCCESS("planned", result=value)
        if outcome == "timeout":
            gate = threading.Event()
            self._gates[step.name] = gate, (step, child, number)
            self.clock.end_my_time()
            assert gate.wait(PATIENCE), "nobody noticed the time-out"
        if outcome == "stubborn":
            wait_to_be_stopped(self.clock)
        return value

    def _cancel(self):
        assert self._started.wait(PATIENCE)
        self.run.cancel()

    def noticed(self, step):
        """A state handler for `step`: lets the code that timed out return; cancels if asked to."""

        def handler(_task, _old, new):
            if isinstance(new.result, TimeoutError) and step.name in self._gates:
                gate, attempt = self._gates.pop(step.name)
                self._end(*attempt)  # noted here: an interrupt may arrive in that code any time now
                gate.set()
            if step.name == self.canceller and self.way == "handler" and new.is_running():
                self._cancel()

        return handler

    def seen(self, step):
        """A state handler for `step` that writes down what it is told."""

        def handler(_task, old, new):
            self.moves.setdefault(step.name, []).append((old.name, new.name))

        return handler

    # ---- resources

    def set_up(self, step, manager):
        """The code of a set-up; what it makes is counted, whether it is given out or not."""
        child = manager.child
        number = self._tries[step.name, child] + 1
        script = step.scripts[child % len(step.scripts)]
        outcome = script[min(number, len(script)) - 1]
        thing = Resource(value_of(step, [None]))
        thing.child = child
        thing.token = f"{step.name} {child} {number}"
        thing.scripted = outcome == "ok"
        if outcome == "half":
            manager.lease.record(thing)
            self.made[thing.token] += 1
            return self.perform(half_raised(step), [None], child)
        found = self.perform(step, [None], child)
        assert found == thing
        self.made[thing.token] += 1
        return thing

    def clean_up(self, step, thing):
        """The code of a clean-up: by the script, unless it is for something half made."""
        assert isinstance(thing, Resource)
        if thing.scripted and not self.over:
            self.perform(step, [None], thing.child)
        else:
            with self._lock:
                self._note("begin", step, thing.child, 0, scripted=False)
                self._note("end", step, thing.child, 0, scripted=False)
        self.cleaned[thing.token] += 1

    def _manager(self, scope):
        world = self

        class Manager:
            def __init__(self, *values, child=0):
                self.child = child
                world.perform(scope.init, values, child)

            def setup(self):
                return world.set_up(scope.setup, self)

            def cleanup(self, thing):
                world.clean_up(scope.cleanup, thing)

        parts = {f"{kind}_task_kwargs": self._options(getattr(scope, kind))
                 for kind in ("init", "setup", "cleanup")}  # fmt: skip
        for unwanted in ("trigger", "skip_on_upstream_skip"):
            del parts["cleanup_task_kwargs"][unwanted]
        for options in parts.values():
            del options["thread"]  # they share the lease's
        return resource_manager(name=scope.name, **parts)(Manager)

    # ---- building

    def _build(self):
        block, inside = ExitStack(), ""
        for item in self.description:
            first = item.init if isinstance(item, Scope) else item
            if first.case != inside or first.kind == "case":
                block.close()
                inside = first.case
            if first.kind == "case":
                block.enter_context(self._around(first))
                before = set(self.flow.nodes)
                block.enter_context(case(self.handles[first.values[0]], first.gives))
                (self.handles[first.name],) = set(self.flow.nodes) - before
                inside = first.name
                continue
            with self._around(first):
                self._add(item)
        block.close()

    def _around(self, step):
        return self._scopes[step.scope] if step.scope else nullcontext()

    def _add(self, item):
        if isinstance(item, Scope):
            values, manager = self._marked(item.init), self._manager(item)
            scope = manager.map(*values, child=CHILDREN) if item.init.mapped else manager(*values)
            self._scopes[item.name] = scope
            for one, handle in zip((item.init, item.setup, item.cleanup), scope.own_tasks,
                                   strict=True):  # fmt: skip
                self.handles[one.name] = handle
            return
        values = [self.handles[name] for name in item.values]
        after = [self.handles[name] for name in item.after]
        if item.kind == "merge":
            handle = merge(*values)
            handle.set_dependencies(upstream_tasks=after)
        elif item.mapped:
            marked = self._marked(item)
            after = [
                one if name in item.mapped else unmapped(one)
                for name, one in zip(item.after, after, strict=True)
            ]
            handle = self._definition(item).map(*marked, child=CHILDREN, upstream_tasks=after)
        else:
            handle = self._definition(item)(*values, upstream_tasks=after)
        self.handles[item.name] = handle

    def _marked(self, step):
        """What `step` is given, and what of it is mapped over."""
        values = [(name, self.handles[name]) for name in step.values]
        if not step.mapped:
            return [value for _, value in values]
        return [value if name in step.mapped else unmapped(value) for name, value in values]

    def _definition(self, step):
        def plain_code(*values, child=0):
            return self.perform(step, values, child)

        async def async_code(*values, child=0):
            return self.perform(step, values, child)

        code = async_code if "async" in step.ways else plain_code
        return task(code, name=step.name, **self._options(step))

    def _options(self, step):
        trigger = CHOSEN.get(step.trigger) or getattr(triggers, step.trigger)
        limited = any(entry in OVERRUN for script in step.scripts for entry in script)
        watched = limited or step.name == self.canceller
        handlers = [self.noticed(step)] if watched else []
        if "watched" in step.ways:
            handlers.append(self.seen(step))
        return {
            "max_retries": step.retries,
            "trigger": (lambda upstream: trigger(upstream)) if step.own else trigger,
            "skip_on_upstream_skip": step.skips,
            "timeout": LIMIT if limited else None,
            "thread": "setup" if "setup thread" in step.ways else "worker",
            "state_handlers": handlers,
        }


def ended(run):
    """Wait for `run`, but not for ever; gives its state."""
    try:
        return run.wait(timeout=PATIENCE)
    except TimeoutError:
        states = {task.name: state.name for task, state in run.state.result.items()}
        active._ACTIVE.clear()  # so that hypothesis can look for a smaller example
        raise AssertionError(f"the run hangs: {states}") from None


def wait_to_be_stopped(clock):
    """Let the time be over, wait for the request to stop, and swallow it."""
    never = threading.Event()
    try:
        clock.end_my_time()
        for _ in range(int(PATIENCE * 1000)):
            never.wait(0.001)  # an interrupt arrives between two lines only
    except TaskCancelled:
        return
    raise AssertionError("nobody asked the code to stop")


def half_raised(step):
    """`step` with a script that raises where it says ``half``."""
    scripts = tuple(tuple("raise" if x == "half" else x for x in one) for one in step.scripts)
    return replace(step, scripts=scripts)


def plain(value):
    """A value as the reference has it."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return LOST if isinstance(value, BaseException) else value


__all__ = ["KEEPER", "PATIENCE", "Entry", "Planned", "World", "ended"]
