"""Cells that are deleted in JupyterLab, and come back by undo."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

FIRST = "%%flow etl --quiet\nx = task(lambda: 1, name='first')()"
SECOND = "%%flow etl --quiet\ny = task(lambda: 2, name='second')()"
HINT = "1 task of deleted cells: %flow remove etl takes them out"


def delete(notebook, cell):
    notebook.page.evaluate(
        f"""async () => {{
          jupyterapp.shell.currentWidget.content.activeCellIndex = {cell};
          await jupyterapp.commands.execute('notebook:delete-cell');
        }}"""
    )


def undo(notebook):
    notebook.page.evaluate("jupyterapp.commands.execute('notebook:undo-cell-action')")


@pytest.mark.long
def test_what_a_deleted_cell_has_left_is_told_until_it_is_back_or_removed(notebook):
    notebook.open(PRELUDE, FIRST, SECOND, "%flow", "%flow remove etl")
    notebook.run(0, 1, 2, 3)
    expect(notebook.output(3)).to_contain_text("etl: 2 tasks, not run yet")
    delete(notebook, 1)
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text(HINT)
    undo(notebook)
    notebook.run(1, 3)
    expect(notebook.output(3)).to_contain_text("etl: 2 tasks, not run yet")
    expect(notebook.output(3)).not_to_contain_text("deleted")
    delete(notebook, 1)
    notebook.run(3)
    expect(notebook.output(3)).to_contain_text("flow 'etl': removed `x`")
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("etl: 1 task, not run yet")
