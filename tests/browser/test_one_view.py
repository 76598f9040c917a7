"""A flow of several cells is shown in full once; its other cells have one line."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import LAB, NOTEBOOK_7
from tests.browser.labs import Resources, both_themes
from tests.ledger.worlds import wait_for

CELLS = (
    """
%%flow demo
@task
def load():
    return [1, 2, 3]
@task
def total(xs):
    return sum(xs)
xs = load()
""",
    """
%%flow demo --with Machine(2) as machine --run
@task
def square(xs):
    return [x * x for x in xs]
squares = square(xs)
""",
    """
%%flow demo
@task
def publish(number):
    raise ConnectionError("403 from the warehouse")
sent = publish(total(squares))
""",
)
VIEWERS = """
from resnb.view.live.ticker import TICKER
print("viewers:", sum(len(live.views) for live in TICKER._flows))
"""
"""A cell that says how many views the kernel knows."""
OUTPUT_VIEW = "jupyterapp.commands.execute('notebook:create-output-view')"
IS_INSIDE = """(one) => {
  const output = one.closest('.jp-OutputArea').getBoundingClientRect();
  return one.getBoundingClientRect().right <= output.right;
}"""
ACTIVE = "jupyterapp.shell.currentWidget.content.activeCellIndex"


FRONT_ENDS = (LAB, pytest.param(NOTEBOOK_7, marks=pytest.mark.long))


def wait_for_one_viewer(notebook, cell):
    """Run a cell like `VIEWERS` until there is one: what opens and closes says so on its own way."""

    def is_one():
        notebook.run(cell)
        return "viewers: 1" in notebook.output(cell).text_content()

    wait_for(is_one, "one viewer")


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda one: one.name)
def test_a_flow_is_shown_in_full_where_it_ran_last(notebook, front_end):
    notebook.front_end = front_end
    notebook.open(PRELUDE, *CELLS, VIEWERS)
    page = notebook.page
    notebook.run(0, 1, 2, 3)
    full = notebook.view(3)
    expect(full.locator(".node")).to_have_count(4)
    lines = {cell: notebook.output(cell).locator(".resnb-cell-line") for cell in (1, 2, 3)}
    for cell in (1, 2):
        expect(notebook.view(cell)).to_have_count(0)
        expect(notebook.output(cell).locator("img")).to_have_count(0)
        expect(lines[cell]).to_be_visible()
        assert lines[cell].bounding_box()["height"] < 40
        assert lines[cell].locator(".where").evaluate(IS_INSIDE)
    expect(lines[1].locator(".task")).to_have_text(["✓ load"])
    expect(lines[2].locator(".task")).to_have_text(["✓ square"])
    wait_for_one_viewer(notebook, 4)

    # what the active cell has added is marked; from a task to its cell, and back
    page.evaluate(f"{ACTIVE} = 3")
    expect(full.locator(".node[data-marked]")).to_have_count(2)
    full.get_by_role("button", name="Run", exact=True).click()
    expect(full.locator(".failures")).to_contain_text("403 from the warehouse, in cell [4]")
    full.locator(".node", has_text="square").press("Enter")
    full.get_by_role("button", name="Go to cell [3]").click()
    assert page.evaluate(ACTIVE) == 2
    expect(full.locator(".node[data-marked]")).to_have_text(re.compile("square"))
    full.scroll_into_view_if_needed()
    both_themes(notebook, f"one-view-{front_end.name}")
    full.get_by_role("button", name="Go to the cell", exact=True).click()
    assert page.evaluate(ACTIVE) == 3
    expect(lines[1].locator(".task")).to_have_text(["✓ load"])
    lines[1].locator(".task").click()
    assert page.evaluate(ACTIVE) == 3
    expect(full.locator(".inspector h4")).to_have_text("load")

    # who opens a view of the output beside the notebook gets all of it, as well
    if front_end is LAB:
        page.evaluate(OUTPUT_VIEW)
        beside = page.locator(".jp-LinkedOutputView .resnb")
        expect(beside.locator(".node")).to_have_count(4)
        expect(full.locator(".node")).to_have_count(4)
        page.evaluate("jupyterapp.commands.execute('application:close')")
        expect(beside).to_have_count(0)
        notebook.activate()

    # a cell that runs again has the flow in full then; a page that is loaded again knows which
    notebook.run(2)
    expect(notebook.view(2).locator(".node")).to_have_count(4)
    expect(lines[3].locator(".task")).to_have_count(2)
    notebook.save()
    notebook.show()
    expect(notebook.view(2).locator(".node")).to_have_count(4)
    expect(lines[1].locator(".task")).to_have_text(["✓ load"])
    expect(lines[3].locator(".task")).to_have_count(2)
    assert not notebook.complaints


@pytest.mark.long
def test_the_side_panel_takes_the_view(notebook):
    notebook.open(PRELUDE, *CELLS[:2], VIEWERS)
    page, panel = notebook.page, notebook.page.locator("#resnb-flows")
    notebook.run(0, 1, 2)
    expect(notebook.view(2).locator(".node")).to_have_count(2)
    Resources(notebook).command("resnb:show-flows")
    expect(panel.locator(".node")).to_have_count(2)
    expect(panel.locator(".resnb-panel-title")).to_have_text(re.compile("Flows.*test_the_side"))
    for cell in (1, 2):
        expect(notebook.output(cell).locator(".resnb-cell-line")).to_contain_text("side panel")
    expect(notebook.page.locator(".jp-NotebookPanel .resnb")).to_have_count(0)
    wait_for_one_viewer(notebook, 3)
    notebook.output(1).locator(".task").click()
    expect(panel.locator(".inspector h4")).to_have_text("load")
    expect(panel.get_by_role("button", name="Go to cell [2]")).to_be_visible()
    both_themes(notebook, "one-view-panel")
    page.evaluate("jupyterapp.shell.collapseRight()")
    expect(notebook.view(2).locator(".node")).to_have_count(2)
    assert not notebook.complaints
