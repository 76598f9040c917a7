"""Several views of one flow agree: in two tabs, two notebooks and a console; two kernels do not mix."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import Notebook
from tests.browser.test_live import LOAD, LONG

KERNEL = "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.id"
CHANGE = "id => jupyterapp.shell.currentWidget.context.sessionContext.changeKernel({id})"
CONSOLE = """async (id) => {
  const panel = await jupyterapp.commands.execute('console:create', {kernelPreference: {id}, path: ''});
  await panel.sessionContext.ready;
  await panel.console.inject('slow');
}"""
OWN = """
%load_ext resnb
from resnb import task
"""
ONE = """
%%flow demo
one = task(len, name="of another kernel")("a")
"""


def states(view):
    """What a view's graph says, node by node."""
    nodes = view.locator(".graph [role=button]").all()
    return [one.get_attribute("aria-label") for one in nodes]


@pytest.mark.long
def test_a_tab_that_is_opened_during_a_run_agrees_with_the_first(notebook, browser):
    notebook.open(PRELUDE, LONG, "slow")
    notebook.run(0, 1, 2)
    first = notebook.view(2)
    first.get_by_role("button", name="Run", exact=True).click()
    expect(first.locator(".node.kind-task.is-running")).to_have_count(1)
    notebook.save()
    page = browser.new_page(viewport={"width": 1200, "height": 1100})
    late = Notebook(page, notebook.server, notebook.name, notebook.pictures)
    late.show()
    second = late.view(2)
    expect(second.locator(".node.kind-task.is-running")).to_have_count(1)
    expect(second.locator(".flow-state")).to_contain_text("running")
    second.get_by_role("button", name="Cancel").click()
    for view in (first, second):
        expect(view.locator(".flow-state")).to_contain_text("cancelled")
        expect(view.locator(".cluster.is-closed")).to_have_count(1)
    assert states(first) == states(second)
    for one in (notebook, late):
        expect(one.output(1).locator(".resnb-cell-line .task")).to_have_text(["■ wait"])
    notebook.picture("late-tab", page)
    assert not late.complaints
    page.close()


@pytest.mark.long
def test_two_notebooks_with_two_kernels_and_then_with_one(notebook):
    notebook.open(PRELUDE, LOAD, LONG)
    notebook.run(0, 1)
    other = notebook.beside(f"{notebook.name}-other", OWN, ONE, "slow")
    other.run(0, 1)
    expect(notebook.view(1).locator(".node")).to_have_count(2)
    expect(other.view(1).locator(".node")).to_have_count(1)
    other.view(1).get_by_role("button", name="Run", exact=True).click()
    expect(other.view(1).locator(".flow-state")).to_contain_text("success")
    expect(notebook.view(1).locator(".flow-state")).to_contain_text("not run yet")
    notebook.run(2)
    expect(notebook.view(2).locator(".node")).to_have_count(1)
    kernel = notebook.page.evaluate(KERNEL)
    notebook.page.evaluate(CONSOLE, kernel)
    console = notebook.page.locator(".jp-CodeConsole .resnb")
    expect(console.locator(".node")).to_have_count(1)
    other.activate()
    notebook.page.evaluate(CHANGE, kernel)
    other.wait_idle()
    other.run(2)
    mine, theirs = notebook.view(2), other.view(2)
    theirs.get_by_role("button", name="Run", exact=True).click()
    expect(mine.locator(".node.kind-task.is-running")).to_have_count(1)
    expect(console.locator(".node.kind-task.is-running")).to_have_count(1)
    notebook.picture("two-notebooks-and-a-console")
    theirs.get_by_role("button", name="Cancel").click()
    for view in (mine, theirs, console):
        expect(view.locator(".flow-state")).to_contain_text("cancelled")
    assert states(mine) == states(theirs) == states(console)
    assert not notebook.complaints
