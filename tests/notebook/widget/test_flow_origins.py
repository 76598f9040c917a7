"""Which cell has added what to a flow, as its views are told."""

from types import SimpleNamespace

from resnb import Flow, resource_manager, task
from resnb.notebook.cells.flow_cells import CellBody
from resnb.notebook.lines.parsed import parse_flow_line
from resnb.notebook.session import ATTRIBUTE, Session
from resnb.notebook.widget import flow_origins
from resnb.notebook.widget.flow_origins import cells_of
from resnb.view.live.flow import LiveFlow
from resnb.view.sketch import sketch
from resnb.view.wire.frames import Frame
from resnb.wire import fault


@resource_manager
class Db:
    dies_with_kernel = True

    def setup(self):
        return "db"

    def cleanup(self, resource):
        pass


class Notebook:
    """A session, as cells change it."""

    def __init__(self, monkeypatch):
        self.namespace = {"Db": Db}
        self.session = Session(self.namespace)
        shell = SimpleNamespace(**{ATTRIBUTE: self.session})
        monkeypatch.setattr(flow_origins, "get_ipython", lambda: shell)

    def run(self, line, cell_id, number, *names):
        cells = self.session.for_building(parse_flow_line(line).name)

        def execute():
            for name in names:
                self.namespace[name] = task(lambda: 1, name=name)()

        body = CellBody(execute, names, (), (), cell_id, number)
        cells.build(parse_flow_line(line), body, self.namespace)
        self.session.keep(cells)
        return cells.flow


def test_each_cell_has_its_tasks_and_the_scopes_whose_arguments_it_gave(monkeypatch):
    notebook = Notebook(monkeypatch)
    notebook.run("etl", "c1", 2, "load", "clean")
    notebook.run("etl --with Db() as db", "c2", 3, "store")
    flow = notebook.run("etl --with Db as db", None, None, "check")
    assert cells_of(flow, sketch(flow)) == [
        {"id": "c1", "number": 2, "tasks": ["load", "clean"], "unnamed": 0, "scopes": []},
        {"id": "c2", "number": 3, "tasks": ["store"], "unnamed": 0, "scopes": ["db"]},
        {"id": "", "number": None, "tasks": ["check"], "unnamed": 0, "scopes": []},
    ]
    notebook.run("etl", "c1", 9, "load")  # which is the cell that ran last now
    last = cells_of(flow, sketch(flow))[-1]
    assert (last["id"], last["number"], last["tasks"]) == ("c1", 9, ["load"])


def test_no_more_tasks_are_named_than_views_need(monkeypatch):
    monkeypatch.setattr(flow_origins, "MOST", 3)
    notebook = Notebook(monkeypatch)
    notebook.run("etl", "c1", 1, "a", "b")
    flow = notebook.run("etl", "c2", 2, "c", "d")
    told = [(one["tasks"], one["unnamed"]) for one in cells_of(flow, sketch(flow))]
    assert told == [(["a", "b"], 0), (["c"], 1)]


def test_what_no_cell_has_built_has_no_cells(monkeypatch):
    Notebook(monkeypatch)
    flow = Flow("made by hand")
    assert cells_of(flow, sketch(flow)) == []
    monkeypatch.setattr(flow_origins, "get_ipython", lambda: None)
    assert cells_of(flow, sketch(flow)) == []


def test_views_are_told_with_the_structure():
    with Flow("etl") as flow:
        task(lambda: 1, name="load")()
    cells = [{"id": "c1", "number": 2, "tasks": ["load"], "unnamed": 0, "scopes": []}]
    live = LiveFlow(flow, lambda: None, cells=lambda _: list(cells))
    live.opened("view")
    told = {one["frame"]: one for one in live.refresh()}
    assert told["cells"] == {"frame": "cells", "cells": cells}
    assert fault(Frame, told["cells"]) == ""
    assert told["cells"] in live.at_rest()
    cells.clear()
    live.opened("view")
    assert {"frame": "cells", "cells": []} in live.refresh()
    live.opened("view")
    assert "cells" not in {one["frame"] for one in live.refresh()}
