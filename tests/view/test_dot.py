from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb import Flow, Parameter, case
from resnb.graph.tasks.function_task import FunctionTask
from resnb.states import CLASSES, FAILED, RUNNING, SUCCESS
from resnb.view import engines, palette
from resnb.view.dot import dot_source
from resnb.view.engines import Engine, render, run_engine
from resnb.view.folding import folded
from resnb.view.names import shown
from resnb.view.snapshot import snapshot

EVIL = [
    "<img src=x onerror=alert(1)>",
    '"]; evil',
    "\\N \\G \\l \\",
    'quote \\" and \\\\" more',
    "two\nlines\x00\x1b",
    "A" * 10_000,
    "😀 ☃",
    "שלום עולם",
    "<b>html</b>",
    "<<b>html</b>>",
    "&lt;b&gt; &amp; &#60; &amp;lt;",
    "\u202eback",
    "digraph",
    "n0",
    "a:b:s",
    "// no /* comment */ #",
]
NAMES = st.text(st.characters(exclude_categories=()), min_size=1, max_size=60).filter(str.strip)
NASTY = st.text('<>"\\&;#[]{}|lrnNGE01 \n', min_size=1, max_size=20).filter(str.strip)


def words(svg):
    """The texts that a reader of an SVG sees, without the difference between blanks."""
    root = ET.fromstring(svg)
    texts = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert tags <= {"svg", "g", "title", "polygon", "polyline", "path", "text", "ellipse"}
    return {normal(text) for text in texts}


def normal(text):
    return " ".join(text.split())


def named(names):
    with Flow("named") as flow:
        for name in names:
            FunctionTask(lambda: None, name=name).bind()
    return flow


@pytest.mark.usefixtures("engine")
def test_what_users_write_is_shown_as_text(cluster):
    with Flow(EVIL[1]) as flow, cluster.use((), {}, name=EVIL[0]) as resource:
        for name in EVIL:
            FunctionTask(lambda x: x, name=name).bind(resource)
    seen = words(render(dot_source(snapshot(flow)), "svg"))
    assert {normal(shown(name)) for name in EVIL} <= seen
    assert normal(f"{EVIL[1]} · not run yet") in seen
    assert render(dot_source(snapshot(flow))).startswith(b"\x89PNG")


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", ["system", "bundled"])
@given(st.lists(NAMES | NASTY, min_size=1, max_size=5, unique=True))
def test_any_name_is_shown_as_text_by_either_engine(name, names):
    program = getattr(engines, name)()
    if program is None:
        pytest.skip(f"no {name} Graphviz engine on this machine")
    whole = snapshot(named(names))
    seen = words(run_engine(Engine(name, program), dot_source(whole), "svg"))
    assert {normal(node.short) for node in whole.outline.nodes} <= seen


def test_the_same_flow_gives_the_same_text(seed, progress):
    assert dot_source(snapshot(seed)) == dot_source(snapshot(seed))
    assert dot_source(snapshot(seed)) != dot_source(snapshot(seed, progress()))


def test_names_are_never_identifiers():
    source = dot_source(snapshot(named(["evil_name"])))
    assert source.count("evil_name") == 1
    assert "label=evil_name" in source


def lines_with(source, text):
    return [line for line in source.splitlines() if text in line]


def test_scopes_are_boxes_in_boxes_with_their_steps_inside(nested):
    source = dot_source(snapshot(nested))
    outer = source.index("subgraph cluster_0 {")
    inner = source.index("subgraph cluster_1 {")
    assert outer < source.index("label=first") < inner
    inside = source[inner : source.index("}", inner)]
    assert inside.count("label=setup") == inside.count("label=cleanup") == 1
    assert "label=second" in inside
    assert "label=third" not in inside


def test_the_title_of_a_box_tells_the_state_and_the_limits(nested, progress):
    source = dot_source(snapshot(nested, progress(leases={"inner": "open"})))
    assert lines_with(source, r"inner · open\lttl 2h\l")
    assert lines_with(source, r"outer · closed\l")


def test_links_that_the_box_implies_are_left_out(seed):
    source = dot_source(snapshot(seed))
    drawn_links = {tuple(line.split("[")[0].split()) for line in lines_with(source, "->")}
    assert drawn_links == {
        ("n0", "->", "n2"),  # n_workers to the manager
        ("n2", "->", "n3"),  # manager to set-up
        ("n3", "->", "n4"),  # set-up to the first task
        ("n4", "->", "n5"),  # load to summarize
        ("n5", "->", "n6"),  # summarize to clean-up
        ("n5", "->", "n7"),
        ("n1", "->", "n7"),
    }
    [arrow] = lines_with(source, "n0 -> n2")
    assert "lhead=cluster_0" in arrow


def test_an_empty_scope_still_leads_from_set_up_to_clean_up(cluster):
    with Flow("empty scope") as flow, cluster():
        pass
    assert lines_with(dot_source(snapshot(flow)), "n1 -> n2")


def test_shapes_tell_kinds(work):
    with Flow("kinds") as flow:
        choice = Parameter("choice", default=1)
        with case(choice, 1):
            work("plain")()
        work("each").map([1])
    source = dot_source(snapshot(flow))
    for name, shape in [("choice = 1", "note"), ("case(1)", "octagon"), ("each", "box3d")]:
        assert f"shape={shape}" in lines_with(source, name)[0]
    assert "shape" not in lines_with(source, "label=plain")[0]


def test_states_that_need_attention_have_words_and_lines_beside_hue(seed, progress):
    state = progress({"load": FAILED, "summarize": RUNNING})
    source = dot_source(snapshot(seed, state))
    assert r'label="load\nfailed"' in source
    assert r'label="summarize\nrunning"' in source
    assert "label=write " in source


def test_no_two_looks_differ_by_colour_alone():
    for looks in (palette.TASK, palette.LEASE):
        assert len({look.word for look in looks.values()}) == len(looks)
    assert set(palette.TASK) == {cls.code for cls in CLASSES}
    assert palette.TASK[SUCCESS].fill != palette.TASK[FAILED].fill


@pytest.mark.usefixtures("engine")
def test_a_large_flow_is_drawn_folded(large, work):
    with large:
        for _ in range(200):
            work("more")()
    source = dot_source(folded(snapshot(large)))
    assert lines_with(source, r"54 more tasks not shown")
    seen = words(render(source, "svg"))
    assert {"part_1", "100 tasks", "54 more tasks not shown"} <= seen
