"""A notebook prints the same on every run: in graph order, and nothing spontaneous."""

import nbformat
import pytest

from tests.kernel.client import PATIENT, run_headless
from tests.kernel.conftest import PRELUDE

EIGHT = """
import random, threading

turns = threading.Barrier(8)

@task
def talk(n):
    turns.wait(60)  # all eight at once
    for line in range(3):
        print(f"task {n}, line {line}", end="")
        threading.Event().wait(random.random() / 500)
        print()
    return n

@task
def log(n):
    get_run_logger().info("logged by %s", n)
    get_run_logger().warning("careful")

@resource_manager
class Loud:
    def __init__(self, name): self.name = name
    def setup(self): print("setting up", self.name)
    def cleanup(self, resource): print("cleaning up", self.name)
"""
FLOW = """
%%flow etl --with Loud('c') as c
ns = [talk(n) for n in range(8)]
ls = [log(n) for n in range(4)]
m = talk_mapped = number.map([1, 2, 3])
"""
STDOUT = "".join(
    [
        "setting up c\n",
        *(f"task {n}, line {line}\n" for n in range(8) for line in range(3)),
        "cleaning up c\n",
    ]
)
STDERR = "".join(f"INFO: logged by {n}\nWARNING: careful\n" for n in range(4))


@pytest.fixture
def built(notebook):
    notebook.run(EIGHT)
    notebook.run(FLOW, "a")
    return notebook


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "run", ["%flow run etl", "state = etl.run()", "run = etl.start(); run.wait()"]
)
def test_eight_parallel_tasks_print_in_the_order_of_the_graph(built, run):
    for _ in range(3):
        shown = built.run(run)
        assert shown.stdout == STDOUT
        assert shown.stderr == STDERR


def test_an_awaited_run(built):
    for _ in range(2):
        shown = built.run("state = await etl.run_async()")
        assert (shown.stdout, shown.stderr) == (STDOUT, STDERR)


def test_one_task_after_the_other(notebook):
    notebook.run(EIGHT.replace("Barrier(8)", "Barrier(1)"))
    notebook.run(FLOW, "a")
    shown = notebook.run("state = etl.run(executor=LocalExecutor())")
    assert (shown.stdout, shown.stderr) == (STDOUT, STDERR)


def test_the_part_of_a_cell(built):
    built.run("%flow run etl")
    built.run("turns = threading.Barrier(2)")
    shown = built.run("%%flow etl --with c --run\np = talk(8)\nq = talk(9)", "b")
    assert shown.stdout == "setting up c\n" + "".join(
        f"task {n}, line {line}\n" for n in (8, 9) for line in range(3)
    )
    assert built.run("%flow close etl").stdout == "cleaning up c\ncleaned up etl/c\n"


def test_several_scopes_that_close_side_by_side(notebook):
    notebook.run(EIGHT)
    withs = "\n".join(
        f"with Loud('{name}') as {name}: number({n})" for n, name in enumerate("abcdef")
    )
    notebook.run(f"%%flow etl\n{withs}", "a")
    runs = {notebook.run("%flow run etl").stdout for _ in range(4)}
    assert len(runs) == 1
    assert sorted(runs.pop().splitlines()) == sorted(
        f"{verb} {name}" for verb in ("setting up", "cleaning up") for name in "abcdef"
    )


def test_a_warning_and_a_traceback_of_a_task_are_printed_in_its_place(notebook):
    notebook.run(
        """
        import sys, warnings
        pair = threading.Barrier(2)

        @task
        def warn(n):
            pair.wait(60)
            print("before", n)
            print("error output", n, file=sys.stderr)
            print("after", n)
        """
    )
    notebook.run("%%flow etl\na, b = warn(1), warn(2)", "a")
    runs = {notebook.run("state = etl.run()").printed for _ in range(4)}
    assert runs == {
        ("before 1\nafter 1\nbefore 2\nafter 2\n", "error output 1\nerror output 2\n", "", ": ")
    }


def test_nothing_is_printed_into_a_later_cell(built):
    """A run in the background prints into the cell that started it."""
    built.run("turns = threading.Barrier(9)")
    request = built.kernel.send("run = etl.start()", "b")
    started = built.kernel.finish(request)
    later = built.run("print('mine'); turns.wait(60); run.wait()")
    assert later.stdout == "mine\n"
    mine = [one for one in later.stray if one["msg_type"] == "stream"]
    assert {one["parent_header"]["msg_id"] for one in mine} <= {request}
    out = [one["content"]["text"] for one in mine if one["content"]["name"] == "stdout"]
    assert started.stdout + "".join(out) == STDOUT


