"""The scheduler by itself, driven by hand: random plans, outcomes in any order, no threads."""

from hypothesis import given, settings
from hypothesis import strategies as st

from resnb import Flow, resource_manager, task
from resnb.run.scheduling.compiling import compiled
from resnb.run.scheduling.scheduler import Scheduler
from resnb.run.scheduling.state_table import Table
from resnb.states import (
    CANCELLED,
    FAILED,
    FIRST_FINISHED,
    PENDING,
    RETRYING,
    RUNNING,
    SKIPPED,
    TIMED_OUT,
    Success,
)


@resource_manager
class Thing:
    def cleanup(self, resource):
        pass


@st.composite
def plans(draw):
    """A flow of some tasks, scopes (nested, too) and edges from older to newer ones."""
    with Flow("f") as flow:
        made, open_scopes = [], []
        for number in range(draw(st.integers(0, 8))):
            what = draw(st.sampled_from(["task", "task", "mapped", "open", "close"]))
            if what == "open":
                scope = Thing()
                scope.__enter__()
                open_scopes.append(scope)
            elif what == "close" and open_scopes:
                open_scopes.pop().__exit__(None, None, None)
            else:
                after = chosen_of(draw, made)
                one = task(lambda *_: None, name=f"t{number}")
                handle = one.map([1, 2]) if what == "mapped" else one()
                for up in after:
                    flow.add_edge(up, handle)
                made.append(handle)
        while open_scopes:
            open_scopes.pop().__exit__(None, None, None)
    return compiled(flow, {}, {one: Success() for one in chosen_of(draw, made)})


def chosen_of(draw, made):
    """Some of `made`, in order."""
    return [one for one in made if draw(st.booleans())]


class Driver:
    """Takes rows and reports outcomes in an order that is drawn, and checks the invariants."""

    def __init__(self, plan, draw):
        self.plan, self.draw = plan, draw
        self.table = Table(len(plan.tasks))
        self.scheduler = Scheduler(plan, self.table)
        self.taken, self.late, self.pausing = [], [], []

    def step(self):
        scheduler = self.scheduler
        choices = [
            kind
            for kind, there in {
                "take": scheduler.ready,
                "errand": scheduler.errands,
                "end": self.taken,
                "return": self.late,
                "resume": self.pausing,
            }.items()
            if there
        ]
        if not choices:
            return False
        if not scheduler.cancelled and self.draw(st.integers(0, 20)) == 0:
            for row in scheduler.cancel():
                assert self.table.state[row] == RUNNING
        kind = self.draw(st.sampled_from(choices))
        getattr(self, kind)()
        self.check()
        return True

    def take(self, queue=None):
        queue = self.scheduler.ready if queue is None else queue
        if not queue:  # a cancel came first
            return
        row = queue.popleft()
        self.table.move(row, RUNNING)
        cleanup = self.plan.tasks[self.scheduler.mapped.origin(row)].kind == "cleanup"
        if self.scheduler.cancelled and not cleanup:
            self.scheduler.ended(row, CANCELLED)
            return
        self.table.tries[row] += 1
        self.taken.append(row)

    def errand(self):
        self.take(self.scheduler.errands)

    def end(self):
        row = self.draw(st.sampled_from(self.taken))
        self.taken.remove(row)
        origin = self.scheduler.mapped.origin(row)
        if row == origin and self.plan.nodes[row].is_mapped:
            self.scheduler.expand(row, self.draw(st.integers(0, 3)))
            return
        how = self.draw(st.sampled_from(["ok", "ok", "fail", "skip", "retry", "late"]))
        if how == "ok":
            self.scheduler.succeeded(row)
        elif how == "retry" and self.table.tries[row] < 3:
            if self.scheduler.retry(row):
                self.pausing.append(row)
            else:
                self.scheduler.ended(row, FAILED)
        elif how == "late":
            self.scheduler.overran(row)
            self.scheduler.ended(row, TIMED_OUT)
            self.late.append(row)
        else:
            self.scheduler.ended(row, SKIPPED if how == "skip" else FAILED)

    def resume(self):
        row = self.pausing.pop()
        self.scheduler.resume(row)

    def __getattr__(self, name):
        if name == "return":
            return self.come_back
        raise AttributeError(name)

    def come_back(self):
        row = self.draw(st.sampled_from(self.late))
        self.late.remove(row)
        self.scheduler.returned(row)

    def check(self):
        state, scheduler = self.table.state, self.scheduler
        count = len(self.plan.tasks)
        for row in range(count):
            missing = sum(state[up] < FIRST_FINISHED for up in self.plan.upstream[row])
            assert scheduler._waits.missing[row] == missing
            if state[row] == RUNNING:
                assert not missing
        assert scheduler.unfinished == sum(code < FIRST_FINISHED for code in state)
        waiting = [*scheduler.ready, *scheduler.errands]
        assert len(set(waiting)) == len(waiting)
        assert all(state[row] in (PENDING, RETRYING) for row in waiting)
        busy = {scheduler.mapped.origin(row) for row in (*self.taken, *self.late)}
        for planned in self.plan.scopes:
            if planned.cleanup in busy or planned.cleanup in waiting:
                members = set(planned.members) - {planned.cleanup}
                assert not members & busy, "a clean-up began while code of its scope ran"


@settings(max_examples=300)
@given(plans(), st.data())
def test_every_row_ends_once_and_the_invariants_hold(plan, data):
    driver = Driver(plan, data.draw)
    driver.scheduler.begin()
    driver.check()
    while driver.step():
        pass
    assert driver.scheduler.done
    assert all(code >= FIRST_FINISHED for code in driver.table.state)
    for planned in plan.scopes:
        made = driver.table.state[planned.setup]
        cleaned = driver.table.state[planned.cleanup]
        if made >= FAILED or made == SKIPPED:
            assert cleaned == SKIPPED
            assert not driver.table.tries[planned.cleanup]
        else:
            assert driver.table.tries[planned.cleanup]


@given(plans())
def test_a_cancel_before_the_beginning(plan):
    driver = Driver(plan, None)
    driver.scheduler.cancel()
    driver.scheduler.begin()
    assert driver.scheduler.done
    assert not any(driver.table.tries)
