import pytest

from resnb import Flow, Parameter, case, merge, task, unmapped
from resnb.states import (
    CACHED,
    FAILED,
    MAPPED,
    PENDING,
    RUNNING,
    SUCCESS,
    TIMED_OUT,
    TRIGGER_FAILED,
)
from resnb.view.live import frames
from resnb.view.live.layout import layout_of
from resnb.view.outline import contents
from resnb.view.sketch import sketch
from resnb.view.snapshot import Failure, Sampler, snapshot
from tests.view.conftest import FakeProgress


def labels(outline):
    return [node.label for node in outline.nodes]


def links(outline, *kinds):
    names = labels(outline)
    return {(names[one.source], names[one.target]) for one in outline.links if one.kind in kinds}


def test_nodes_are_in_graph_order_with_their_kind_and_cluster(seed):
    outline = snapshot(seed).outline
    assert [(node.label, node.kind, node.cluster) for node in outline.nodes] == [
        ("n_workers", "parameter", None),
        ("out_path", "parameter", None),
        ("client.init", "init", 0),
        ("client.setup", "setup", 0),
        ("load", "task", 0),
        ("summarize", "task", 0),
        ("client.cleanup", "cleanup", 0),
        ("write", "task", None),
    ]
    assert [node.note for node in outline.nodes[:2]] == ["None", "required"]
    assert [node.short for node in outline.nodes[2:4]] == ["Cluster", "setup"]


def test_links_say_what_they_are_for(seed):
    outline = snapshot(seed).outline
    assert links(outline, "data") == {
        ("n_workers", "client.init"),
        ("load", "summarize"),
        ("summarize", "write"),
        ("out_path", "write"),
    }
    assert links(outline, "setup") == {
        ("client.init", "client.setup"),
        ("client.setup", "load"),
        ("client.setup", "summarize"),
    }
    assert links(outline, "cleanup") == {
        ("client.init", "client.cleanup"),
        ("client.setup", "client.cleanup"),
        ("summarize", "client.cleanup"),
    }
    [path] = [one for one in outline.links if labels(outline)[one.source] == "out_path"]
    assert path.label == "path"


def test_two_arguments_from_one_task_are_one_link(work):
    with Flow("one") as flow:
        first = work("first")()
        second = work("second")(a=first, b=[first])
        second.set_upstream(first)
        work("third")(upstream_tasks=[first])
    outline = snapshot(flow).outline
    assert [(one.label, one.kind) for one in outline.links] == [("a, b", "data"), ("", "control")]


def test_nested_clusters_name_the_one_around_them(nested):
    outline = snapshot(nested).outline
    assert [(one.label, one.parent, one.notes) for one in outline.clusters] == [
        ("outer", None, ()),
        ("inner", 0, ("ttl 2h",)),
    ]
    inside = {
        labels(outline)[node]: outline.nodes[node].cluster for node in range(len(outline.nodes))
    }
    assert inside["second"] == inside["inner.init"] == inside["inner.cleanup"] == 1
    assert inside["first"] == inside["outer.cleanup"] == 0


def test_contents_keep_graph_order_with_clusters_among_the_nodes(nested):
    outline = snapshot(nested).outline
    assert [
        outline.clusters[one.place].label if one.is_cluster else outline.nodes[one.place].short
        for one in contents(outline)[0]
    ] == ["Cluster", "setup", "first", "inner", "third", "cleanup"]


def test_scopes_of_one_name_get_numbers_and_so_do_their_tasks(cluster):
    with Flow("twice") as flow:
        for _ in range(2):
            with cluster():
                pass
    outline = snapshot(flow).outline
    assert [one.label for one in outline.clusters] == ["Cluster", "Cluster-2"]
    assert "Cluster-2.setup" in labels(outline)


def test_a_name_that_was_given_to_a_set_up_is_kept(cluster):
    named = cluster.options(setup_task_kwargs={"name": "start it"})
    with Flow("named") as flow, named():
        pass
    assert [node.short for node in snapshot(flow).outline.nodes] == ["init", "start it", "cleanup"]


def test_a_long_name_is_kept_whole_beside_its_label(work, cluster):
    name = "load_the_orders_of_all_customers_in_the_north_of_europe_2026"
    with Flow("long") as flow:
        with cluster.use((), {}, name=name):
            work(name)()
        work("load")()
    outline = snapshot(flow).outline
    (scope,) = outline.clusters
    assert "…" in scope.label
    assert scope.name == name
    names = {node.label: node.name for node in outline.nodes if node.kind == "task"}
    assert [len(label) < len(name) for label in names] == [True, True]
    assert sorted(names.values()) == ["", name]
    sent = frames.structure(outline, layout_of(outline), 1)
    assert [one.get("name") for one in sent["clusters"]] == [name]
    tasks = [one for one in sent["nodes"] if one["kind"] == "task"]
    assert {one["id"]: one.get("name", "") for one in tasks} == names


def test_kinds_of_conditions_and_mapping(work):
    with Flow("kinds") as flow:
        choice = Parameter("choice", default="a")
        with case(choice, "a"):
            one = work("one")()
        merge(one, work("two").map([1, 2], unmapped(choice)))
    assert [(node.label, node.kind, node.mapped) for node in snapshot(flow).outline.nodes] == [
        ("choice", "parameter", False),
        ("case('a')", "case", False),
        ("one", "task", False),
        ("two", "task", True),
        ("merge", "merge", False),
    ]


