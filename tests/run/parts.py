"""What the tests of runs share: a clock that is moved by hand, and code that will not stop."""

import threading
from contextlib import suppress

from resnb import resource_manager, task
from resnb.errors import TaskCancelled
from resnb.run.flow_run import FlowRun

PATIENCE = 60.0
"""Seconds after which a test that waits gives up; nothing waits as long as that if all is well."""


class ManualClock:
    """Time that passes when the test says so; its timers fire on the test's thread."""

    def __init__(self):
        self.seconds = 0.0
        self.timers = []
        self._changed = threading.Condition()

    def now(self):
        return self.seconds

    def call_later(self, delay, function):
        timer = (self.seconds + delay, delay, function)
        with self._changed:
            self.timers.append(timer)
            self._changed.notify_all()

        def call_off():
            with self._changed, suppress(ValueError):
                self.timers.remove(timer)
                self._changed.notify_all()

        return call_off

    def await_timer(self, delay):
        """Wait until there is a timer that was set for `delay` seconds."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: any(timer[1] == delay for timer in self.timers), PATIENCE
            )
        assert found, f"no timer of {delay} s among {[timer[1] for timer in self.timers]}"

    def await_only_timer(self, delay):
        """Wait until one of several timers of `delay` seconds is left."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: [timer[1] for timer in self.timers].count(delay) == 1, PATIENCE
            )
        assert found, f"timers are left: {[timer[1] for timer in self.timers]}"

    def advance(self, seconds):
        """Let `seconds` pass, and do what was to be done by then."""
        with self._changed:
            self.seconds += seconds
            due = sorted(
                (one for one in self.timers if one[0] <= self.seconds), key=lambda one: one[0]
            )
            self.timers = [one for one in self.timers if one[0] > self.seconds]
        for _, _, function in due:
            function()


class Stubborn:
    """Code that goes on when it is told to stop, until it is let go."""

    def __init__(self):
        self.began = threading.Event()
        self.let_go = threading.Event()
        self.done = threading.Event()

    def __call__(self):
        while True:
            with suppress(TaskCancelled):
                self.began.set()  # in here, as the request to stop may come at once
                self.let_go.wait()
                break
        self.done.set()

    def await_beginning(self):
        assert self.began.wait(PATIENCE)


def run_in_circles():
    """Code that runs until it is told to stop."""
    while True:
        threading.Event().wait(0.001)


class Things:
    """Counts what was set up and cleaned up, in order."""

    def __init__(self):
        self.story = []
        self.threads = set()
        self._noted = threading.Condition()

    def note(self, *words):
        with self._noted:
            self.story.append(" ".join(str(word) for word in words))
            self.threads.add(threading.get_ident())
            self._noted.notify_all()

    def await_note(self, text):
        with self._noted:
            assert self._noted.wait_for(lambda: text in self.story, PATIENCE), self.story

    def manager(self, **options):
        """A manager whose resource is the name it was made with."""
        note = self.note

        @resource_manager(**options)
        class Thing:
            def __init__(self, name="x"):
                self.name = name
                note("init", name)

            def setup(self):
                note("setup", self.name)
                return self.name

            def cleanup(self, resource):
                note("cleanup", resource)

        return Thing


@task
def use(*values):
    """A task that only depends on things."""
    return values


def started(flow, clock=None, executor=None, **options):
    """A run in the background, on a clock of the test's own."""
    return FlowRun(flow, {}, executor, clock=clock, **options).start()


def ended(run):
    """The final state of `run`."""
    return run.wait(PATIENCE)


def names(state):
    """The state of each task, by the task's name."""
    return {task.name: one.name for task, one in state.result.items()}
