"""Make the screenshots of the documents by driving a real JupyterLab: docs/pictures/*.png.

    python -m tests.browser.screenshots [FOLDER]

It needs what the browser tests need: the packages of the `test` extra, and Chromium. The ledger is
one of its own, in which nothing is left.
"""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SETUP = """
%load_ext resnb
from time import sleep
from resnb import resource_manager, task

@resource_manager
class Database:
    def __init__(self, name):
        self.name = name
    def setup(self):
        return f"/tmp/{self.name}"
    def cleanup(self, resource):
        pass
"""
LOAD = """
%%flow report(days=7) --with Database("sales") as sales
def load(sales, days):
    return list(range(days))
rows = task(load)(sales, days)
"""
SUMMARISE = """
%%flow report --with Database("sales") as sales --run
def mean(rows):
    return sum(rows) / len(rows)
average = task(mean)(rows)
largest = task(max, name="largest")(rows)
"""
OTHER = """
%%flow nightly --with Database("backup") as backup --run
size = task(len)(backup)
"""
LIST_ALONE = """() => document.querySelectorAll('.lm-AccordionPanel-title').forEach((one) => {
  const isOurs = one.textContent.startsWith('Resources');
  if (!isOurs && one.classList.contains('lm-mod-expanded')) one.click();
})"""


def main(folder):
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["RESNB_HOME"] = str(Path(place) / "ledger")
        from playwright.sync_api import sync_playwright

        from tests.browser.conftest import CHROMIUM, QUIET
        from tests.browser.lab import Notebook, Server

        server = Server(Path(place))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                page = browser.new_page(viewport={"width": 1280, "height": 860})
                page.set_default_timeout(60_000)
                _take(Notebook(page, server, "report", folder))
                browser.close()
        finally:
            server.clean_up()
            server.close()


def _take(notebook):
    from tests.browser.labs import Resources

    page, resources = notebook.page, Resources(notebook)
    notebook.open(SETUP, LOAD, SUMMARISE)
    notebook.run(0, 1, 2)
    resources.also_open("nightly", SETUP, OTHER)
    notebook.run(0, 1)
    resources.activate("report")
    resources.show()
    page.evaluate(LIST_ALONE)
    resources.row("nightly/backup").wait_for()
    resources.press("Keep", "nightly/backup")
    resources.row("kept 30 min").wait_for()
    page.mouse.move(700, 500)
    notebook.picture("resources")
    page.evaluate("jupyterapp.shell.collapseLeft()")
    resources.command("resnb:show-flows")
    page.locator("#resnb-flows .node").first.wait_for()
    page.wait_for_timeout(600)  # colours fade in
    notebook.picture("flows")
    resources.command("notebook:restart-kernel")
    page.locator(".resnb-question").wait_for()
    notebook.picture("question")
    page.keyboard.press("Escape")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
