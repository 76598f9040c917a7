"""What is in a notebook that was saved, and what others make of it."""

import json
import re

import nbformat
import pytest
from nbconvert import HTMLExporter

from resnb.states import SUCCESS
from tests.kernel.client import run_headless
from tests.kernel.conftest import BEGIN, PRELUDE

WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
CELLS = [
    f"%load_ext resnb\n{PRELUDE}",
    "%%flow etl(n=2)\nx = number(n)",
    "%%flow etl --run\ny = double(x)",
    "%flow run etl",
    "etl",
]


def saved(cells):
    found = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    found.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    return found


def pictures(notebook):
    """How many pictures a page shows that is made from a notebook; it loads nothing of ours."""
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "anywidget" not in page
    assert "resnb-" not in page
    return len(re.findall(r'<img[^>]*src="data:image/png', page))


@pytest.mark.usefixtures("ledger_home")  # none is left there to be warned of
def test_a_headless_run_saves_pictures_and_text(tmp_path):
    notebook = saved(CELLS)
    run_headless(notebook, tmp_path)
    shown = [one for cell in notebook.cells for one in cell.outputs]
    assert [one.output_type for one in shown] == ["display_data"] * 3 + ["execute_result"]
    assert all(set(one.data) == {"image/png", "text/plain"} for one in shown)
    assert "widgets" not in notebook.metadata
    assert pictures(notebook) == 4


def test_a_page_made_from_a_front_ends_notebook_shows_the_picture(notebook):
    cells = saved(["etl"])
    shown = notebook.run(CELLS[1], "a").displays
    assert set(shown[0]) == {WIDGET, "image/png", "text/plain"}
    cells.cells[0].outputs = [
        nbformat.v4.new_output("display_data", {**one, "image/png": "cG5n"}) for one in shown
    ]
    assert pictures(cells) == 1


def test_a_first_run_is_shown_from_its_beginning_where_the_cell_has_a_name(notebook):
    notebook.kernel.run(
        "from resnb.notebook.widget.model import FlowWidget; FlowWidget.is_seen = False"
    )
    named = notebook.run("%%flow first --run\nx = number(1)", "a")
    assert [set(one) for one in named.displays] == [{WIDGET, "image/png", "text/plain"}]
    assert named.places != [None]
    assert "success" in named.texts
    headless = notebook.kernel.run("%%flow second --run\nx = number(1)")
    assert [set(one) for one in headless.displays] == [{"image/png", "text/plain"}]
    assert headless.places == [None]


def test_an_interrupted_run_does_not_stay_in_the_notebook_as_running(notebook):
    body = """
import os, signal, threading
def stop():
    os.kill(os.getpid(), signal.SIGINT)
    while not threading.Event().wait(0.02):
        pass
x = task(stop)()"""
    shown = notebook.fail(f"%%flow cut --run{body}", "a")
    assert shown.error == "KeyboardInterrupt"
    assert [set(one) for one in shown.displays] == [{WIDGET, "image/png", "text/plain"}]
    assert "cancelled" in shown.texts


@pytest.fixture
def widgets(notebook):
    """Counts the widgets of the kernel: of a flow a view, a picture, a box, and their styles."""
    notebook.kernel.run("from ipywidgets.widgets.widget import _instances")
    before = notebook.value("len(_instances)")
    return lambda: notebook.value("len(_instances)") - before


def test_cells_that_run_again_make_no_other_widget(notebook, widgets):
    for _ in range(3):
        notebook.run("%%flow again\nx = number(1)", "a")
        notebook.run("%%flow again --run\ny = double(x)", "b")
        notebook.run("again", "c")
    assert widgets() == 7
    notebook.run("with Flow('again') as again:\n    number(4)\nagain", "d")
    assert widgets() == 7
    notebook.run("%reset -f", "e")
    notebook.kernel.run(f"{BEGIN}\nfrom ipywidgets.widgets.widget import _instances")
    notebook.run("from resnb import Flow\nwith Flow('again') as again:\n    pass\nagain", "d")
    assert widgets() == 7


def test_a_widget_that_was_closed_is_made_anew(notebook):
    first = notebook.run("%%flow etl\nx = number(1)", "a").displays[0][WIDGET]["model_id"]
    notebook.run("import ipywidgets; ipywidgets.Widget.close_all()")
    second = notebook.run("%%flow etl\nx = number(1)", "a").displays[0][WIDGET]["model_id"]
    assert first == second
    assert first.startswith("resnb.output-")
    assert notebook.value(f"{first!r} in ipywidgets.widgets.widget._instances")


def test_a_model_keeps_what_there_was_to_see_at_rest(notebook):
    notebook.run("%%flow rest\nx = number(1)", "a")
    notebook.kernel.run(
        """
        import json
        from threading import Event
        from resnb.notebook.display import _WIDGETS
        from resnb.states import SUCCESS
        widget, come = _WIDGETS["rest"], Event()
        def look(change):
            if change["new"][1]["codes"] == [SUCCESS]:
                come.set()
        widget.observe(look, "rest")
        """
    )
    frames = json.loads(notebook.value("json.dumps(widget.rest)"))
    kinds = [one["frame"] for one in frames]
    assert kinds == ["structure", "states", "failures", "form", "cells"]
    assert [(one["id"], one["tasks"]) for one in frames[-1]["cells"]] == [("a", ["number"])]
    assert [one["text"] for one in frames[0]["nodes"]] == ["number"]
    assert frames[0]["version"] == frames[1]["version"]
    notebook.kernel.run("state = rest.run()\nassert come.wait(60)")
    last = json.loads(notebook.value("json.dumps(widget.rest[1])"))
    assert (last["codes"], last["elapsed"] >= 0) == ([SUCCESS], True)
    notebook.kernel.run("del widget")
