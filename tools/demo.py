"""Run notebooks/quickstart.ipynb without a browser and show what happened in the terminal.

The executed notebook and the file that it wrote stay in build/. Fails if a cell fails, if no CSV
was written, or if a process that the notebook began is still there after its last cell.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
BUILD = ROOT / "build"
WIDTH = 96
CSV_LINES = 6
GRACE = 5.0  # seconds that a process whose cluster was closed may take to end


def main() -> int:
    """Run the notebook; 0 if everything went as it should."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook,
        extra_arguments=["--log-level=ERROR"],  # each kernel on TCP warns that it is
        resources={"metadata": {"path": str(BUILD)}},
        timeout=300,
    )
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            print_source(cell)
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                print(error)
                return 1
            print_outputs(cell)
        left = processes_left()
    nbformat.write(notebook, BUILD / NOTEBOOK.name)
    return report(sorted(BUILD.glob("*.csv")), left)


def print_source(cell: NotebookNode) -> None:
    """Print a cell as a terminal can show it: prose in lines that fit, code behind a bar."""
    if cell.cell_type == "code":
        text = textwrap.indent(cell.source, "  │ ", lambda _: True)
    else:
        text = "\n".join(map(wrapped, cell.source.splitlines()))
    print(f"\n{text}", flush=True)


def wrapped(line: str) -> str:
    """A line of prose in lines that fit; an item of a list stays one that can be seen."""
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def print_outputs(cell: NotebookNode) -> None:
    """Print the text of a cell's outputs, below an empty line."""
    if cell.cell_type == "code" and cell.outputs:
        print("", *(text.rstrip("\n") for text in texts(cell.outputs)), sep="\n", flush=True)


def texts(outputs: list[NotebookNode]) -> Iterator[str]:
    """The text form of each output that has one."""
    for output in outputs:
        if output.output_type == "stream":
            yield output.text
        elif "text/plain" in output.get("data", {}):
            yield output.data["text/plain"]


def processes_left() -> list[psutil.Process]:
    """What runs below the kernel, Python's own resource tracker aside, after a grace."""
    (kernel,) = psutil.Process().children()
    below = [p for p in kernel.children(recursive=True) if not is_resource_tracker(p)]
    _, left = psutil.wait_procs(below, GRACE)
    return left


def is_resource_tracker(process: psutil.Process) -> bool:
    """Whether this is the helper that multiprocessing keeps until its interpreter ends."""
    try:
        return "multiprocessing.resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def report(written: list[Path], left: list[psutil.Process]) -> int:
    """Say what is there after the run and what is not; 0 if both are right."""
    print()
    for path in written:
        print(f"{path.relative_to(ROOT)} begins:")
        for line in path.read_text(encoding="utf-8").splitlines()[:CSV_LINES]:
            print(f"  {line[:WIDTH]}")
    if not written:
        print("The notebook wrote no CSV.")
    if left:
        numbers = ", ".join(str(process.pid) for process in left)
        print(f"Still running below the kernel after its last cell: processes {numbers}")
    else:
        print("No Dask worker process is left: the flow closed the cluster that it opened.")
    print(f"The notebook with its outputs: {(BUILD / NOTEBOOK.name).relative_to(ROOT)}")
    return 0 if written and not left else 1


if __name__ == "__main__":
    sys.exit(main())
