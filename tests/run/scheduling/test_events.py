"""Each event of the scheduler by itself: what it releases, ends and tells, on small flows."""

from collections import deque
from queue import SimpleQueue

import pytest

from resnb import Flow, triggers
from resnb.errors import IllegalTransition
from resnb.run.scheduling.compiling import compiled
from resnb.run.scheduling.growth import ENDED, AddedRow
from resnb.run.scheduling.lazy_scopes import NOTHING_TO_RUN
from resnb.run.scheduling.plan import CALLER, Plan, PlannedScope, send_away
from resnb.run.scheduling.scheduler import NOT_BEGUN, Scheduler
from resnb.run.scheduling.state_table import Table
from resnb.run.scheduling.trigger_rules import NOTHING_MADE
from resnb.states import (
    CANCELLED,
    FAILED,
    MAPPED,
    PENDING,
    RETRYING,
    RUNNING,
    SKIPPED,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
    Failed,
    Mapped,
    Success,
)
from tests.run.scheduling.small_flows import Thing, made

WANTS_ALL = "trigger 'all_successful' wants all upstream tasks successful"


class World:
    """A scheduler whose rows are named, and what it tells."""

    def __init__(self, plan):
        self.plan = plan
        self.table = Table(len(plan.tasks))
        self.scheduler = Scheduler(plan, self.table)
        self.told = []
        self.scheduler.refused = lambda row, reason: self.told.append((row, reason))

    @classmethod
    def of(cls, flow, given=None, only=None):
        world = cls(compiled(flow, {}, given or {}, only))
        world.scheduler.begin()
        return world

    def row(self, one):
        return one if isinstance(one, int) else self.plan.row_of[one]

    def state(self, *tasks):
        found = tuple(self.table.state[self.row(one)] for one in tasks)
        return found[0] if len(found) == 1 else found

    def children(self, one):
        block = self.scheduler.mapped.children[self.row(one)]
        return list(block.rows())

    def take(self, *tasks):
        for one in tasks:
            row = self.row(one)
            queue = self.scheduler.ready
            (queue if row in queue else self.scheduler.errands).remove(row)
            self.table.move(row, RUNNING)

    def succeed(self, *tasks):
        for one in tasks:
            self.take(one)
            self.scheduler.succeeded(self.row(one))

    def fail(self, *tasks, code=FAILED):
        for one in tasks:
            self.take(one)
            assert self.scheduler.ended(self.row(one), code, "so it is") is True

    def expand(self, one, *args, **named):
        self.take(one)
        self.scheduler.expand(self.row(one), *args, **named)

    @property
    def waiting(self):
        return list(self.scheduler.ready)

    @property
    def errands(self):
        return list(self.scheduler.errands)

    def is_ready(self, *tasks):
        return self.waiting == [self.row(one) for one in tasks]


def chain(*names, **options):
    with Flow("f") as flow:
        found = []
        for name in names:
            found.append(made(name, **options)(*found[-1:]))
    return flow, *found


def scoped(**options):
    """A flow with a scope around one task: init, set-up, the task and the clean-up."""
    with Flow("f") as flow, Thing.options(**options)() as thing:
        inside = made("inside")(thing)
    [scope] = flow.scopes
    return flow, inside, *scope.own_tasks


# --- a plan that stands


def test_a_success_releases_what_waits_for_it_and_a_run_is_done_at_its_end():
    flow, one, two = chain("one", "two")
    world = World.of(flow)
    assert world.is_ready(one)
    assert (world.scheduler.done, world.scheduler.unfinished, world.scheduler.joined) == (
        False, 2, 2
    )  # fmt: skip
    world.succeed(one)
    assert world.is_ready(two)
    assert not world.scheduler.done
    world.succeed(two)
    assert (world.waiting, world.scheduler.done, world.scheduler.unfinished) == ([], True, 0)
    assert world.scheduler.reasons == {}


def joined():
    """A flow of two tasks and one that needs both, and these three."""
    with Flow("f") as flow:
        one, other = made("one")(), made("other")()
        last = made("last")(one, other)
    return flow, one, other, last


def test_a_row_waits_for_all_of_its_upstream_rows():
    flow, one, other, last = joined()
    world = World.of(flow)
    world.succeed(one)
    assert world.is_ready(other)
    world.succeed(other)
    assert world.is_ready(last)


