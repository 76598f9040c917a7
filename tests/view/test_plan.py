from resnb import Flow, Parameter
from resnb.ledger.recipes.recipe import Protection
from resnb.view.plan import plan_text, stages
from resnb.view.sketch import sketch

SEED = """\
Plan of dask-example: 3 tasks, 1 resource
parameters: n_workers=None, out_path (required)
1  ┌ set up client = Cluster ← n_workers
2  │ load
3  │ summarize
4  └ clean up client
4  write
client: if the kernel dies during set-up this may leak: define find(lease_id), or call self.lease.record(handle) early"""

NESTED = """\
Plan of nested: 3 tasks, 2 resources
1  ┌ set up outer = Cluster
2  │ first
2  │ ┌ set up inner = Cluster · ttl 2h
3  │ │ second
4  │ └ clean up inner
3  │ third
5  └ clean up outer
outer, inner: if the kernel dies during set-up this may leak: define find(lease_id), or call self.lease.record(handle) early"""

LIFETIMES = """\
Plan of lifetimes: 2 tasks, 4 resources
1  ┌ set up a = Cluster
2  │ in_a
3  └ a stays open until the run's end
1  ┌ set up b = Cluster · cleanup timeout 90s · cleanup retries 2
2  │ ┌ set up c = Cluster
3  │ └ c stays open until the run's end
4  └ b stays open until the run's end
1  ┌ set up d = Cluster
2  │ in_d
3  └ d stays open until the kernel's end
at the run's end: clean up c, b if nothing failed, else at the kernel's end, a
at the kernel's end: clean up d
a, b, c, d: if the kernel dies during set-up this may leak: define find(lease_id), or call self.lease.record(handle) early"""


def test_set_up_and_clean_up_frame_what_runs_between(seed):
    assert plan_text(seed) == SEED


def test_inner_resources_go_before_outer_ones(nested):
    assert plan_text(nested) == NESTED


def test_lifetimes_and_limits_are_told_and_late_clean_ups_are_last_in_first_out(cluster, work):
    with Flow("lifetimes") as flow:
        with cluster.options(lifetime="flow").use((), {}, name="a"):
            work("in_a")()
        b = cluster.options(on="success", cleanup_timeout="90s", cleanup_retries=2)
        with b.use((), {}, name="b"), cluster.options(lifetime="flow").use((), {}, name="c"):
            pass
        with cluster.options(lifetime="kernel").use((), {}, name="d"):
            work("in_d")()
    assert plan_text(flow) == LIFETIMES


def test_the_outcome_that_a_clean_up_waits_for_is_named(cluster):
    with Flow("on") as flow, cluster.options(on="failure").use((), {}, name="a"):
        pass
    last = plan_text(flow).splitlines()[-2]
    assert last == "2  └ clean up a if something failed, else at the kernel's end"


def test_an_open_resource_is_used_rather_than_set_up(seed, progress):
    lines = plan_text(seed, progress(leases={"client": "open"})).splitlines()
    assert lines[2] == "1  ┌ use client = Cluster, which is open ← n_workers"


def test_what_is_open_has_the_marks_of_its_lease(seed):
    (scope,) = seed.scopes
    lines = plan_text(seed, None, {scope: Protection("", "a socket does not pickle")}).splitlines()
    assert lines[-1] == "client: unprotected once open: a socket does not pickle"


def test_tasks_that_can_run_side_by_side_share_a_line(work):
    with Flow("wide") as flow:
        n = Parameter("n", default=1)
        left, right = work("left")(n), work("right").map([1, 2])
        work("both")(left, right)
    assert plan_text(flow).splitlines()[2:] == ["1  left, right (mapped)", "2  both"]


def test_every_task_is_in_a_later_stage_than_what_it_waits_for(large):
    outline = sketch(large).outline
    found = stages(outline)
    for link in outline.links:
        source, target = outline.nodes[link.source], outline.nodes[link.target]
        if target.kind != "init" and source.kind != "init":
            assert found[link.source] < found[link.target]


def test_a_long_plan_keeps_its_beginning_and_its_end(work):
    with Flow("chain") as flow:
        task = None
        for _ in range(1000):
            task = work("one")(task)
    lines = plan_text(flow).splitlines()
    assert len(lines) < 130
    assert any(line.startswith("… 881 more lines") for line in lines)
    assert lines[-1] == "1000  one-1000"
