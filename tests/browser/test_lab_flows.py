"""The side panel of flows, and the commands for them."""

from playwright.sync_api import expect

from tests.browser.labs import START, Questions, Resources
from tests.browser.test_live import ADD, LOAD

VIEWERS = """
from resnb.view.live.ticker import TICKER
print("viewers:", sum(len(live.views) for live in TICKER._flows))
"""


def test_flows_stay_in_sight_and_obey_commands(notebook):
    notebook.open(START, LOAD, ADD.replace("squares", "xs"), VIEWERS)
    page, resources = notebook.page, Resources(notebook)
    panel = page.locator("#resnb-flows")
    resources.command("resnb:show-flows")
    expect(panel).to_contain_text("no flow yet")
    notebook.run(0, 1)
    expect(panel.locator(".node")).to_have_count(2)
    notebook.run(2)
    expect(panel.locator(".node")).to_have_count(3)
    notebook.picture("flows-beside-cells")
    notebook.run(3)
    expect(notebook.output(3)).to_contain_text("viewers: 1")
    page.evaluate("jupyterapp.shell.collapseRight()")
    expect(notebook.view(2).locator(".node")).to_have_count(3)

    resources.command("resnb:show-flows")
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    resources.command("resnb:run-flow")
    expect(panel.locator(".flow-state")).to_contain_text("success")
    expect(panel.locator(".cluster.is-closed")).to_have_count(1)
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    resources.command("resnb:run-flow")
    expect(page.locator(".Toastify")).to_contain_text("about no flow")

    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    questions = Questions(page)
    page.locator(".jp-NotebookPanel-toolbar [data-command='resnb:show-plan']").click()
    expect(questions.all).to_contain_text("load")
    notebook.picture("plan", questions.all.locator(".jp-Dialog-content"))
    questions.answer("Close")
    assert questions.titles() == ["Plan of demo"]
    assert not notebook.complaints