def test_only_a_row_that_runs_can_succeed():
    flow, one, two = chain("one", "two")
    world = World.of(flow)
    world.scheduler.ended(world.row(one), CANCELLED)
    with pytest.raises(IllegalTransition):
        world.scheduler.succeeded(world.row(one))
    assert world.state(one, two) == (CANCELLED, TRIGGER_FAILED)


@pytest.mark.parametrize("trigger", [triggers.any_failed, triggers.all_finished])
def test_a_trigger_of_its_own_decides_also_after_successes(trigger):
    with Flow("f") as flow:
        one = made("one")()
        last = made("last", trigger=trigger)(one)
    world = World.of(flow)
    world.succeed(one)
    assert world.is_ready(*[last] * (trigger is triggers.all_finished))


def test_a_failure_ends_all_that_its_triggers_refuse_and_tells_so():
    flow, one, two, three = chain("one", "two", "three")
    with flow:
        after = made("after", trigger=triggers.all_finished)(three)
    world = World.of(flow)
    world.fail(one)
    assert world.state(one, two, three, after) == (FAILED, TRIGGER_FAILED, TRIGGER_FAILED, PENDING)
    assert world.is_ready(after)
    rows = [world.row(two), world.row(three)]
    assert world.scheduler.reasons == {world.row(one): "so it is", **dict.fromkeys(rows, WANTS_ALL)}
    assert world.told == [(row, WANTS_ALL) for row in rows]


def test_a_failure_is_not_forgotten_while_others_succeed():
    flow, one, other, last = joined()
    world = World.of(flow)
    world.fail(one)
    world.succeed(other)
    assert world.state(last) == TRIGGER_FAILED


def test_a_skip_is_handed_on_and_nobody_is_told_of_a_trigger():
    flow, one, two = chain("one", "two")
    world = World.of(flow)
    world.fail(one, code=SKIPPED)
    assert world.state(two) == SKIPPED
    assert world.told == []


def test_a_chain_of_refusals_may_be_long():
    flow, one, *others = chain(*(f"t{i}" for i in range(2000)))
    world = World.of(flow)
    world.fail(one)
    assert set(world.state(*others)) == {TRIGGER_FAILED}
    assert world.scheduler.done


def test_what_follows_an_end_is_decided_in_order():
    with Flow("f") as flow:
        one = made("one")()
        low, high = made("low")(one), made("high", trigger=triggers.any_failed)(one)
        last = made("last", trigger=triggers.any_failed)(low, high)
        other = made("other", trigger=triggers.any_failed)(one)
    world = World.of(flow)
    world.fail(one)
    assert world.is_ready(high, other)
    world.succeed(high)
    assert world.is_ready(other, last)


def test_a_final_state_is_final():
    flow, one, two = chain("one", "two")
    world = World.of(flow)
    world.take(one)
    assert world.scheduler.ended(world.row(one), FAILED) is True
    assert world.scheduler.ended(world.row(one), CANCELLED, "too late") is False
    assert world.state(one) == FAILED
    assert world.row(one) not in world.scheduler.reasons
    assert world.scheduler.unfinished == 0
    assert world.state(two) == TRIGGER_FAILED
    world = World.of(flow)
    assert not world.scheduler.is_over(world.row(one))
    world.succeed(one)
    assert world.scheduler.is_over(world.row(one))
    assert world.scheduler.ended(world.row(one), CANCELLED) is False
    assert world.state(one) == SUCCESS


def test_a_pause_comes_between_two_tries():
    flow, one = chain("one")
    world = World.of(flow)
    world.take(one)
    row = world.row(one)
    assert world.scheduler.retry(row) is True
    assert (world.state(one), world.waiting) == (RETRYING, [])
    world.scheduler.resume(row)
    world.scheduler.resume(row)
    assert world.is_ready(one)
    world.succeed(one)
    assert world.scheduler.done


def test_rows_may_be_sent_to_a_cluster_until_the_run_begins():
    flow, one, two = chain("one", "two")
    world = World(compiled(flow, {}, {}))
    send_away(world.plan, whole=True)
    world.scheduler.begin()
    for task in (one, two):
        assert (world.waiting, world.errands) == ([], [world.row(task)])
        world.succeed(task)


# --- what is given


