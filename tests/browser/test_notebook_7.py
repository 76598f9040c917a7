"""The main path in Notebook 7: built in cells, run, cancelled while a cell runs, cleaned up, folded."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import NOTEBOOK_7
from tests.browser.test_live import LOAD, LONG, SQUARE
from tests.browser.test_looking_closely import MANY


@pytest.fixture
def notebook(notebook):
    notebook.front_end = NOTEBOOK_7
    yield notebook
    assert not notebook.complaints


def test_a_flow_from_its_first_cell_to_its_end(notebook):
    notebook.open(PRELUDE, LOAD.replace("machine\ndef", "machine --run\ndef", 1), SQUARE)
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".cluster.is-open")).to_have_count(1)
    notebook.run(2)
    view = notebook.view(2)
    expect(view.locator(".node")).to_have_count(3)
    expect(notebook.output(1).locator(".resnb-cell-line .task")).to_have_text(["✓ load"])
    view.get_by_label("n", exact=True).fill("5")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    view.locator(".node.kind-task").first.click()
    expect(view.locator(".inspector")).to_contain_text("loading 5")
    notebook.page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    )
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    notebook.picture("notebook-7-dark")
    notebook.page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
    )


@pytest.mark.long
def test_cancel_while_a_cell_runs_and_a_large_flow(notebook):
    notebook.open(PRELUDE, LONG, "slow.run()", MANY)
    notebook.run(0, 1)
    notebook.begin(2)
    view = notebook.view(1)
    expect(view.locator(".node.kind-task.is-running")).to_have_count(1)
    view.get_by_role("button", name="Cancel").click()
    expect(view.locator(".flow-state")).to_contain_text("cancelled")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    notebook.wait_idle()
    notebook.run(3)
    view = notebook.view(3)
    expect(view.locator(".node")).to_have_count(3)
    view.get_by_role("button", name="Unfold").click()
    expect(view.locator(".node")).to_have_count(180)
    view.get_by_role("button", name="Fold", exact=True).click()
    expect(view.locator(".node")).to_have_count(3)
