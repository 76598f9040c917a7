"""papermill sets a notebook's parameters; a flow takes them as its defaults."""

import subprocess
import sys

import nbformat

CELLS = (
    "days = 3",
    "%load_ext resnb",
    "%%flow sales(days=days) --with folder() as place --step Load --quiet\nrows = [0] * days",
    "%flow run sales",
    "rows",
)
PICTURE = """\
sales · success
parameters: days={}
┌ place = TemporaryFolder · closed
│ ✓ setup
│ ✓ Load ← days
└ ✓ cleanup"""


def run(folder, *words):
    """Execute the notebook in `folder` by papermill; gives what each cell has shown."""
    options = ["--no-progress-bar", "--kernel", "python3", "--language", "python"]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", *options, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    cells = nbformat.read(folder / "out.ipynb", as_version=4).cells
    return [
        shown.get("text") or shown["data"]["text/plain"] for one in cells for shown in one.outputs
    ]


def test_the_parameters_of_a_notebook_are_those_of_its_flow(tmp_path, ledger_home):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in CELLS])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, tmp_path / "in.ipynb")
    assert run(tmp_path) == [PICTURE.format(3), "[0, 0, 0]"]
    assert run(tmp_path, "-p", "days", "5") == [PICTURE.format(5), "[0, 0, 0, 0, 0]"]
