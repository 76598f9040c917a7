"""*Run All Cells* on a fresh kernel: a view lives and its buttons work while the next cells run."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import LAB, NOTEBOOK_7

TWO_STEPS = """
%%flow demo(n=3) --with Machine(2) as machine
def first(n, machine):
    gate("first")
    return n
def second(x):
    gate("second")
    return x
once = task(first)(n, machine)
twice = task(second)(once)
"""
RUN = "state = demo.run()"
AFTERWARDS = "gate('afterwards')"
FRONT_ENDS = (
    pytest.param(LAB, id="lab"),
    pytest.param(NOTEBOOK_7, id="notebook-7", marks=pytest.mark.long),
)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_the_view_lives_from_its_first_moment(notebook, front_end):
    notebook.front_end = front_end
    notebook.open(PRELUDE, TWO_STEPS, RUN, AFTERWARDS)
    notebook.shut("setup", "first", "second", "afterwards")
    notebook.run_all()
    view = notebook.view(1)
    expect(view.locator(".node")).to_have_count(3)
    expect(view.locator(".cluster.is-opening")).to_have_count(1)
    notebook.let("setup")
    expect(view.locator(".node.is-running")).to_have_count(1)
    notebook.picture(f"run-all-{front_end.name}", view)
    notebook.let("first")
    expect(view.get_by_label("first, task, success")).to_be_visible()
    expect(view.get_by_label("second, task, running")).to_be_visible()
    notebook.let("second")
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    for words in (view.locator(".notice"), view.locator(".waiting")):
        expect(words).to_be_hidden()
    notebook.let("afterwards")
    notebook.wait_idle()
    assert not notebook.complaints


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_buttons_reach_a_kernel_that_runs_all_cells(notebook, front_end):
    notebook.front_end = front_end
    notebook.open(PRELUDE, TWO_STEPS, "state = demo.start()", AFTERWARDS)
    notebook.shut("first", "afterwards")
    notebook.run_all()
    view = notebook.view(1)
    expect(view.locator(".node.is-running")).to_have_count(1)
    view.locator(".node.kind-task").first.click()
    expect(view.locator(".inspector")).to_contain_text("running")
    view.get_by_role("button", name="Cancel").click()
    notebook.let("first")
    expect(view.locator(".flow-state")).to_contain_text("cancelled")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    expect(view.locator(".waiting")).to_be_hidden()
    prompt = notebook.page.locator(".jp-CodeCell").nth(3).locator(".jp-InputPrompt")
    expect(prompt).to_contain_text("*")  # that cell still runs
    notebook.let("afterwards")
    notebook.wait_idle()
    expect(view.locator(".flow-state")).to_contain_text("cancelled")
    assert not notebook.complaints
