"""What a reader sees of a saved notebook: in JupyterLab and Notebook 7, and as a page of its own."""

import json

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import LAB, NOTEBOOK_7
from tests.browser.test_live import ADD, LOAD

TROUBLE = ("model not found", "Error displaying widget", "FlowWidget")
CELLS = (PRELUDE, LOAD, ADD.replace("squares", "xs"), "%flow run demo")
FRONT_ENDS = (
    pytest.param(LAB, id="lab"),
    pytest.param(NOTEBOOK_7, id="notebook-7", marks=pytest.mark.long),
)
VIEW = "application/vnd.jupyter.widget-view+json"
SAVE_STATE = "jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
KEEP_STATE = """
import ipywidgets, json, pathlib
state = ipywidgets.Widget.get_manager_state()
pathlib.Path("state.json").write_text(json.dumps(state))
"""
OTHER = """
import ipywidgets
ipywidgets.IntSlider(7)
"""


def saved_views(path):
    """What a notebook says of the views in its outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = [one.get("data", {}).get(VIEW) for cell in cells for one in cell.get("outputs", [])]
    assert len([*filter(None, found)]) == 3
    return filter(None, found)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_notebook_that_is_opened_again(notebook, front_end):
    notebook.front_end = front_end
    notebook.open(*CELLS)
    notebook.run(0, 1, 2, 3)
    notebook.save()
    assert all(one["model_id"] for one in saved_views(notebook.path))
    notebook.page.goto("about:blank")  # or it complains that its kernel is gone
    notebook.server.end_kernels()
    notebook.show()
    for cell in (1, 2, 3):
        expect(notebook.output(cell).locator("img")).to_be_visible()
    notebook.picture(f"opened-again-{front_end.name}")
    text = notebook.page.locator("body").text_content()
    assert not [one for one in TROUBLE if one in text]
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".node")).to_have_count(2)
    for cell in (1, 2, 3):
        expect(notebook.output(cell).locator("img")).to_have_count(0)
    notebook.restart()
    expect(notebook.view(1).locator(".node")).to_have_count(2)
    expect(notebook.output(1).locator(".resnb-ended-line")).to_be_visible()
    for cell in (2, 3):
        expect(notebook.output(cell).locator(".resnb-cell-line")).to_be_visible()
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".node")).to_have_count(2)
    for cell in (1, 2, 3):
        expect(notebook.output(cell).locator(".resnb-ended-line")).to_be_hidden()
    assert not notebook.complaints


@pytest.mark.long
def test_a_page_that_is_read_without_the_internet(notebook, browser, tmp_path):
    notebook.open(*CELLS, OTHER)
    notebook.page.evaluate(SAVE_STATE)
    notebook.run(0, 1, 2, 3, 4)
    notebook.save()
    state = json.loads(notebook.path.read_text(encoding="utf-8"))["metadata"]["widgets"]
    models = state["application/vnd.jupyter.widget-state+json"]["state"]
    assert [one["model_name"] for one in models.values()].count("IntSliderModel") == 1
    assert not [one for one in models if one.startswith(("resnb-", "resnb.output-"))]
    notebook.page.evaluate(SAVE_STATE)
    made, _ = HTMLExporter().from_filename(str(notebook.path))
    (tmp_path / "page.html").write_text(made, encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    images = page.locator(".jp-OutputArea img")
    assert images.count() == 3
    assert all(one.evaluate("one => one.complete && one.naturalWidth > 50") for one in images.all())
    notebook.picture("page-offline", page)
    context.close()


@pytest.mark.long
def test_a_view_whose_state_was_saved(notebook):
    """As other front ends save it: ours is not there to keep it out."""
    notebook.open(*CELLS, KEEP_STATE)
    notebook.run(0, 1, 2, 3)
    view = notebook.view(3)
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    notebook.run(4)
    notebook.save()
    state = json.loads((notebook.path.parent / "state.json").read_text(encoding="utf-8"))
    stored = json.loads(notebook.path.read_text(encoding="utf-8"))
    stored["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    notebook.page.goto("about:blank")
    notebook.server.end_kernels()
    notebook.path.write_text(json.dumps(stored), encoding="utf-8")
    notebook.server.trust(notebook.path)
    notebook.show()
    view = notebook.view(3)
    expect(view.locator(".node.is-success")).to_have_count(3)
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    expect(view.get_by_text("no kernel has answered")).to_be_visible()
    notebook.picture("saved-state", view)