def test_what_was_there_before_counts_as_ended():
    flow, one, two, three = chain("one", "two", "three")
    world = World.of(flow, {one: Success(), two: Success()})
    assert world.state(one, two) == (SUCCESS, SUCCESS)
    assert world.is_ready(three)
    assert world.scheduler.unfinished == 1
    assert world.scheduler.joined == 3
    world = World.of(flow, {two: Success()})
    assert world.is_ready(three, one)  # which need not wait for it any more
    world.succeed(one)
    assert world.is_ready(three)


def test_a_failure_that_was_there_before_is_judged():
    flow, one, two, three = chain("one", "two", "three")
    world = World(compiled(flow, {}, {}))
    world.plan.given[world.row(one)] = Failed("no")
    world.scheduler.begin()
    assert world.state(one, two, three) == (FAILED, TRIGGER_FAILED, TRIGGER_FAILED)
    assert world.scheduler.done


def test_the_children_that_were_there_before_are_too():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
        last = made("last", trigger=triggers.any_failed)(many)
        each = made("each").map(many)
    world = World(compiled(flow, {}, {}))
    world.plan.given[world.row(many)] = Mapped("", [1, None], [Success(), Failed()])
    world.scheduler.begin()
    assert world.state(*world.children(many)) == (SUCCESS, FAILED)
    assert world.is_ready(last, each)
    assert world.scheduler.unfinished == 2
    world.expand(each, 2)
    assert world.state(*world.children(each)) == (PENDING, TRIGGER_FAILED)


def test_a_cancel_before_the_beginning_leaves_what_is_given():
    flow, one, two, three = chain("one", "two", "three")
    world = World(compiled(flow, {}, {one: Success()}))
    world.scheduler.cancel([world.row(two)])
    world.scheduler.begin()
    assert world.state(one, two, three) == (SUCCESS, CANCELLED, TRIGGER_FAILED)
    world = World(compiled(flow, {}, {one: Success(), two: Success()}))
    world.scheduler.cancel()
    world.scheduler.begin()
    assert world.scheduler.done
    assert world.state(three) == CANCELLED


# --- mapped rows


def test_a_mapped_row_ends_with_its_last_child():
    with Flow("f") as flow:
        many = made("many").map([1, 2, 3])
        last = made("last")(many)
        each = made("each").map(many)
    world = World.of(flow)
    world.expand(many, 3)
    first, second, third = world.children(many)
    assert world.waiting == [first, second, third]
    assert world.scheduler.unfinished == 6
    world.succeed(second, first)
    assert world.state(many) == RUNNING
    world.succeed(third)
    assert world.state(many) == MAPPED
    assert world.is_ready(last, each)
    assert world.scheduler.unfinished == 2
    world.expand(each, 3)
    assert len(world.waiting) == 4
    assert not world.scheduler.done


def test_a_failed_child_is_judged_by_who_waits_for_all_and_by_its_own_item():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
        last = made("last")(many)
        each = made("each").map(many)
    world = World.of(flow)
    world.expand(many, 2)
    first, second = world.children(many)
    world.fail(first)
    world.succeed(second)
    assert world.state(many, last) == (MAPPED, TRIGGER_FAILED)
    world.expand(each, 2)
    refused, runs = world.children(each)
    assert world.waiting == [runs]
    assert world.state(refused) == TRIGGER_FAILED
    world.succeed(runs)
    assert world.scheduler.done
    assert world.state(each) == MAPPED


def test_a_mapped_row_over_nothing_ends_at_once():
    with Flow("f") as flow:
        many = made("many").map([])
        last = made("last")(many)
    world = World.of(flow)
    world.expand(many, 0)
    assert world.state(many) == MAPPED
    assert world.is_ready(last)
    assert world.scheduler.unfinished == 1


def test_children_that_are_kept_need_not_run():
    with Flow("f") as flow:
        many = made("many").map([1, 2, 3])
    world = World.of(flow)
    world.expand(many, 3, kept={0: SUCCESS, 2: SUCCESS})
    first, second, third = world.children(many)
    assert world.waiting == [second]
    assert world.state(first, third) == (SUCCESS, SUCCESS)
    assert world.scheduler.unfinished == 2
    world.succeed(second)
    assert world.scheduler.done
    world = World.of(flow)
    world.expand(many, 2, kept={0: SUCCESS, 1: SUCCESS})
    assert (world.state(many), world.scheduler.done) == (MAPPED, True)


