"""A flow's view while it is built, runs and is cleaned up."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

LOAD = """
%%flow demo(n=3) --with Machine(2) as machine
def load(n, machine):
    gate("load")
    print("loading", n)
    return list(range(n))
xs = task(load)(n, machine)
"""
SQUARE = """
%%flow demo --with Machine(2) as machine
def square(x):
    gate("square")
    return x * x
squares = task(square).map(xs)
"""
ADD = """
%%flow demo
total = task(sum, name="add")(squares)
"""
LONG = """
%%flow slow --with Machine(2) as machine
def wait(machine):
    while not never.wait(0.05):
        pass
wait_long = task(wait)(machine)
"""


def test_the_graph_grows_with_the_cells(notebook):
    notebook.open(PRELUDE, LOAD, SQUARE, ADD)
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".node")).to_have_count(2)
    notebook.run(2)
    expect(notebook.view(2).locator(".node")).to_have_count(3)
    notebook.run(3)
    expect(notebook.view(3).locator(".node")).to_have_count(4)
    assert notebook.page.locator("script:has-text('demo')").count() == 0
    notebook.picture("grown", notebook.view(3))


def test_a_run_is_seen_step_by_step(notebook):
    notebook.open(PRELUDE, LOAD, SQUARE, ADD)
    notebook.run(0, 1, 2, 3)
    view = notebook.view(3)
    expect(view.locator(".node")).to_have_count(4)
    notebook.record()
    notebook.shut("setup", "load", "square", "cleanup")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".cluster.is-opening")).to_have_count(1)
    notebook.let("setup")
    expect(view.locator(".cluster.is-open")).to_have_count(1)
    expect(view.get_by_label("load, task, running")).to_have_count(1)
    notebook.let("load")
    expect(view.locator(".node.mapped.is-running, .node.mapped.is-mapped")).to_have_count(1)
    notebook.picture("running", view)
    notebook.let("square")
    expect(view.locator(".cluster.is-closing")).to_have_count(1)
    notebook.let("cleanup")
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    notebook.picture("ended", view)
    between = [words for words in notebook.seen if any("running" in word for word in words)]
    assert len(between) >= 2  # those that gates have held; how many more depends on the machine
    cluster = next(word for word in notebook.seen[-1] if word.startswith("resource"))
    leases = [
        state
        for state in ("opening", "open", "closing", "closed")
        if any(
            f"{cluster.split(',')[0]}, {state}" in words for words in map(", ".join, notebook.seen)
        )
    ]
    assert leases == ["opening", "open", "closing", "closed"]


def test_the_first_run_of_a_kernel_is_seen_while_its_cell_is_running(notebook):
    notebook.open(PRELUDE, LOAD.replace("machine\ndef", "machine --run\ndef", 1))
    notebook.run(0)
    notebook.shut("load")
    notebook.begin(1)
    view = notebook.view(1)
    expect(view.locator(".node.kind-task.is-running")).to_have_count(1)
    notebook.picture("first-run", view)
    notebook.let("load")
    notebook.wait_idle()
    expect(view.locator(".node.kind-task.is-success")).to_have_count(1)


def test_cancel_reaches_a_task_while_its_cell_is_running(notebook):
    notebook.open(PRELUDE, LONG, "slow.run()")
    notebook.run(0, 1)
    notebook.begin(2)
    view = notebook.view(1)
    expect(view.locator(".node.kind-task.is-running")).to_have_count(1)
    notebook.picture("before-cancel", view)
    cancel, state = (
        view.get_by_role("button", name="Cancel", exact=True),
        view.locator(".flow-state"),
    )
    notebook.shut("cleanup")
    cancel.click()
    expect(state).to_contain_text("cancelling")
    expect(cancel).to_be_disabled()
    notebook.let("cleanup")
    expect(state).to_contain_text("cancelled")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    expect(view.locator(".run-progress")).not_to_have_attribute("data-failed", "")
    notebook.wait_idle()
    notebook.picture("cancelled", view)


def test_a_page_that_is_loaded_again_while_a_cell_runs_has_its_flow(notebook):
    page = notebook.page
    page.add_init_script("delete Crypto.prototype.randomUUID")  # as without HTTPS
    notebook.open(PRELUDE, LONG, "%flow run slow")
    notebook.run(0, 1)
    notebook.begin(2)
    expect(notebook.view(2).locator(".node.kind-task.is-running")).to_have_count(1)
    notebook.save()
    saved = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"][2]["outputs"][0]
    assert saved["data"]["text/plain"] == ["slow was running when this was saved"]
    page.reload()
    view = notebook.view(2)
    expect(view.locator(".node.kind-task.is-running")).to_have_count(1)
    expect(notebook.output(1).locator(".resnb-cell-line .task")).to_have_text(["▸ wait"])
    notebook.picture("loaded-again-while-running")
    view.get_by_role("button", name="Cancel", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("cancelled")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    notebook.wait_idle()
    assert not notebook.complaints


def test_an_open_scope_is_cleaned_up(notebook):
    notebook.open(PRELUDE, LOAD.replace("machine\ndef", "machine --run\ndef", 1))
    notebook.run(0, 1)
    view = notebook.view(1)
    expect(view.locator(".cluster.is-open")).to_have_count(1)
    notebook.picture("open-scope", view)
    view.get_by_role("button", name="Clean up", exact=True).click()
    expect(view.get_by_role("menu")).to_contain_text("what --run has left open")
    notebook.picture("clean-up-menu")
    view.get_by_role("menuitem", name="Close scopes").click()
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    expect(view.locator(".chip")).to_have_attribute("aria-label", re.compile("clean-up success"))
    expect(view.get_by_role("button", name="Clean up", exact=True)).to_be_disabled()


@pytest.mark.long
def test_a_parameter_is_checked_and_used(notebook):
    notebook.open(PRELUDE, LOAD, "xs.value")
    notebook.run(0, 1)
    view = notebook.view(1)
    field = view.get_by_label("n", exact=True)
    field.fill("many")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.get_by_text("n takes a whole number")).to_be_visible()
    notebook.picture("form", view)
    field.fill("5")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".kind-parameter .name")).to_have_text("n = 5")
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("[0, 1, 2, 3, 4]")


@pytest.mark.long
def test_a_page_that_is_loaded_again_shows_the_flow_as_it_is(notebook):
    notebook.open(PRELUDE, LOAD)
    notebook.run(0, 1)
    view = notebook.view(1)
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    notebook.save()
    notebook.show()
    view = notebook.view(1)
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".node")).to_have_count(2)
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    stored = notebook.path.read_text(encoding="utf-8")
    assert re.search(r'"image/png": "', stored)
    assert "[success]" in stored or "demo" in stored


@pytest.mark.long
def test_running_a_cell_again_makes_no_other_model(notebook):
    notebook.open(PRELUDE, LOAD, SQUARE)
    notebook.run(0, 1, 2, 1, 2, 1, 2)
    comms = "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel._comms.size"
    assert notebook.page.evaluate(comms) == 7  # view, picture and box, and their styles
    expect(notebook.view(2).locator(".node")).to_have_count(3)


FADED = """one => Promise.allSettled(one.getAnimations({subtree: true}).filter(
  (each) => each instanceof CSSTransition).map((each) => each.finished))"""


@pytest.mark.long
def test_both_themes_are_readable(notebook):
    failing = ADD.replace(
        'task(sum, name="add")(squares)', "task(lambda x: x[99], name='pick')(squares)"
    )
    notebook.open(PRELUDE, LOAD, SQUARE, failing)
    notebook.run(0, 1, 2, 3)
    view = notebook.view(3)
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("failed")
    view.locator(".node.is-failed").click()
    expect(view.locator(".inspector pre").first).to_contain_text("IndexError")
    view.get_by_role("button", name="Legend").click()
    seen = set()
    for theme in ("Dark", "Light"):
        notebook.page.evaluate(
            f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})"
        )
        is_light = str(theme == "Light").lower()
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
        view.evaluate(FADED)
        notebook.picture(theme.lower(), view)
        paper, ink = (
            view.evaluate(f"one => getComputedStyle(one.querySelector('{part}')).{what}")
            for part, what in ((".graph", "backgroundColor"), (".node.is-success .name", "fill"))
        )
        assert paper != ink
        seen |= {paper, ink}
    assert len(seen) == 4


SHARDS = """
broken = {2}
@resource_manager
class Shard:
    find_for = "1s"
    def __init__(self, number):
        self.number = number
    def setup(self):
        if self.number in broken:
            raise OSError(f"shard {self.number} does not answer")
        return f"shard {self.number}"
    def handle(self, resource):
        return self.number
    def find(self, lease_id):
        return None
    def cleanup(self, resource):
        print("closing", resource)
