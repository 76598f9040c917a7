"""What tests do with resnb's part of JupyterLab: the list of resources, questions, volumes."""

import sys
from pathlib import Path

import nbformat
from nbformat import v4
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE
from tests.browser.lab import LIMIT

VOLUME = """
from pathlib import Path

@resource_manager
class Volume:
    def __init__(self, path, slow=0):
        self.path, self.slow = path, slow
    def setup(self):
        Path(self.path).write_text("here")
        return self.path
    def cleanup(self, resource):
        from threading import Event
        Event().wait(self.slow)
        Path(resource).unlink(missing_ok=True)
"""
START = PRELUDE + VOLUME
THEME = "jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {}'}})"
BUSY = """
while not never.wait(0.05):
    pass
"""


def opening(path, flow="demo", manager="Volume", **options):
    """A cell that opens a volume, which is a file, and leaves it open."""
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"""
%%flow {flow} --with {manager}({str(path)!r}{given}) as volume --run
size = task(len)(volume)
"""


OVERLAPS = """(row) => {
  const boxes = [...row.querySelectorAll('.name, .place, .about, .state, .acts button')]
    .map((one) => one.getBoundingClientRect());
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return boxes.some((a, at) => boxes.slice(at + 1).some((b) => meet(a, b)));
}"""
"""Whether two parts of a row lie over each other."""


class Resources:
    """The list of resources in JupyterLab's Running panel.

    Args:
        notebook: a notebook that is open in JupyterLab.
    """

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        self.section = self.page.locator(".resnb-section")
        self.rows = self.section.locator(".resnb-rows > li")

    def show(self):
        self.command("resnb:show-resources")
        expect(self.section).to_be_visible()

    def row(self, text):
        return self.rows.filter(has_text=text)

    def press(self, action, name):
        self.button(action, name).click()

    def button(self, action, name):
        return self.section.get_by_role("button", name=f"{action} {name}", exact=True)

    def command(self, name, args="{}"):
        """Begin a command, without waiting for its end."""
        self.page.evaluate(f"void jupyterapp.commands.execute('{name}', {args})")

    def also_open(self, name, *cells):
        """Open another notebook beside the first; it is then the current one."""
        made = v4.new_notebook(
            cells=[v4.new_code_cell(source.strip("\n")) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(made, self.notebook.server.notebooks / f"{name}.ipynb")
        self.command("docmanager:open", f"{{path: '{name}.ipynb'}}")
        self.page.wait_for_function(
            f"jupyterapp.shell.currentWidget?.context?.path === '{name}.ipynb'"
        )
        self.notebook.wait_idle()

    def activate(self, name):
        self.command("docmanager:open", f"{{path: '{name}.ipynb'}}")
        self.page.wait_for_function(
            f"jupyterapp.shell.currentWidget?.context?.path === '{name}.ipynb'"
        )


class Questions:
    """Dialogs, of which there should be one at a time.

    Args:
        page: the browser's page.
    """

    def __init__(self, page):
        self.page = page
        self.all = page.locator(".jp-Dialog")
        self._titles = []
        self.watch()

    def watch(self):
        """Begin to count; also after the page was loaded again."""
        self.page.evaluate(
            """() => {
              window.resnbQuestions = 0;
              const isQuestion = (node) =>
                node.classList?.contains('jp-Dialog') && !node.querySelector('progress');
              new MutationObserver((changes) => changes.forEach((one) =>
                one.addedNodes.forEach((node) => { window.resnbQuestions += isQuestion(node); })
              )).observe(document.body, {childList: true});
            }"""
        )

    def answer(self, label):
        expect(self.all).to_have_count(1, timeout=1000 * LIMIT)
        expect(self.all.locator("progress")).to_have_count(0, timeout=1000 * LIMIT)
        self._titles.append(self.all.locator(".jp-Dialog-header").text_content())
        button = self.all.get_by_role("button", name=label)
        assert button.count() == 1, self.all.text_content()
        button.click()

    def titles(self):
        """What was asked and answered since the last time; nothing else was asked."""
        asked = self.page.evaluate("window.resnbQuestions")
        self.page.evaluate("window.resnbQuestions = 0")
        found, self._titles = self._titles, []
        assert asked == len(found), (asked, found)
        return found


def both_themes(notebook, name, of=None):
    """Keep a picture in light and one in dark."""
    for theme in ("Dark", "Light"):
        notebook.page.evaluate(THEME.format(theme))
        is_light = "true" if theme == "Light" else "false"
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
        expect(notebook.page.locator("#jupyterlab-splash")).to_have_count(0)
        notebook.picture(f"{name}-{theme.lower()}", of)


def exists(path):
    return Path(path).exists()


def measured(text):
    """Say what was measured, for those who run one test with ``-s``."""
    sys.stdout.write(f"{text}\n")


__all__ = [
    "BUSY",
    "OVERLAPS",
    "START",
    "Questions",
    "Resources",
    "both_themes",
    "exists",
    "measured",
    "opening",
]