def test_children_know_their_row_and_their_number():
    with Flow("f") as flow:
        one, other = made("one").map([1, 2]), made("other").map([1, 2])
    world = World.of(flow)
    world.expand(other, 2)
    world.expand(one, 2)
    mapped = world.scheduler.mapped
    found = {child: (mapped.origin(child), mapped.index(child)) for child in range(2, 6)}
    assert found == {2: (1, 0), 3: (1, 1), 4: (0, 0), 5: (0, 1)}
    assert [mapped.origin(row) for row in (0, 1)] == [0, 1]
    assert not mapped.all_succeeded(0)
    assert mapped.unfinished(0) == 2
    assert mapped.all_succeeded(5)  # which has no children
    world.succeed(2, 4)
    assert (mapped.unfinished(0), mapped.unfinished(1)) == (1, 1)
    assert not mapped.all_succeeded(0)
    world.succeed(3, 5)
    assert world.state(one, other) == (MAPPED, MAPPED)
    assert mapped.all_succeeded(0)
    assert world.scheduler.done


# --- scopes


def test_a_clean_up_comes_last_and_has_a_thread_of_its_own():
    flow, inside, init, setup, cleanup = scoped()
    world = World.of(flow)
    for one in (init, setup):
        assert (world.waiting, world.errands) == ([], [world.row(one)])
        world.succeed(one)
    assert (world.waiting, world.errands) == ([world.row(inside)], [])
    world.fail(inside)
    assert world.errands == [world.row(cleanup)]
    world.succeed(cleanup)
    assert world.scheduler.done


def test_there_is_nothing_to_clean_up_after_a_set_up_that_failed():
    flow, inside, init, setup, cleanup = scoped()
    world = World.of(flow)
    world.succeed(init)
    world.fail(setup)
    assert world.state(inside, cleanup) == (TRIGGER_FAILED, SKIPPED)
    assert world.scheduler.reasons[world.row(cleanup)] == NOTHING_MADE
    assert world.scheduler.done


def test_a_clean_up_waits_for_code_that_overran():
    flow, inside, init, setup, cleanup = scoped()
    world = World.of(flow)
    world.succeed(init, setup)
    world.take(inside)
    row = world.row(inside)
    assert not world.scheduler.is_over(row)
    world.scheduler.overran(row)
    world.scheduler.ended(row, TIMED_OUT)
    assert not world.scheduler.is_over(row)
    assert world.errands == []
    assert not world.scheduler.done
    world.scheduler.returned(row)
    assert world.scheduler.is_over(row)
    assert world.errands == [world.row(cleanup)]
    world.succeed(cleanup)
    assert world.scheduler.done


def test_code_that_returns_early_releases_no_clean_up():
    flow, inside, init, setup, cleanup = scoped()
    world = World.of(flow)
    world.succeed(init, setup)
    world.take(inside)
    row = world.row(inside)
    world.scheduler.overran(row)
    world.scheduler.retry(row)
    world.scheduler.returned(row)
    assert (world.waiting, world.errands) == ([], [])
    world.scheduler.resume(row)
    world.succeed(inside)
    assert world.errands == [world.row(cleanup)]


def test_a_run_is_not_done_while_code_is_still_running():
    flow, one = chain("one")
    world = World.of(flow)
    world.take(one)
    world.scheduler.overran(0)
    world.scheduler.ended(0, TIMED_OUT)
    assert not world.scheduler.done
    world.scheduler.returned(0)
    assert world.scheduler.done


def test_each_item_of_a_mapped_scope_has_a_thread_of_its_own():
    with Flow("f") as flow, Thing.map([1, 2]):
        pass
    [scope] = flow.scopes
    init, setup, cleanup = scope.own_tasks
    world = World.of(flow)
    world.expand(init, 2)
    assert world.waiting == []
    world.succeed(*world.children(init))
    world.expand(setup, 2)
    first, second = world.children(setup)
    assert world.errands == [first, second]
    world.succeed(first)
    world.take(second)
    world.scheduler.retry(second)
    world.scheduler.resume(second)
    assert world.errands == [second]
    world.fail(second)
    world.expand(cleanup, 2)
    cleaned, skipped = world.children(cleanup)
    assert (world.errands, world.state(skipped)) == ([cleaned], SKIPPED)


