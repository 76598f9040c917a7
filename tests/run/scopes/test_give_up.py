"""A resource is taken away while a run uses it: its scope's tasks end, the others go on."""

import threading

import pytest

from resnb import Flow, LocalExecutor, ThreadExecutor, flow, resource_manager, task, unmapped
from resnb.errors import LeaseLost
from resnb.ledger.clock import now
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.reaper_client import ReaperMessage
from resnb.ledger.reaper.decisions import MARGIN
from resnb.run.engine.cancellation import GRACE
from resnb.run.flow_run import FlowRun
from tests.ledger.no_book import NoEntry
from tests.ledger.records import record
from tests.run.parts import PATIENCE, Stubborn, ended, names, run_in_circles, started, use

GONE = "resource 'f/Thing' is gone: too old"


def taken(name, word="close", state="ttl", reason="too old"):
    """The reaper has something to say of the lease called `name`."""
    [lease] = [one for one in KEEPER.alive() if one.name == name]
    KEEPER.on_message(ReaperMessage(word, lease.id, state, reason))
    return lease


def reason_of(state, name):
    [found] = [one for one in state.result if one.name == name]
    return state.result[found].message


@pytest.mark.parametrize("executor", [ThreadExecutor, LocalExecutor])
def test_the_scopes_tasks_end_and_it_is_cleaned_up(things, executor):
    began, free = threading.Event(), threading.Event()

    @task
    def waits(x):
        began.set()
        run_in_circles()

    @task
    def elsewhere():
        free.wait(PATIENCE)

    with Flow("f") as flow:
        with things.manager()("x") as x:
            task(lambda _: None, name="later")(waits(x))
        elsewhere()
    free_at_once = executor is LocalExecutor  # its one worker is in the task that waits
    if free_at_once:
        free.set()
    run = started(flow, executor=executor())
    began.wait(PATIENCE)
    taken("f/Thing")
    things.await_note("cleanup x")
    free.set()
    state = ended(run)
    assert things.story == ["init x", "setup x", "cleanup x"]
    assert names(state)["waits"] == names(state)["later"] == "Cancelled"
    assert reason_of(state, "waits") == reason_of(state, "later") == GONE
    assert state.message == f"flow 'f': task 'waits': {GONE}; task 'later': {GONE}"
    assert names(state)["elsewhere"] == "Success"
    assert state.is_cancelled()


def test_a_failure_that_follows_names_what_was_taken_away(things, capsys):
    began = threading.Event()

    @task
    def waits(x):
        began.set()
        run_in_circles()

    with Flow("f") as flow:
        with things.manager()("x") as x:
            waiting = waits(x)
        task(lambda _: None, name="after")(waiting)
    run = started(flow)
    began.wait(PATIENCE)
    taken("f/Thing")
    state = ended(run)
    assert names(state)["after"] == "TriggerFailed"
    assert state.message == f"flow 'f' failed: task 'waits': {GONE}"
    assert state.message in capsys.readouterr().err


def test_other_scopes_go_on(things):
    began, free = threading.Event(), threading.Event()

    @task
    def waits(x):
        began.set()
        run_in_circles()

    @task
    def works(y):
        free.wait(PATIENCE)
        return y

    with Flow("f") as flow:
        with things.manager()("x") as x:
            waits(x)
        with things.manager()("y") as y:
            works(y)
    run = started(flow)
    began.wait(PATIENCE)
    taken("f/Thing")
    things.await_note("cleanup x")
    assert "cleanup y" not in things.story
    free.set()
    state = ended(run)
    assert names(state)["works"] == "Success"
    assert things.story[-1] == "cleanup y"


def test_scopes_inside_are_cleaned_up_first(things):
    began = threading.Event()

    @task
    def waits(x):
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager()("outer"), things.manager()("inner") as inner:
        waits(inner)
    run = started(flow)
    began.wait(PATIENCE)
    taken("f/Thing")
    state = ended(run)
    assert state.is_cancelled()
    assert things.story[-2:] == ["cleanup inner", "cleanup outer"]


def test_code_that_does_not_stop_is_waited_for_no_longer_than_the_grace(clock, things):
    stubborn = Stubborn()
    with Flow("f") as flow, things.manager()("x"):
        task(stubborn, name="hangs")()
    run = started(flow, clock)
    stubborn.await_beginning()
    taken("f/Thing")
    clock.await_timer(GRACE)
    clock.advance(GRACE)
    things.await_note("cleanup x")
    assert ended(run).is_cancelled()
    stubborn.let_go.set()
    stubborn.done.wait(PATIENCE)


def test_mapped_tasks_end_with_their_children(things):
    began = threading.Semaphore(0)

    @task
    def waits(number, x):
        began.release()
        run_in_circles()

    with Flow("f") as flow, things.manager()("x") as x:
        waits.map(list(range(4)), unmapped(x))
    run = started(flow, executor=ThreadExecutor(2))
    assert all(began.acquire(timeout=PATIENCE) for _ in range(2))
    taken("f/Thing")
    state = ended(run)
    assert state.is_cancelled()
    assert things.story == ["init x", "setup x", "cleanup x"]


def test_a_task_that_is_to_be_tried_again_is_not(clock, things):
    failed = threading.Event()

    @task(max_retries=3, retry_delay=1000)
    def fails(x):
        failed.set()
        raise ValueError

    with Flow("f") as flow, things.manager()("x") as x:
        fails(x)
    run = started(flow, clock)
    failed.wait(PATIENCE)
    clock.await_timer(1000)
    taken("f/Thing")
    assert names(ended(run))["fails"] == "Cancelled"
    assert things.story[-1] == "cleanup x"