CELLS = [
    f"%load_ext resnb\n{PRELUDE}\n{PATIENT}",
    EIGHT,
    FLOW,
    "%flow plan etl",
    "%flow run etl",
    "%%flow etl --with c --run\nx = number(5)",
    "x.value, x, x.state, c, etl, etl.find_scope('c'), Loud",
    "%resources",
    "%flow",
    "%flow close etl",
    "%%flow etl\nbad = boom()",
    "%flow run etl",
    "etl.run(nothing=1)",
]


KEPT = [
    CELLS[0],
    EIGHT,
    """
@task(cache_for="1h")
def say(n):
    print("said", n)
    return n
    """,
    """%%flow etl(n=3) --step Load --cache 1h
rows = list(range(n))
print('loaded', len(rows))
from IPython.display import HTML, display
display(HTML('<b>rows</b>'), 5)
print('shown')""",
    "from resnb.resources import TemporaryFolder",
    "%%flow etl --step Add --with TemporaryFolder() as r --cache 1h\nprint('adding')\ntotal = sum(rows)",
    "%%flow etl\nsaid = say.map([1, 2])",
    "%flow run etl",
    "total, etl, rows",
    "%flow timeline etl",
    "%%flow etl --step Tell --cache 1h --run\nprint('telling')\ntext = f'{total}'",
    """%%flow etl --step Watch --cache 1h --run
from IPython.display import clear_output, display
for part in range(3):
    clear_output(wait=True)
    print('part', part)
    display(part)
shown = display('half', display_id=True)
shown.update('whole')
parts = 3""",
    "%flow",
    "etl.get_tasks('Add')",
    "%flow run etl --stale",
    "%%flow etl --step Last\nlast = 1",
    "%flow run etl --stale",
    "%flow timeline etl",
    "etl.visualize()",
]


@pytest.mark.usefixtures("ledger_home")
@pytest.mark.parametrize("executor", ["threads", "dask"])
def test_a_headless_run_writes_the_same_whether_values_are_found_or_computed(
    tmp_path, monkeypatch, executor
):
    monkeypatch.setenv("RESNB_CACHE", str(tmp_path / "cache"))
    cells = list(KEPT)
    if executor == "dask":
        cells[cells.index("%flow run etl")] = "state = etl.run(executor=DaskExecutor())"
    first, second = outputs(tmp_path, cells), outputs(tmp_path, cells)
    texts = [
        [[(one.get("text"), one.get("data", {}).get("text/plain")) for one in cell] for cell in run]
        for run in (first, second)
    ]
    assert texts[0] == texts[1]
    assert "✗" not in str(texts)
    (watched,) = [run for cell, run in zip(cells, first, strict=True) if "Watch" in cell]
    assert [one.get("text") for one in watched][:1] == ["part 2\n"]
    assert [one["data"]["text/plain"] for one in watched[1:3]] == ["2", "'whole'"]
    pictures = [run[-1][0]["data"]["image/png"] for run in (first, second)]
    assert pictures[0] != pictures[1]  # they tell what was found


def outputs(folder, texts=CELLS):
    """All that a headless run of cells with these texts writes."""
    cells = list(map(nbformat.v4.new_code_cell, texts))
    notebook = nbformat.v4.new_notebook(cells=cells)
    run_headless(notebook, folder, allow_errors=True)
    return [joined(cell.outputs) for cell in notebook.cells]


def joined(found):
    """The outputs of a cell, where text that came in pieces is one; when it comes is by chance."""
    whole = []
    for one in found:
        if whole and one.get("name") and one.get("name") == whole[-1].get("name"):
            whole[-1]["text"] += one["text"]
        else:
            whole.append(dict(one))
    return whole


@pytest.mark.usefixtures("ledger_home")  # none is left there to be warned of
def test_two_headless_runs_write_the_same(tmp_path):
    first = outputs(tmp_path)
    assert outputs(tmp_path) == first
    assert [bool(one) for one in first] == [False, False] + [True] * (len(CELLS) - 2)