def test_a_lazy_scope_waits_until_a_task_in_it_could_run():
    with Flow("f") as flow:
        before = made("before")()
        with Thing.options(setup="lazy")() as thing:
            inside = made("inside")(before, thing)
    [scope] = flow.scopes
    init, setup, cleanup = scope.own_tasks
    world = World.of(flow)
    assert (world.waiting, world.errands) == ([world.row(before)], [])
    world.succeed(before)
    assert (world.waiting, world.errands) == ([], [world.row(init)])
    world.succeed(init, setup)
    assert world.is_ready(inside)
    world.succeed(inside, cleanup)
    assert world.scheduler.done


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_lazy_scope_in_which_nothing_runs_is_skipped(is_empty):
    with Flow("f") as flow:
        before = made("before")()
        with Thing.options(setup="lazy")() as thing:
            if not is_empty:
                made("inside")(before, thing)
    [scope] = flow.scopes
    world = World.of(flow)
    world.fail(before)
    assert world.state(*scope.own_tasks) == (SKIPPED, SKIPPED, SKIPPED)
    assert world.scheduler.reasons[world.row(scope.init_task)] == NOTHING_TO_RUN
    assert world.scheduler.done


# --- giving up


def test_a_run_that_is_cancelled_begins_nothing_but_clean_ups():
    flow, inside, init, setup, cleanup = scoped()
    world = World.of(flow)
    world.succeed(init)
    world.take(setup)
    assert world.scheduler.cancel() == [world.row(setup)]
    assert world.scheduler.cancelled
    assert world.state(inside) == CANCELLED
    assert world.scheduler.reasons[world.row(inside)] == NOT_BEGUN
    world.scheduler.succeeded(world.row(setup))
    assert (world.waiting, world.errands) == ([], [world.row(cleanup)])
    assert not world.scheduler.is_given_up(world.row(cleanup))
    assert world.scheduler.why_given_up(world.row(cleanup)) == ""


def test_rows_are_given_up_for_a_reason_and_others_go_on():
    with Flow("f") as flow:
        one, other, third = (made(name)() for name in ("one", "other", "third"))
        last = made("last")(one)
    world = World.of(flow)
    scheduler = world.scheduler
    world.take(third)
    assert scheduler.cancel([world.row(one), world.row(third)], "enough") == [world.row(third)]
    assert not scheduler.cancelled
    assert world.is_ready(other)
    assert world.state(one, last, third) == (CANCELLED, TRIGGER_FAILED, RUNNING)
    assert scheduler.reasons[world.row(one)] == "enough"
    assert scheduler.why_given_up(world.row(third)) == "enough"
    assert scheduler.why_given_up(world.row(other)) == ""
    assert scheduler.is_given_up(world.row(third))
    assert not scheduler.is_given_up(world.row(other))
    assert scheduler.retry(world.row(third)) is False
    assert world.state(third) == RUNNING


def test_what_waits_is_cancelled_when_it_is_given_up():
    flow, one, two, three = chain("one", "two", "three")
    world = World.of(flow)
    assert world.scheduler.cancel([world.row(two)], "enough") == []
    assert world.state(one, two, three) == (PENDING, CANCELLED, TRIGGER_FAILED)
    assert world.scheduler.reasons[world.row(two)] == "enough"
    world.succeed(one)
    assert world.scheduler.done


def test_what_is_in_somebodys_hands_is_left_to_them():
    flow, one = chain("one")
    world = World.of(flow)
    world.scheduler.ready.clear()  # somebody has taken it, and not begun
    assert world.scheduler.cancel() == []
    assert world.state(one) == PENDING


def test_a_row_that_waits_for_its_own_thread_is_cancelled_at_once():
    flow, _, init, *_ = scoped()
    world = World.of(flow)
    assert world.errands == [world.row(init)]
    assert world.scheduler.cancel() == []
    assert world.state(init) == CANCELLED
    assert world.scheduler.done


def test_pauses_of_what_is_given_up_end_at_once():
    with Flow("f") as flow:
        one, other = made("one")(), made("other")()
        many = made("many").map([1, 2])
    world = World.of(flow)
    world.take(one, other)
    world.expand(many, 2)
    child, second = world.children(many)
    world.take(child)
    for row in (world.row(one), world.row(other), child):
        assert world.scheduler.retry(row)
    assert world.scheduler.cancel([world.row(one), world.row(many)], "enough") == []
    assert world.state(one, other, child, second) == (CANCELLED, RETRYING, CANCELLED, CANCELLED)
    assert world.state(many) == MAPPED
    assert world.scheduler.reasons[child] == "enough"
    world.scheduler.resume(world.row(one))
    assert world.waiting == []
    world.scheduler.resume(world.row(other))
    assert world.is_ready(other)


