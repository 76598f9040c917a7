"""What a notebook says of its flows once their kernel has ended, and what it keeps of their runs."""

import json
import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import LAB, NOTEBOOK_7
from tests.browser.labs import START, Questions, Resources, both_themes, exists, opening
from tests.ledger.worlds import wait_for

FRONT_ENDS = (LAB, pytest.param(NOTEBOOK_7, marks=pytest.mark.long))
FLOW = """
%%flow demo(n=2)
@task
def load(n):
    if n < 0:
        raise ConnectionError("403 from the warehouse")
    return list(range(n))
xs = load(n)
"""
BY_REAPER = re.compile(r"Kernel ended \d\d:\d\d; volume was cleaned up by the reaper at \d\d:\d\d")
KEPT = re.compile(r"volume is kept for (2\d|30) min")
ONE = "1 resource"
"""What the status bar says when the page knows of one."""


def text_of(notebook, cell):
    """The text that the notebook on the disk has as a cell's output."""
    notebook.save()
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    return "".join("".join(one["data"]["text/plain"]) for one in cells[cell]["outputs"])


def run(view, state):
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text(state)


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda one: one.name)
def test_a_flow_whose_kernel_ended(notebook, front_end, tmp_path):
    path = tmp_path / "volume"
    notebook.front_end = front_end
    notebook.open(START, opening(path))
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".cluster.is-open")).to_have_count(1)
    expect(notebook.view(1).locator(".node.is-success")).to_have_count(1)
    line = notebook.output(1).locator(".resnb-ended-line")
    os.kill(notebook.server.leases()["demo/volume"]["pid"], signal.SIGKILL)
    wait_for(lambda: not exists(path), "the reaper to clean up")
    expect(line).to_have_text(BY_REAPER)
    view = notebook.view(1)
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    expect(view.locator(".node.is-success")).to_have_count(1)
    expect(view.get_by_role("button", name="Run", exact=True)).to_have_count(0)
    expect(view.locator(".notice")).to_be_hidden()  # nobody has asked for anything
    notebook.page.get_by_role("button", name="Ok", exact=True).click()  # it died, says JupyterLab
    if front_end is LAB:
        both_themes(notebook, "kernel-ended")

    # a notebook that is opened later says the same of what was saved
    notebook.save()
    notebook.page.goto("about:blank")
    notebook.server.end_kernels()
    notebook.show()
    expect(line).to_have_text(BY_REAPER)
    expect(notebook.output(1).locator("img")).to_have_attribute(
        "alt", re.compile("Graph of demo · success")
    )
    notebook.picture(f"kernel-ended-opened-{front_end.name}")
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".cluster.is-open")).to_have_count(1)
    expect(line).to_be_hidden()
    assert not notebook.complaints


@pytest.mark.long
def test_clean_up_and_restart_leaves_nothing_open_on_the_screen(notebook, tmp_path):
    notebook.open(START, opening(tmp_path / "volume"))
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".cluster.is-open")).to_have_count(1)
    expect(notebook.page.locator(".resnb-status button")).to_have_text(ONE)
    questions = Questions(notebook.page)
    Resources(notebook).command("kernelmenu:restart")
    both_themes(notebook, "guard-protected", questions.all.locator(".jp-Dialog-content"))
    questions.answer("Clean up and restart")
    line = notebook.output(1).locator(".resnb-ended-line")
    expect(line).to_have_text(re.compile(r"Kernel ended .*; volume was cleaned up at \d\d:\d\d"))
    expect(notebook.view(1).locator(".cluster.is-closed")).to_have_count(1)
    notebook.wait_idle()  # a kernel that is starting cannot be ended
    assert not notebook.complaints


@pytest.mark.long
def test_what_is_kept_is_said_where_one_looks(notebook, tmp_path):
    path = tmp_path / "volume"
    notebook.open(START, opening(path))
    page, resources = notebook.page, Resources(notebook)
    resources.show()
    notebook.run(0, 1)
    row = resources.row("demo/volume")
    expect(row.locator(".state")).to_have_text("open")
    questions = Questions(page)
    resources.command("kernelmenu:restart")
    questions.answer("Keep for 30 min")
    line = notebook.output(1).locator(".resnb-ended-line")
    expect(line).to_contain_text(KEPT)
    expect(line).to_contain_text("Run this cell to use it again")
    left = re.compile(r"(2\d|30) min left: run its cell to use it again")
    expect(row).to_contain_text(left)
    notice = page.locator(".Toastify__toast")
    expect(notice).to_contain_text(re.compile(r"demo/volume is kept for (2\d|30) min"))
    notebook.wait_idle()
    both_themes(notebook, "kept")
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    notice.get_by_role("button", name="Go to its cell").click()
    page.wait_for_function("jupyterapp.shell.currentWidget.content.activeCellIndex === 1")
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    row.locator(".place").click()  # though its kernel has ended
    page.wait_for_function("jupyterapp.shell.currentWidget.content.activeCellIndex === 1")
    notebook.run(0, 1)  # which uses it again
    expect(notebook.view(1).locator(".cluster.is-open")).to_have_count(1)
    expect(line).to_be_hidden()
    expect(notice).to_have_count(0)
    assert exists(path)

    expect(row.locator(".state")).to_have_text("open")
    resources.command("kernelmenu:restart")
    questions.answer("Keep for 30 min")
    expect(row).to_contain_text(left)  # until then the line may show what it knew before
    expect(line).to_contain_text(KEPT)
    line.get_by_role("button", name="Clean up").click()
    expect(line).to_have_text(BY_REAPER)
    assert not exists(path)
    notebook.wait_idle()
    assert not notebook.complaints


@pytest.mark.long
@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda one: one.name)
def test_what_a_button_ran_is_saved(notebook, front_end):
    notebook.front_end = front_end
    notebook.open(PRELUDE, FLOW, "demo")
    notebook.run(0, 1, 2)
    assert "run 20" not in text_of(notebook, 1)
    view = notebook.view(2)
    run(view, "success")
    for cell in (1, 2):
        wait_for(lambda: "run 20" in text_of(notebook, cell), "the outputs")  # noqa: B023
        assert text_of(notebook, cell).startswith("demo · success\n")

    # also after the page was loaded again, when JupyterLab does not know which outputs are meant
    notebook.show()
    expect(view.locator(".node")).to_have_count(2)
    view.get_by_label("n", exact=True).fill("-1")
    run(view, "failed")
    for cell in (1, 2):
        wait_for(lambda: "demo · failed" in text_of(notebook, cell), "the outputs")  # noqa: B023
    assert "403 from the warehouse" in text_of(notebook, 1)
    notebook.page.goto("about:blank")
    notebook.server.end_kernels()
    notebook.show()
    for cell in (1, 2):
        picture = notebook.output(cell).locator("img")
        expect(picture).to_have_attribute(
            "alt", "Graph of demo · failed; ✗ load: ConnectionError: 403 from the warehouse"
        )
    notebook.picture(f"saved-run-{front_end.name}")
    assert not notebook.complaints