def test_a_default_that_has_no_stable_text_is_not_shown():
    with Flow("defaults") as flow:
        Parameter("a", default=object())
        Parameter("b", default="x" * 1000)
        Parameter("c", default=10**5000)
    notes = [node.note for node in snapshot(flow).outline.nodes]
    assert notes[0] == "…"
    assert notes[1].startswith("'xxx")
    assert notes[1].endswith("xxx'")
    assert len(notes[1]) < 30
    assert notes[2] == "…"


def test_without_progress_nothing_has_happened(seed):
    seen = snapshot(seed)
    assert set(seen.codes) == {seen.code} == {PENDING}
    assert seen.leases == ("not yet",)
    assert seen.failures == ()


def test_states_counts_leases_and_failures_are_sampled(seed, progress, work):
    with seed:
        work("each").map([1, 2, 3])
    seen = snapshot(
        seed,
        progress(
            {"load": FAILED, "summarize": TRIGGER_FAILED, "write": TIMED_OUT, "each": MAPPED},
            leases={"client": "open"},
            flow=RUNNING,
            counts={"each": {SUCCESS: 2, RUNNING: 1, FAILED: 0}},
            failures={"load": "ValueError: <x at 0x7f33aabb1122>\nmore", "summarize": "not own"},
        ),
    )
    codes = dict(zip(labels(seen.outline), seen.codes, strict=True))
    counts = dict(zip(labels(seen.outline), seen.counts, strict=True))
    assert codes["load"] == FAILED
    assert codes["n_workers"] == SUCCESS
    assert counts["each"] == ((RUNNING, 1), (SUCCESS, 2))
    assert counts["load"] == ()
    assert seen.leases == ("open",)
    assert seen.code == RUNNING
    assert seen.failures == (Failure("load", "ValueError: <x at 0x…>"), Failure("write", ""))


def test_a_sketch_can_be_sampled_again_and_again(seed, progress):
    drawn = sketch(seed)
    sampler = Sampler(drawn)
    before, after = sampler.sample(None), sampler.sample(progress({"out_path": PENDING}))
    assert before.outline is after.outline
    assert before.codes != after.codes


@pytest.mark.parametrize(
    ("code", "value", "note"),
    [
        (SUCCESS, "a.csv", "'a.csv'"),
        (SUCCESS, [1, 2], "…"),
        (PENDING, "a.csv", "required"),
        (RUNNING, None, "required"),
    ],
)
def test_a_parameter_is_noted_with_the_value_that_it_had(seed, progress, code, value, note):
    state = progress({"out_path": code}, values={"out_path": value})
    notes = {node.label: node.note for node in snapshot(seed, state).outline.nodes}
    assert notes["out_path"] == note


def test_values_go_back_to_defaults_in_a_flow_that_was_run_with_other_ones():
    with Flow("f") as flow:
        Parameter("n", default=1)
    for values, note in (({"n": 2}, "2"), ({}, "1")):
        state = flow.run(values)
        assert snapshot(flow, flow.memory).outline.nodes[0].note == note
        assert flow.visualize(state).text.splitlines()[1] == f"parameters: n={note}"


def test_a_snapshot_is_plain_data_that_compares_and_never_changes(seed):
    assert snapshot(seed) == snapshot(seed)
    hash(snapshot(seed))
    with pytest.raises(AttributeError):
        snapshot(seed).code = 1


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("http://127.0.0.1:8787/status", True),
        ("https://hub.org/proxy/8787/status", True),
        ("/user/me/proxy/8787/status", True),
        ("//elsewhere.org/status", False),
        ("/\\\\elsewhere.org", False),
        ("javascript:alert(1)", False),
        ("http://" + 500 * "x", False),
        ("", False),
    ],
)
def test_a_link_to_a_dashboard_is_a_page_or_nothing(link, shown):
    with Flow("f") as flow:
        task(lambda: 1, name="one")()
    now = snapshot(flow)
    run = frames.run_info(now, 1, None, link)
    assert frames.states(now, run)["link"] == (link if shown else "")
    then = now._replace(code=RUNNING)
    assert frames.delta(now, then, run)["link"] == (link if shown else "")


@pytest.mark.parametrize(
    ("setup", "lease", "flow", "expected"),
    [
        (SUCCESS, "open", SUCCESS, PENDING),
        (SUCCESS, "closing", SUCCESS, RUNNING),
        (SUCCESS, "closed", SUCCESS, SUCCESS),
        (CACHED, "closed", FAILED, SUCCESS),
        (SUCCESS, "failed", SUCCESS, FAILED),
        (FAILED, "closed", FAILED, PENDING),  # what there was to remove, if anything
        (SUCCESS, "closed", RUNNING, PENDING),  # the lease of the run before
    ],
)
def test_a_cleanup_that_no_run_did_is_shown(seed, setup, lease, flow, expected):
    codes = {"Cluster.setup": setup, "Cluster.cleanup": PENDING}
    seen = snapshot(seed, FakeProgress(codes, leases={"client": lease}, flow=flow))
    [place] = [place for place, one in enumerate(seen.outline.nodes) if one.kind == "cleanup"]
    assert seen.codes[place] == expected