def test_children_are_given_up_with_their_row_or_alone():
    with Flow("f") as flow:
        many = made("many").map([1, 2, 3])
    world = World.of(flow)
    world.expand(many, 3)
    first, second, third = world.children(many)
    assert world.scheduler.cancel([first], "one") == []
    assert world.state(first, second, third) == (CANCELLED, PENDING, PENDING)
    world = World.of(flow)
    world.expand(many, 3)
    world.take(first, second)
    assert world.scheduler.cancel([second, third], "enough") == [second]
    assert world.state(third) == CANCELLED
    assert world.scheduler.why_given_up(second) == "enough"
    assert not world.scheduler.is_given_up(first)
    assert world.scheduler.cancel([world.row(many)], "all of it") == [
        world.row(many),
        first,
        second,
    ]
    assert world.scheduler.is_given_up(first)
    assert world.scheduler.why_given_up(first) == "all of it"
    assert world.scheduler.why_given_up(second) == "enough"


def test_a_row_that_was_given_up_has_children_that_do_not_begin():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
    world = World.of(flow)
    world.take(many)
    world.scheduler.cancel([world.row(many)], "enough")
    world.scheduler.expand(world.row(many), 2)
    assert world.state(*world.children(many)) == (CANCELLED, CANCELLED)
    assert world.state(many) == MAPPED
    assert world.waiting == []


class Emptied(deque):
    """A queue from which workers take while somebody looks at it."""

    def __len__(self):
        return super().__len__() + 1


def test_workers_may_take_rows_while_a_cancel_looks_for_them():
    flow, one = chain("one")
    world = World.of(flow)
    world.scheduler.ready = Emptied()
    world.scheduler.cancel([0])
    assert world.state(one) == PENDING


# --- handlers and hooks


@pytest.mark.parametrize("hook", ["on_failure", "on_cancellation"])
def test_a_refused_row_with_hooks_is_released_once_so_that_they_are_called(hook):
    flow, one, two = chain("one", "two", **{hook: lambda *_: None})
    world = World.of(flow)
    world.fail(one)
    assert world.is_ready(two)
    assert world.state(two) == PENDING
    assert world.scheduler.refusals == {world.row(two): (TRIGGER_FAILED, WANTS_ALL)}
    assert world.told == []
    world.scheduler.cancel([world.row(two)])
    assert world.is_ready(two)
    assert world.scheduler.refusals == {world.row(two): (TRIGGER_FAILED, WANTS_ALL)}
    world.scheduler._refuse(world.row(two), CANCELLED, "again")
    assert world.is_ready(two)


def test_children_of_a_row_with_hooks_are_released_likewise():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
        each = made("each", on_failure=lambda *_: None).map(many)
    world = World.of(flow)
    world.expand(many, 2)
    first, second = world.children(many)
    world.fail(first)
    world.succeed(second)
    world.expand(each, 2)
    refused, runs = world.children(each)
    assert sorted(world.waiting) == [refused, runs]
    assert world.scheduler.refusals == {refused: (TRIGGER_FAILED, WANTS_ALL)}


# --- a plan that grows


class Growing(World):
    """A plan to which the tasks of a flow are added one by one."""

    def __init__(self, flow):
        super().__init__(Plan(Flow("grows"), grows=True))
        self.flow, self.watchers = flow, {}

    def add(self, one, *upstream, cleanup=-1, inbox=None):
        row = self.place(one, inbox)
        self.scheduler.join(row, [self.row(up) for up in upstream], cleanup)
        return row

    def place(self, one, inbox=None):
        watcher = self.watchers[one] = SimpleQueue()
        return self.scheduler.add(self.flow.nodes[one], AddedRow(None, inbox, [watcher]))

    def is_told(self, one):
        return not self.watchers[one].empty() and self.watchers[one].get() == ENDED


