"""A mapped scope in views: a stack, whose state is that of the lease that most wants a look."""

import pytest

from resnb import Flow
from resnb.states import FAILED, RUNNING, SUCCESS, Mapped, Skipped, State, Success
from resnb.states import Failed as FailedState
from resnb.view.dot import dot_source
from resnb.view.engines import render
from resnb.view.folding import folded
from resnb.view.live import frames
from resnb.view.live.layout import layout_of
from resnb.view.outcome import FinalProgress
from resnb.view.plan import plan_text
from resnb.view.snapshot import snapshot
from resnb.view.text import flow_text
from tests.view.conftest import FakeProgress


class Leases(FakeProgress):
    """Leases by the scope's name: how many are in which state."""

    def __init__(self, stacks, **options):
        super().__init__(leases={name: next(iter(one), "not yet") for name, one in stacks.items()},
                         **options)  # fmt: skip
        self.stacks = stacks

    def lease_states(self, scope):
        return self.stacks[scope.name]


@pytest.fixture
def flow(cluster, work):
    with Flow("warehouse") as flow:
        with cluster.options(ttl="2h").use(([1, 2, 3],), {}, name="db", mapped=True) as db:
            work("load").map(db)
        with cluster.use((), {}, name="one"):
            work("other")()
    return flow


MIXED = {"db": {"failed": 1, "open": 2}, "one": {"open": 1}}


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        ({}, "mapped"),
        ({"open": 3}, "3 open"),
        ({"failed": 1, "open": 1_200}, "1 failed, 1,200 open"),
    ],
)
def test_texts_say_how_many_are_in_which_state(flow, stack, said):
    now = snapshot(flow, Leases({"db": stack, "one": {"open": 1}}))
    assert now.stack(0) == tuple(stack.items())
    assert now.stack(1) == ()
    text = flow_text(now)
    assert f"┌ db = Cluster · {said} · ttl 2h" in text
    assert "┌ one = Cluster · open" in text
    assert f"db · {said}" in dot_source(now)


def test_a_flow_that_has_not_run_says_that_it_is_mapped(flow):
    assert "┌ db = Cluster · mapped · ttl 2h" in flow_text(snapshot(flow))
    assert "┌ set up db = Cluster (mapped) · ttl 2h" in plan_text(flow)


@pytest.mark.usefixtures("engine")
def test_a_picture_has_a_frame_behind_it(flow):
    source = dot_source(snapshot(flow, Leases(MIXED)))
    assert "cluster_0_stack" in source
    assert "cluster_1_stack" not in source
    assert render(source, "png").startswith(b"\x89PNG")


def test_own_tasks_of_items_are_no_work(flow):
    counts = {
        "Cluster": {SUCCESS: 3},
        "Cluster.setup": {SUCCESS: 2, FAILED: 1},
        "load": {RUNNING: 3},
    }
    now = snapshot(flow, Leases(MIXED, counts=counts))
    assert frames.tally(now) == (4, 1, 0, 3)


def test_folding_keeps_the_stack_where_the_cluster_goes(flow):
    now = snapshot(flow, Leases(MIXED))
    small = folded(now)
    assert small.stack(0) == now.stack(0)
    assert small.leases[0] == "failed"


@pytest.mark.usefixtures("engine")
def test_views_are_told_of_it(flow):
    before, now = (snapshot(flow, Leases(one)) for one in ({**MIXED, "db": {"open": 3}}, MIXED))
    structure = frames.structure(before.outline, layout_of(before.outline), 1)
    assert [one["mapped"] for one in structure["clusters"]] == [True, False]
    run = frames.run_info(now, 1, None, "")
    assert frames.states(before, run)["stacks"] == [(0, (("open", 3),))]
    delta = frames.delta(before, now, run)
    assert delta["stacks"] == [(0, (("failed", 1), ("open", 2)))]
    assert delta["leases"] == [(0, "failed")]
    assert "stacks" not in (frames.delta(now, now._replace(code=1), run))


def state_of(flow, setups: list[State], cleanups: list[State]) -> Success:
    scope = next(iter(flow.scopes))
    own = {scope.setup_task: Mapped("", [], setups), scope.cleanup_task: Mapped("", [], cleanups)}
    return Success("", own)


@pytest.mark.parametrize(
    ("setups", "cleanups", "expected"),
    [
        ([Success()] * 2, [Success()] * 2, {"closed": 2}),
        ([Success()] * 2, [FailedState(), Success()], {"failed": 1, "closed": 1}),
        ([Success(), FailedState()], [Success(), Skipped()], {"closed": 1}),
        ([Success()] * 2, [], {"open": 2}),
        ([], [], {}),
    ],
)
def test_what_a_final_state_says_of_the_leases(flow, setups, cleanups, expected):
    scope = next(iter(flow.scopes))
    outcome = FinalProgress(state_of(flow, setups, cleanups))
    assert outcome.lease_states(scope) == expected
    assert outcome.lease_state(scope) == next(iter(expected), "not yet")
