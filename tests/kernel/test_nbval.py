"""nbval compares what cells show with what is stored, so that notebooks which pass mean something.

It is tried on the beginning of a real notebook, which shows a text, a picture and an error.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "when-things-fail.ipynb"
LAST_CELL = "task-log"


@pytest.fixture
def notebook():
    found = nbformat.read(NOTEBOOK, as_version=4)
    ids = [cell.id for cell in found.cells]
    found.cells = found.cells[: ids.index(LAST_CELL) + 1]
    return found


@pytest.fixture
def nbval(tmp_path):
    """Runs nbval on a notebook, with this project's configuration; gives what pytest says."""

    def run(notebook):
        path = tmp_path / "copy.ipynb"
        nbformat.write(notebook, path)
        # No short summary: pytest repeats each failure there, in full where CI is set.
        options = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-q", "--color=no", "-rN"]
        without = ["-p", "no:asyncio", "-p", "no:cacheprovider"]  # the former warns where installed
        return subprocess.run(
            [sys.executable, "-m", "pytest", "--nbval", path, *options, *without],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def code_cells(notebook):
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def test_a_notebook_that_shows_what_is_stored_passes(notebook, nbval):
    done = nbval(notebook)
    assert done.returncode == 0, done.stdout
    assert f"{len(code_cells(notebook))} passed" in done.stdout


def test_each_cell_of_which_a_stored_output_was_changed_fails(notebook, nbval):
    cells = code_cells(notebook)
    [picture] = cells["task-build"].outputs
    [printed] = cells["task-log"].outputs
    [_, error] = cells["task-run"].outputs
    picture.data["text/plain"] = picture.data["text/plain"].replace("not run yet", "success")
    printed.text += "machine: cleaned up\n"
    error.evalue += "!"
    done = nbval(notebook)
    assert done.returncode == 1, done.stdout
    assert f"3 failed, {len(cells) - 3} passed" in done.stdout
    assert done.stdout.count("Cell outputs differ") == 3
