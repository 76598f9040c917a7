"""The side panel of flows, and the commands for them."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.labs import START, Questions, Resources
from tests.browser.test_live import ADD, LOAD
from tests.browser.test_one_view import VIEWERS, wait_for_one_viewer
from tests.browser.test_room import LABELS

LADDER = """
def rung(number):
    def climb(*_):
        gate(f"step-{number}")
    return climb
with Flow("ladder") as ladder:
    last = ()
    for number in range(24):
        last = [task(rung(number), name=f"step-{number}")(*last) for _ in range(1 + number % 2)]
ladder
"""
NARROW = "one => { one.style.minWidth = '0'; one.style.width = one.style.maxWidth = '240px'; }"
OVERLAPS = """panel => {
  const shown = [...panel.querySelectorAll('.toolbar :is(button, input)')].map(
    (one) => [one.title || one.ariaLabel || one.placeholder, one.getBoundingClientRect()]).filter(
    ([, box]) => box.width > 0);
  return shown.flatMap(([name, one], at) => shown.slice(at + 1).filter(([, other]) =>
    one.left < other.right - 1 && other.left < one.right - 1 &&
    one.top < other.bottom - 1 && other.top < one.bottom - 1).map(([other]) => [name, other]));
}"""


@pytest.mark.long
def test_a_panel_of_240_pixels_keeps_in_sight_and_readable_what_runs(notebook):
    notebook.open(PRELUDE, LADDER, "end = ladder.run()")
    page = notebook.page
    panel = page.locator("#resnb-flows")
    Resources(notebook).command("resnb:show-flows")
    panel.evaluate(NARROW)
    notebook.run(0, 1)
    expect(panel.locator(".node").first).to_be_visible()
    assert panel.evaluate(LABELS) == []
    for number in (4, 12, 20):
        notebook.shut(f"step-{number}")
    notebook.begin(2)
    for number in (4, 12, 20):
        running = panel.locator(".node.is-running").first
        expect(running).to_contain_text(f"step-{number}")
        expect(running).to_be_in_viewport(ratio=0.9)
        assert panel.bounding_box()["width"] <= 240
        assert panel.evaluate(LABELS) == panel.evaluate(OVERLAPS) == []
        notebook.picture(f"panel-240-{number}")
        notebook.let(f"step-{number}")
    notebook.wait_idle()
    assert not notebook.complaints


@pytest.mark.long
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
    wait_for_one_viewer(notebook, 3)
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
