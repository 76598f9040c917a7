"""What a reader sees of a saved notebook: in JupyterLab and Notebook 7, and as a page of its own."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import LAB, NOTEBOOK_7
from tests.browser.test_live import ADD, LOAD

TROUBLE = ("model not found", "Error displaying widget", "FlowWidget")


@pytest.mark.parametrize("front_end", [LAB, NOTEBOOK_7], ids=lambda one: one.name)
def test_a_notebook_that_is_opened_again(notebook, front_end):
    notebook.front_end = front_end
    notebook.open(PRELUDE, LOAD, ADD.replace("squares", "xs"), "%flow run demo")
    notebook.run(0, 1, 2, 3)
    notebook.save()
    notebook.server.end_kernels()
    notebook.show()
    for cell in (1, 2, 3):
        expect(notebook.output(cell).locator("img")).to_be_visible()
    notebook.picture(f"opened-again-{front_end.name}")
    text = notebook.page.locator("body").text_content()
    assert not [one for one in TROUBLE if one in text]
    notebook.run(0, 1)
    expect(notebook.view(1).locator(".node")).to_have_count(5)
    expect(notebook.view(2).locator(".node")).to_have_count(5)
    expect(notebook.output(2).locator("img")).to_have_count(0)
    assert not notebook.complaints
