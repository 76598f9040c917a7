"""The side panel of flows, the commands, and cells of ours as Python in JupyterLab."""

from contextlib import suppress

from playwright.sync_api import Error, expect

from tests.browser.labs import START, Questions, Resources
from tests.browser.test_live import ADD, LOAD

VIEWERS = """
from resnb.view.live.ticker import TICKER
print("viewers:", sum(len(live.views) for live in TICKER._flows))
"""
COLOURS = """(cell) => {
  const found = {};
  const lines = document.querySelectorAll('.jp-CodeCell')[cell].querySelectorAll('.cm-line span');
  lines.forEach((one) => { found[one.textContent.trim()] ??= getComputedStyle(one).color; });
  return found;
}"""


def test_flows_stay_in_sight_and_obey_commands(notebook):
    notebook.open(START, LOAD, ADD.replace("squares", "xs"), VIEWERS, "def ordinary(): return 1")
    page, resources = notebook.page, Resources(notebook)
    panel = page.locator("#resnb-flows")
    resources.command("resnb:show-flows")
    expect(panel).to_contain_text("no flow yet")
    notebook.run(0, 1)
    expect(panel.locator(".node")).to_have_count(5)
    notebook.run(2)
    expect(panel.locator(".node")).to_have_count(6)
    notebook.picture("flows-beside-cells")
    notebook.run(3)
    expect(notebook.output(3)).to_contain_text("viewers: 3")
    page.evaluate("jupyterapp.shell.collapseRight()")
    notebook.run(3)
    expect(notebook.output(3)).to_contain_text("viewers: 2")

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

    ours, ordinary = page.evaluate(COLOURS, 1), page.evaluate(COLOURS, 4)
    assert ours["def"] == ordinary["def"] != page.evaluate("getComputedStyle(document.body).color")
    page.evaluate(
        """() => {
          const {content} = jupyterapp.shell.currentWidget;
          content.activeCellIndex = 4;
          const {sharedModel} = content.activeCell.model, text = '%%flow demo\\nxs = unmapp';
          sharedModel.setSource(text);
          content.mode = 'edit';
          content.activeCell.editor.setCursorPosition({line: 1, column: 11});
        }"""
    )
    found = page.locator(".jp-Completer").filter(has_text="unmapped")
    for _ in range(8):  # the completer does not wait for a kernel that is slow to answer
        resources.command("completer:invoke-notebook")
        with suppress(Error):
            found.wait_for(timeout=2500)
            break
    expect(found).to_be_visible()
    assert not notebook.complaints