def test_a_set_up_gives_back_what_it_makes():
    began, go, story = threading.Event(), threading.Event(), []

    @resource_manager
    class Slow:
        def setup(self):
            began.set()
            go.wait(PATIENCE)
            return "x"

        def cleanup(self, resource):
            story.append(resource)

    with Flow("f") as flow, Slow() as x:
        use(x)
    run = started(flow)
    began.wait(PATIENCE)
    taken("f/Slow")
    go.set()
    state = ended(run)
    assert names(state)["use"] == "Cancelled"
    assert story == ["x"]


@pytest.mark.parametrize("lifetime", ["flow", "kernel"])
def test_what_lives_longer_than_its_block_is_closed_when_the_run_ends(things, lifetime):
    began = threading.Event()

    @task
    def waits(x):
        began.set()
        run_in_circles()

    with Flow("f") as flow, things.manager(lifetime=lifetime)("x") as x:
        waits(x)
    run = started(flow)
    began.wait(PATIENCE)
    taken("f/Thing" if lifetime == "flow" else "kernel/Thing")
    ended(run)
    things.await_note("cleanup x")


def test_a_lost_resource_is_lost_for_all_that_comes_later(things):
    with Flow("f") as flow, things.manager(on="failure")("x") as x:
        use(x)
    flow.run()
    assert x.value == "x"
    lease = taken("f/Thing", "state", "closing", "the reaper is cleaning it up")
    with pytest.raises(LeaseLost, match="was taken away"):
        _ = x.value
    KEEPER.on_message(ReaperMessage("state", lease.id, "closed", "cleaned up by the reaper"))
    assert KEEPER.alive() == ()
    assert things.story == ["init x", "setup x"]
    flow.run()  # sets up anew
    assert things.story == ["init x", "setup x", "init x", "setup x"]
    KEEPER.close(KEEPER.alive())


LOST = "resource 'f/Thing' was cleaned up before its tasks had ended: cleaned up by the reaper"


def lost_unheard(lease, how="closed", after=-1.0):
    """The reaper has taken `lease`, `after` so many seconds; what it says has yet to be heard."""

    def claim():
        if how == "closed":
            return False
        raise LeaseLost("the reaper is cleaning it up")

    until = now() + after + MARGIN + 60.0
    lease.entry = NoEntry()
    lease.entry.claim = claim
    reason = "cleaned up by the reaper"
    lease.entry.found = lambda: record(
        state=how, cleanup_timeout=60.0, claim_until=until, reason=reason
    )


@pytest.mark.parametrize("lifetime", ["block", "flow", "kernel"])
@pytest.mark.parametrize("mapped", [False, True])
def test_a_run_fails_whose_tasks_went_on_with_what_was_gone(things, lifetime, mapped):
    """Its kernel stood still meanwhile, and the tasks ended before it could hear of the loss."""

    @task
    def goes_on(x):
        [lease] = KEEPER.alive()
        if lifetime == "kernel":  # its run does not close it, so there it has been heard
            lost_unheard(lease)
            lease.follow("closed", "cleaned up by the reaper")
        else:
            lost_unheard(lease)

    with Flow("f") as flow, things.manager(lifetime=lifetime)("x") as x:
        goes_on.map([x]) if mapped else goes_on(x)
    state = flow.run(quiet=True)
    assert state.is_failed()
    name = "kernel/Thing" if lifetime == "kernel" else "f/Thing"
    assert LOST.replace("f/Thing", name) in state.message
    [cleanup] = [one for one in state.result if one.kind == "cleanup"]
    assert isinstance(state.result[cleanup].result, LeaseLost)
    assert things.story == ["init x", "setup x"]


def test_a_clean_up_that_goes_on_elsewhere_fails_the_run_too(things):
    @task
    def goes_on(x):
        lost_unheard(*KEEPER.alive(), how="closing")

    with Flow("f") as flow, things.manager()("x") as x:
        goes_on(x)
    state = flow.run(quiet=True)
    assert state.is_failed()
    assert "was cleaned up before its tasks had ended" in state.message
    KEEPER.alive()[0].follow("closed", "")


def test_a_run_succeeds_whose_tasks_had_ended_before_the_loss(things):
    @task
    def works(x):
        lost_unheard(*KEEPER.alive(), after=600.0)

    with Flow("f") as flow, things.manager()("x") as x:
        works(x)
    assert flow.run(quiet=True).is_successful()


def test_a_part_of_a_flow_fails_that_leaves_open_what_was_gone(things, monkeypatch):
    monkeypatch.setattr(
        "resnb.run.scopes.run_scopes.FENCE_AFTER", 0.0
    )  # it took long enough for that

    @task
    def goes_on(x):
        lost_unheard(*KEEPER.alive())

    with Flow("f") as flow, things.manager()("x") as x:
        used = goes_on(x)
    [scope] = flow.scopes
    state = FlowRun(flow, {}, only={scope.init_task, scope.setup_task, used}, quiet=True).run()
    assert state.is_failed()
    assert LOST in state.message


def test_the_block_of_a_function_says_that_its_resource_was_gone(things):
    manager = things.manager()

    @flow
    def function():
        with manager("x"):
            [lease] = KEEPER.alive()
            lost_unheard(lease)

    with pytest.raises(LeaseLost, match="was cleaned up before its block ended: cleaned up by"):
        function()


def test_nobody_uses_it(things):
    with Flow("f") as flow, things.manager(on="failure")("x") as x:
        use(x)
    flow.run()
    taken("f/Thing")
    things.await_note("cleanup x")
