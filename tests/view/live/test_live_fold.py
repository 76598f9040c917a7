"""What a large flow's view folds, what opens it again, and what never goes missing."""

import random
from graphlib import TopologicalSorter

import pytest

from resnb import Flow, Parameter
from resnb.states import FAILED, SUCCESS
from resnb.view.live.layout import Layout
from resnb.view.live.live_fold import NODES, LiveFold
from resnb.view.live.room import Room
from resnb.view.sketch import sketch
from resnb.view.snapshot import Sampler, snapshot


def shown(fold):
    return [node.short for node in fold.outline.nodes]


@pytest.fixture
def chains(work, cluster):
    """Sixty chains that are alike in a scope, and a chain of nine tasks after them."""
    with Flow("chains") as flow:
        number = Parameter("n", default=1)
        with cluster.use((number,), {}, name="db") as db:
            source = work("source")(db)
            ends = []
            for place in range(60):
                part = source
                for step in ("extract", "transform", "load"):
                    part = work(f"{step}-{place}")(part)
                ends.append(part)
        last = work("merge")(ends)
        for step in "abcdefgh":
            last = work(f"step {step}")(last)
    return flow


def test_chains_that_are_alike_become_one_and_a_long_one_too(chains, progress):
    fold = LiveFold(sketch(chains).outline)
    times = "\N{MULTIPLICATION SIGN}"
    assert shown(fold) == [
        "n", "source", f"extract → load {times} 60", "merge → step h, 9 tasks"
    ]  # fmt: skip
    assert fold.is_large
    assert {place: len(names) for place, names in fold.names().items()} == {2: 180, 3: 9}
    seen = snapshot(chains, progress({"load-7": FAILED}))
    small = fold.apply(seen)
    assert list(small.codes) == [SUCCESS, SUCCESS, FAILED, SUCCESS]
    assert small.counts[2] == ((SUCCESS, 179), (FAILED, 1))


def test_what_a_scope_does_for_itself_is_in_its_header(chains):
    fold = LiveFold(sketch(chains).outline)
    assert fold.in_header() == {"db": ["db.init", "db.setup", "db.cleanup"]}
    into = [link for link in fold.outline.links if link.head == 0]
    assert [(link.source, link.target) for link in into] == [(0, 1)]
    opened = LiveFold(sketch(chains).outline, frozenset({("cluster", "db")}))
    assert opened.in_header() == {}
    assert {"init", "setup", "cleanup"} <= {node.kind for node in opened.outline.nodes}


def test_what_is_opened_opens_nothing_else(chains):
    outline = sketch(chains).outline
    names = LiveFold(outline).names()[2]
    fold = LiveFold(outline, frozenset(("node", name) for name in names))
    assert len(fold.outline.nodes) == 183
    assert shown(fold)[-1] == "merge → step h, 9 tasks"


def test_a_small_flow_hides_nothing_but_headers(nested):
    fold = LiveFold(sketch(nested).outline)
    assert not fold.is_large
    assert sorted(shown(fold)) == ["first", "second", "third"]


def test_a_scope_without_tasks_keeps_its_set_up(cluster):
    with Flow("empty") as flow, cluster.use((), {}, name="db"):
        pass
    assert [node.kind for node in LiveFold(sketch(flow).outline).outline.nodes] == ["setup"]


@pytest.mark.parametrize("seed", range(8))
def test_any_flow_is_folded_without_a_circle_and_nothing_goes_missing(seed, work, cluster):
    chance = random.Random(seed)
    with Flow("any") as flow:
        made = []
        for part in range(12):
            with cluster.use((), {}, name=f"scope_{part}"):
                for number in range(chance.randint(5, 60)):
                    before = chance.sample(made, min(len(made), chance.randint(0, 2)))
                    name = f"{chance.choice('abc')}-{number}"
                    made.append(work(name)(*before))
    outline = sketch(flow).outline
    fold = LiveFold(outline)
    nodes, links = fold.outline.nodes, fold.outline.links
    assert len(nodes) <= NODES
    places = sorted(place for inside in fold.inside for place in inside)
    own = {"init", "setup", "cleanup"}
    assert places == [place for place, one in enumerate(outline.nodes) if one.kind not in own]
    after = {place: set() for place in range(len(nodes))}
    for link in links:
        after[link.target].add(link.source)
    if not any(node.kind == "folded" and not node.tasks for node in nodes):  # scopes may be
        TopologicalSorter(after).prepare()
    seen = fold.apply(Sampler(sketch(flow)).sample(None))
    assert len(seen.codes) == len(nodes) == len(seen.counts)
    assert len(seen.leases) == len(fold.outline.clusters)


def test_a_graph_goes_where_it_can_be_drawn_larger():
    tall, wide = (Layout(*size, (), (), ()) for size in ((100, 900), (900, 100)))
    room = Room(900, 420)
    assert not room.fits(tall)
    assert room.fits(wide)
    assert room.better(tall, wide) == "right"
    assert Room(240, 420).better(tall, wide) == "down"
