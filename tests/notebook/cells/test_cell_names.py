"""What a cell is called in tracebacks: as IPython calls it, whichever version that is."""

from types import SimpleNamespace

import pytest

from resnb.errors import GraphError
from resnb.notebook.cells.cell_code import cached
from resnb.notebook.tracebacks import call_cells_by_name

FILE = "/somewhere/ipykernel_1/2.py"


class Compiler:
    def __init__(self, numbers=()):
        self.numbers = dict(numbers)

    def cache(self, _, number):
        self.numbers[FILE] = number
        return FILE

    def format_code_name(self, name):
        return ("Cell", f"In[{self.numbers[name]}]") if name in self.numbers else None


def shell(history, count, numbers=()):
    return SimpleNamespace(
        compile=Compiler(numbers),
        execution_count=count,
        history_manager=SimpleNamespace(input_hist_parsed=history),
    )


@pytest.mark.parametrize("count", [3, 4])  # versions count up after the cell, or before it
def test_a_body_has_the_number_of_the_running_cell(count):
    found = shell(["", "a = 1", "b = 2", "%%flow f"], count)
    assert cached(found, "body") == FILE
    assert found.compile.numbers == {FILE: 3}


def test_without_a_history_a_body_is_in_the_first_cell():
    found = shell([""], 1)
    cached(found, "body")
    assert found.compile.numbers == {FILE: 1}


@pytest.fixture
def named():
    stop = call_cells_by_name(shell([""], 1, {FILE: 7}))
    yield
    stop()


def raised(filename):
    error = GraphError("a line")
    try:
        exec(compile("\nfault()", filename, "exec"), {"fault": lambda: throw(error)})
    except GraphError:
        return error


def throw(error):
    raise error


def test_errors_call_a_cell_by_its_number(named):
    shown = raised(FILE)._render_traceback_()
    assert "  Cell In[7], line 2, in <module>" in shown
    assert not any(FILE in line for line in shown)


def test_errors_call_other_files_by_their_names(named):
    assert (
        '  File "/a/module.py", line 2, in <module>' in raised("/a/module.py")._render_traceback_()
    )


def test_it_ends():
    call_cells_by_name(shell([""], 1, {FILE: 7}))()
    assert f'  File "{FILE}", line 2, in <module>' in raised(FILE)._render_traceback_()
