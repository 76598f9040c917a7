"""Large graphs in little room: readable when they open, folded, searched, over the whole window."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tools.axe import AXE, SERIOUS

LAYERS = """
import random
random.seed(SIZE)
def layers(size, wide):
    last = [task(lambda: 1, name=f"load-{place}")() for place in range(wide)]
    for number in range(1, size // wide):
        last = [
            task(refuse if (number, place) == (5, 3) else lambda *_: 1, name=f"{name}-{number}-{place}")(
                *random.sample(last, 2))
            for place, name in zip(range(wide), 4 * ["clean", "join", "score", "split", "rank"])
        ]
def refuse(*_):
    raise ConnectionError("403")
with Flow("layers") as flow:
    layers(SIZE, 20 if SIZE > 80 else 10)
flow
"""
CHAINS = """
with Flow("chains") as chains:
    with Machine() as machine:
        source = task(lambda: 1, name="source")()
        parts = []
        for number in range(60):
            part = source
            for step in ("extract", "transform", "load"):
                part = task(lambda x: x, name=f"{step}-{number}")(part)
            parts.append(part)
    end = task(len, name="merge")(parts)
    for step in "abcdefgh":
        end = task(lambda x: x, name=f"step {step}")(end)
chains
"""
COSTLY = """
@resource_manager(cost_per_hour=7200)
class Warehouse(Machine.resource_class):
    dies_with_kernel = True

%%flow sales(days=28) --with Warehouse() as db --run
def fetch(days, db):
    gate("fetch")
    return list(range(days))
def double(x):
    return 2 * x
orders = task(fetch)(days, db)
doubled = task(double).map(orders)
"""
FORM = """
from datetime import date
from enum import Enum
class Size(Enum):
    SMALL = 1
    LARGE = 2
with Flow("form") as flow:
    given = [
        Parameter("day", default=date(2026, 1, 31)), Parameter("limits", default={"rows": 10}),
        Parameter("names", default=["a"]), Parameter("size", default=Size.SMALL),
        Parameter("thing", default=object()),
    ]
    task(lambda *all: print(*all[:4]), name="show")(*given)
flow
"""
LABELS = """view => {
  const frame = view.querySelector('.graph').getBoundingClientRect();
  return [...view.querySelectorAll('.graph text')].filter((one) => one.textContent.trim() !== '').map((one) => {
    const scale = one.getScreenCTM().a;
    return [one.textContent, scale * parseFloat(getComputedStyle(one).fontSize)];
  }).filter(([, size]) => size < 8.99);
}"""
RULES = {"label-content-name-mismatch": {"enabled": False}}
"""It takes the marks and times beside a task's name for a part of it."""
THEME = "jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {}'}})"


COUNTED_ON = re.compile(r"^(([2-9]|[1-5]\d) s|\d+ min \d\d s)$")
"""A time that the page has counted on by itself: whoever is slow sees a later one."""
BELOW_TOP = """(view) => {
  const [drawer, graph] = ['.drawer', '.graph'].map((one) => view.querySelector(one).getBoundingClientRect());
  return drawer.top >= graph.top - 1;
}"""


def look(notebook, name, view):
    """Keep screenshots in light and dark, wide and narrow; the window is as before then."""
    before = notebook.page.viewport_size
    notebook.page.emulate_media(reduced_motion="reduce")  # nothing is on its way then
    for theme in ("Dark", "Light"):
        notebook.page.evaluate(THEME.format(theme))
        is_light = str(theme == "Light").lower()
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
        for width in (1400, 900):
            notebook.page.set_viewport_size({"width": width, "height": 900})
            view.evaluate("one => one.scrollIntoView({block: 'center'})")
            notebook.picture(f"{name}-{theme.lower()}-{width}")
    notebook.page.set_viewport_size(before)


def test_eighty_tasks_open_readable_round_what_failed(notebook):
    notebook.open(PRELUDE, LAYERS.replace("SIZE", "80"))
    notebook.run(0, 1)
    view = notebook.view(1)
    expect(view.locator(".node")).to_have_count(80)
    assert view.evaluate(LABELS) == []
    expect(view.locator(".minimap")).to_be_visible()
    view.get_by_role("button", name="Run", exact=True).click()
    failed = view.locator(".node.is-failed")
    view.locator(".graph").evaluate("one => one.scrollIntoView()")
    expect(failed).to_be_in_viewport()
    look(notebook, "eighty-tasks", view)
    node = view.get_by_label("load-0, task")
    size = notebook.page.viewport_size
    notebook.page.set_viewport_size({"width": 900, "height": 320})  # lower than the graph
    node.focus()
    reached, shown = set(), view.locator(".node:focus")
    for key in ("ArrowDown", "ArrowRight", *["ArrowDown"] * 5, "ArrowLeft", *["ArrowUp"] * 6):
        notebook.page.keyboard.press(key)
        expect(shown).to_be_in_viewport()
        reached.add(notebook.page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(reached) > 3
    expect(view.locator(".goes-right")).to_have_count(1)  # which fits that window better
    notebook.page.set_viewport_size(size)
    expect(view.locator(".goes-right")).to_have_count(0)  # else Turn would mean the other way
    before = view.locator(".graph").bounding_box()
    view.get_by_role("separator").focus()
    for _ in range(3):
        notebook.page.keyboard.press("ArrowDown")
    assert view.locator(".graph").bounding_box()["height"] >= before["height"] + 100
    down = view.evaluate(LABELS)
    view.get_by_role("button", name="Turn").click()
    expect(view.locator(".goes-right")).to_have_count(1)
    assert down == view.evaluate(LABELS) == []
    assert not notebook.complaints


@pytest.mark.long
def test_a_thousand_tasks_are_folded_by_levels_and_the_whole_window_shows_them(notebook):
    notebook.open(PRELUDE, LAYERS.replace("SIZE", "1000"))
    notebook.run(0, 1)
    view, page = notebook.view(1), notebook.page
    expect(view.locator(".node")).to_have_count(50)
    assert view.evaluate(LABELS) == []
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("failed")
    view.get_by_role("button", name="Whole window").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".node.is-failed")).to_be_in_viewport()
    window = page.evaluate("[innerWidth, innerHeight]")
    box = dialog.bounding_box()
    assert [box["width"], box["height"]] == window
    look(notebook, "whole-window", dialog)
    dialog.get_by_role("button", name="Go to the task").click()
    name = dialog.locator(".inspector h4")
    expect(name).to_contain_text("-5-3")
    expect(dialog.locator(".node[aria-pressed=true]")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(notebook.view(1).locator(".node").first).to_be_visible()
    assert not notebook.complaints


@pytest.mark.long
def test_chains_and_what_is_repeated_are_folded_searched_and_opened(notebook):
    notebook.open(PRELUDE, CHAINS)
    notebook.run(0, 1)
    view = notebook.view(1)
    expect(view.locator(".node")).to_have_count(3)
    expect(view.get_by_label("extract → load \N{MULTIPLICATION SIGN} 60")).to_be_visible()
    expect(view.get_by_label("merge → step h, 9 tasks")).to_be_visible()
    look(notebook, "chains-folded", view)
    search = view.get_by_placeholder("Find a task")
    search.fill("transform-5")
    expect(view.get_by_text("11 found")).to_be_visible()
    expect(view.locator(".node[data-hit]")).to_have_count(1)
    search.press("Enter")
    expect(view.locator(".inspector h4")).to_have_text("transform-5")
    expect(view.locator(".node")).to_have_count(182)
    expect(view.locator(".node[data-hit]")).to_have_count(11)
    expect(view.locator(".node[aria-pressed=true]")).to_be_in_viewport()
    assert view.evaluate(LABELS) == []
    look(notebook, "chains-searched", view)
    assert not notebook.complaints


@pytest.mark.long
def test_tasks_carry_their_time_and_scopes_what_they_cost(notebook):
    costly, cell = COSTLY.split("\n\n%%", 1)
    notebook.open(PRELUDE, costly, f"%%{cell}")
    notebook.run(0, 1)
    notebook.shut("fetch")
    notebook.begin(2)
    view = notebook.view(2)
    fetch = view.locator(".node").filter(has_text="fetch")
    expect(fetch.locator(".counts")).to_have_text(COUNTED_ON)
    expect(view.locator(".scope-heading")).to_contain_text(re.compile(r"set-up \d"))
    expect(view.locator(".scope-heading")).to_contain_text(
        re.compile(r"open [\dmin ]+ s, idle \d+ %, about \d")
    )
    look(notebook, "times-running", view)
    notebook.let("fetch")
    notebook.wait_idle()
    expect(fetch.locator(".counts")).to_contain_text(" s")
    expect(view.locator(".node.mapped .counts")).to_have_text("\N{MULTIPLICATION SIGN}28")
    expect(view.locator(".scope-heading.is-open")).to_contain_text("idle")
    before = view.locator(".scope-heading .notes").nth(1).text_content()
    expect(view.locator(".scope-heading .notes").nth(1)).not_to_have_text(
        before
    )  # it is still open
    view.get_by_role("button", name="Clean up", exact=True).click()
    view.get_by_role("menuitem", name="Clean up all").click()
    expect(view.locator(".scope-heading.is-closed")).to_contain_text("clean-up")
    look(notebook, "times-ended", view)
    assert not notebook.complaints


@pytest.mark.long
def test_parameters_of_every_kind_are_edited_and_checked(notebook):
    notebook.open(PRELUDE, FORM)
    notebook.run(0, 1)
    view = notebook.view(1)
    limits = view.get_by_role("textbox", name="limits")
    limits.fill("[1]")
    view.get_by_role("button", name="Run", exact=True).click()
    error = view.get_by_text("limits takes a dict")
    expect(error).to_be_visible()
    assert error.bounding_box()["y"] > limits.bounding_box()["y"]
    expect(view.get_by_text("set this in code")).to_be_visible()
    look(notebook, "form", view)
    limits.fill('{"rows": 3}')
    view.get_by_role("textbox", name="names").fill('["b", "c"]')
    view.get_by_label("day", exact=True).fill("2026-02-28")
    view.get_by_label("size", exact=True).select_option("LARGE")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    view.get_by_label("show, task").click()
    log = view.locator(".inspector pre.log")
    expect(log).to_contain_text("2026-02-28 {'rows': 3} ['b', 'c'] Size.LARGE")
    assert not notebook.complaints


LONG_NAMES = """
names = [f"load_the_orders_of_all_customers_in_the_north_of_europe_{year}" for year in (2025, 2026)]
with Flow("the_orders_of_all_customers_in_the_north_2026") as flow:
    first = Parameter("the_first_year_of_all_customers", default=2025)
    task(len, name="count")([task(lambda _: 1, name=name)(first) for name in names])
flow
"""
NEARLY_FITS = """
with Flow("nearly") as nearly:
    for name in ("extract", "load"):
        task(len, name=name).map([])
nearly
"""
SHOWN = """(view) => {
  const frame = view.querySelector('.graph').getBoundingClientRect();
  return [...view.querySelectorAll('.node .body, .node .extra')].every((one) => {
    const { left, right } = one.getBoundingClientRect();
    return left >= frame.left && right <= frame.right;
  });
}"""


def test_on_a_phone_long_names_can_be_told_apart_and_a_graph_shows_where_it_goes_on(notebook):
    notebook.open(PRELUDE, LONG_NAMES, NEARLY_FITS, "%resources open Machine() as held")
    notebook.page.set_viewport_size({"width": 390, "height": 844})
    notebook.run(0, 1, 2, 3)
    view, nearly = notebook.view(1), notebook.view(2)
    graph = view.locator(".graph")
    for year in (2025, 2026):
        node = view.get_by_label(f"load_the_orders_of_all_customers_in_the_north_of_europe_{year},")
        expect(node.locator(".name")).to_have_text(re.compile(f"^load_.*….*_{year}$"))
    expect(graph).to_have_attribute("data-cut", re.compile("right|bottom"))
    notebook.picture("phone-long-names", view)
    for words in (view.locator(".field label"), view.locator(".flow-name")):
        assert words.evaluate("(one) => one.scrollWidth <= one.clientWidth")
    view.get_by_role("button", name="Fit").click()
    expect(graph).not_to_have_attribute("data-cut", re.compile(""))
    assert view.evaluate(SHOWN)
    node.dispatch_event("click")
    expect(view.locator(".inspector h4")).to_have_text(re.compile("_in_the_north_of_europe_2026$"))
    expect(nearly.locator(".graph")).not_to_have_attribute("data-cut", re.compile(""))
    assert nearly.evaluate(SHOWN)
    notebook.page.evaluate("void jupyterapp.commands.execute('kernelmenu:restart')")
    question = notebook.page.locator(".jp-Dialog .jp-Dialog-content")
    expect(question).to_contain_text("1 resource is open")
    notebook.picture("phone-question")
    box = question.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    question.get_by_role("button", name="Cancel").click()
    assert not notebook.complaints


AT_REST = """one => {
  const now = one.getAttribute("transform");
  one.rested = now === one.seen ? (one.rested ?? 0) + 1 : 0;
  one.seen = now;
  return one.rested > 60;
}"""
"""Whether a graph has not moved for sixty looks, one in each frame."""


def test_nothing_serious_keeps_anybody_out(notebook):
    notebook.open(PRELUDE, CHAINS, FORM)
    notebook.run(0, 1, 2)
    page, view = notebook.page, notebook.view(1)
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.wait_for_function(AT_REST, arg=view.locator(".graph g[transform]").first.element_handle())
    place = view.locator(".graph g[transform]").first.get_attribute("transform")
    for theme in ("Light", "Dark"):
        page.evaluate(THEME.format(theme))
        is_light = str(theme == "Light").lower()
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
        assert view.evaluate(SERIOUS, RULES) == []
        assert notebook.view(2).evaluate(SERIOUS, RULES) == []
        for tab in ("Timeline", "Legend", "Details"):
            if view.get_by_role("tab", name=tab).count() == 0:
                view.get_by_role("button", name=tab).click()
            view.get_by_role("tab", name=tab).click()
            assert view.evaluate(SERIOUS, RULES) == []
            assert view.evaluate(BELOW_TOP)
        assert view.locator(".graph g[transform]").first.get_attribute("transform") == place
        notebook.picture(f"drawer-{theme.lower()}")
        view.get_by_role("button", name="close details").click()
    page.evaluate(THEME.format("Light"))