def test_rows_are_added_and_joined_while_others_run():
    flow, one, two, three = chain("one", "two", "three")
    world = Growing(flow)
    scheduler = world.scheduler
    assert not scheduler.closed
    assert not scheduler.done
    assert world.place(one) == 0
    assert (scheduler.joined, scheduler.unfinished, world.waiting) == (0, 0, [])
    scheduler.join(0, [], -1)
    assert (scheduler.joined, scheduler.unfinished, world.waiting) == (1, 1, [0])
    assert world.add(two, one) == 1
    assert world.plan.upstream == [[], [0]]
    assert world.plan.downstream == [[1], []]
    assert world.is_ready(one)
    world.succeed(one)
    assert world.is_ready(two)
    world.succeed(two)
    world.add(three, two)
    assert world.is_ready(three)
    world.fail(three)
    assert (world.is_told(one), world.is_told(two), world.is_told(three)) == (False, False, True)
    assert not scheduler.done
    scheduler.close()
    assert scheduler.closed
    assert scheduler.done


def test_a_row_that_is_joined_after_a_failure_is_refused_at_once():
    flow, one, two, three = chain("one", "two", "three")
    world = Growing(flow)
    world.add(one)
    world.add(three)
    world.fail(one)
    world.add(two, one, three)
    assert world.state(two) == PENDING
    world.succeed(three)
    assert world.state(two) == TRIGGER_FAILED
    assert world.is_told(two)


def test_a_clean_up_is_held_until_its_block_is_over():
    flow, inside, init, setup, cleanup = scoped()
    world = Growing(flow)
    with flow:
        late = made("late")()
    world.add(init)
    world.add(setup, init)
    end = world.add(cleanup, setup)
    [scope] = flow.scopes
    world.plan.add_scope(PlannedScope(scope, 0, 1, end, []))
    world.succeed(init, setup)
    world.add(inside, setup, cleanup=end)
    world.succeed(inside)
    assert (world.waiting, world.errands) == ([], [])
    world.add(late, cleanup=end)
    assert world.plan.upstream[end] == [1, 3, 4]
    assert world.plan.downstream[4] == [end]
    world.scheduler.let_go(end)
    world.scheduler.let_go(end)
    assert world.errands == []
    world.succeed(late)
    assert world.errands == [end]


def test_a_clean_up_that_was_added_is_not_given_up():
    flow, _, init, setup, cleanup = scoped()
    world = Growing(flow)
    world.add(init)
    world.add(setup, init)
    end = world.add(cleanup, setup)
    [scope] = flow.scopes
    world.plan.add_scope(PlannedScope(scope, 0, 1, end, []))
    world.succeed(init, setup)
    world.scheduler.cancel()
    world.scheduler.let_go(end)
    assert (world.state(cleanup), world.errands) == (PENDING, [end])


def test_a_growing_plan_is_not_cancelled_as_a_whole_and_rows_to_come_are_spared():
    flow, one, two, three = chain("one", "two", "three")
    world = Growing(flow)
    world.add(one)
    world.add(two, one)
    coming = world.place(three)
    assert world.scheduler.cancel(None, "enough") == []
    assert not world.scheduler.cancelled
    assert world.state(one, two, three) == (CANCELLED, CANCELLED, PENDING)
    assert world.scheduler.cancel([coming]) == []
    assert not world.scheduler.is_given_up(coming)
    world.scheduler.join(coming, [], -1)
    assert world.is_ready(three)


def test_a_refused_row_with_hooks_goes_to_the_thread_that_called_it():
    flow, one, two = chain("one", "two", on_failure=lambda *_: None)
    world = Growing(flow)
    world.add(one)
    world.fail(one)
    row = world.add(two, one, inbox=SimpleQueue())
    assert world.plan.lanes == {row: CALLER}
    assert (world.waiting, world.errands) == ([], [row])
    assert row in world.scheduler.refusals


# ---- who is told of each end, before what waits


def told_of_ends(world):
    ends = []
    world.scheduler.on_end = lambda row: ends.append((row, world.state(row), world.waiting))
    return ends


def test_an_end_is_told_before_what_it_releases():
    flow, a, b, c = chain("a", "b", "c")
    world = World.of(flow)
    ends = told_of_ends(world)
    world.succeed(a)
    world.fail(b)
    assert ends == [(0, SUCCESS, []), (1, FAILED, []), (2, TRIGGER_FAILED, [])]
    assert world.state(c) == TRIGGER_FAILED


def test_ends_of_children_are_told_and_then_that_of_their_row():
    with Flow("f") as flow:
        many = made("many").map([1, 2])
    world = World.of(flow)
    ends = told_of_ends(world)
    world.expand(many, 2)
    first, second = world.children(many)
    world.succeed(first)
    world.fail(second)
    assert [end[:2] for end in ends] == [(first, SUCCESS), (second, FAILED), (0, MAPPED)]
