"""A front end that has ipywidgets, but neither anywidget nor resnb: kernels elsewhere have them."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import Server
from tests.browser.test_run_all import TWO_STEPS


@pytest.fixture(scope="module")
def server(tmp_path_factory, own_ledger, own_ipython_profile):
    found = Server(tmp_path_factory.mktemp("elsewhere"), without=("anywidget", "resnb"))
    yield found
    found.close()


@pytest.mark.long
def test_the_picture_is_kept_up_to_date_and_says_what_to_install(notebook):
    notebook.open(PRELUDE, TWO_STEPS, "state = demo.start()")
    notebook.shut("second")
    notebook.run(0, 1)
    picture = notebook.output(1).locator(".resnb-still img")
    expect(picture).to_be_visible()
    expect(picture).to_have_attribute("alt", re.compile("not run yet"))
    expect(notebook.output(1)).to_contain_text("Install resnb there (or anywidget), and reload")
    expect(notebook.output(1).locator(".jupyter-widgets-error-widget")).to_be_hidden()
    notebook.picture("elsewhere", notebook.output(1))
    notebook.run(2)
    expect(picture).to_have_attribute("alt", re.compile("◐ second|second .*running|running"))
    notebook.let("second")
    expect(picture).to_have_attribute("alt", re.compile("demo · success"))
    notebook.picture("elsewhere-ended", notebook.output(1))