"""
LOAD_SHARDS = """
%%flow warehouse(numbers=None) --with Shard.map(list_of(numbers)) as shards --run
rows = load.map(shards)
"""
TASKS = """
from resnb import triggers
list_of = task(lambda numbers: numbers or [0, 1, 2, 3], name="list_of")
load = task(lambda shard: len(shard), name="load")
"""


@pytest.mark.long
def test_a_mapped_scope_is_a_stack_whose_items_are_cleaned_up_one_by_one(notebook):
    notebook.open(PRELUDE + SHARDS + TASKS, LOAD_SHARDS, "broken.clear()", LOAD_SHARDS)
    notebook.run(0)
    notebook.begin(1)
    view = notebook.view(1)
    stack = view.get_by_role("button", name="resource shards = Shard, 3 open, 1 closed")
    expect(stack).to_have_count(1)
    notebook.wait_idle()
    notebook.picture("stack", view)
    stack.locator(".body").click(position={"x": 4, "y": 30})
    items = view.get_by_role("list", name="resources").get_by_role("listitem")
    expect(items).to_have_count(4)
    expect(items.nth(2)).to_contain_text("closed")
    expect(items.nth(2).get_by_role("button", name="Clean up")).to_be_disabled()
    items.nth(1).get_by_role("button", name="Keep").click()
    expect(items.nth(1)).to_contain_text("kept for 30m after the kernel's end")
    items.nth(0).get_by_role("button", name="Clean up").click()
    expect(items.nth(0)).to_contain_text("closed")
    expect(view.locator(".cluster.is-open")).to_have_count(1)
    notebook.picture("stack-inspected", view)
    view.get_by_role("button", name="Clean up", exact=True).first.click()
    view.get_by_role("menuitem", name="Close scopes").click()
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    view.get_by_role("button", name="Timeline").click()
    notebook.picture("stack-timeline", view)
