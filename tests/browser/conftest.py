"""One JupyterLab and one browser for all tests here; each test has a notebook and kernel of its own."""

import os
import shutil
from pathlib import Path

import pytest

from tests.browser.lab import LIMIT, ROOT, Notebook, Server

PICTURES = Path(os.environ.get("RESNB_PICTURES", ROOT / "build" / "pictures"))
"""Where screenshots are kept."""
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip

PRELUDE = """
%load_ext resnb
from pathlib import Path
from threading import Event
from resnb import Flow, Parameter, resource_manager, task, unmapped
from resnb.notebook.widget.previews import PREVIEWS
PREVIEWS._patience = 60.0  # a machine that stands still is no slow repr
never = Event()

def gate(name):
    while Path(f"{name}.shut").exists():
        never.wait(0.02)

@resource_manager
class Machine:
    dies_with_kernel = True
    def __init__(self, size=1):
        self.size = size
    def setup(self):
        gate("setup")
        never.wait(0.4)
        return "machine"
    def cleanup(self, resource):
        gate("cleanup")
        never.wait(0.4)
"""


@pytest.fixture(scope="session")
def leak_grace():
    return 15.0  # a kernel's end takes its time


@pytest.fixture(scope="session")
def server(tmp_path_factory, own_ledger, own_ipython_profile):
    found = Server(tmp_path_factory.mktemp("lab"))
    yield found
    found.end_kernels()
    found.clean_up()  # what the last test has kept
    found.close()


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * LIMIT)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture
def page(browser, no_leaks):
    # the notebook closes it
    found = browser.new_page(viewport={"width": 1200, "height": 1100})
    found.set_default_timeout(1000 * LIMIT)
    return found


@pytest.fixture
def notebook(page, server, request, no_leaks):
    """A notebook whose first cell loads resnb and defines a resource."""
    server.open_gates()
    server.clean_up()
    found = Notebook(page, server, request.node.name, PICTURES)
    yield found
    found.picture(request.node.name.replace("test_", "").replace(" ", "-"))
    found.close()
