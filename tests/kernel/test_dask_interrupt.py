"""Ctrl-C and Dask: what a set-up has started does not get it, and a broken cluster is replaced."""

import os

import pytest

from tests.kernel.client import Kernel
from tests.kernel.test_interrupt import interrupt, reached

QUIET = {"DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}
"""Else a scheduler says so when it has stood still for 3 s."""
SLOW = "Worker process still alive after"
"""What a nanny says of a worker that does not end within 4 s: a matter of the machine."""
CELL = f"""
os.environ |= {QUIET}
import psutil
from dask.distributed import Client
from resnb import DaskExecutor

@task
def turn(marker, forever):
    if marker:
        Path(marker).touch()
    while forever:
        pass
    return "done"

@resource_manager
class Own:
    def setup(self):
        return Client(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")

    def cleanup(self, client):
        client.close()
        if client.cluster is not None:
            client.cluster.close()

with Flow("etl") as etl:
    x = turn(Parameter("marker", default=""), Parameter("forever", default=False))
with Flow("own") as own:
    with Own().as_executor() as client:
        y = turn(Parameter("marker", default=""), Parameter("forever", default=False))
dask = DaskExecutor(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
folder = str(Path.cwd())
"""


@pytest.fixture
def work(notebook):
    notebook.run(CELL)
    for name in ("looping", "marker"):
        (notebook.kernel.folder / name).unlink(missing_ok=True)
    yield notebook
    notebook.run("dask.close()")


def of_distributed(text):
    """The lines that the library has written."""
    return [one for one in text.splitlines() if "distributed" in one and SLOW not in one]


def stopped(work, cell):
    request = work.kernel.send(cell)
    reached(work, "looping")
    interrupt(work)
    shown = work.kernel.finish(request, 60.0)
    assert shown.error == "KeyboardInterrupt"
    assert of_distributed(f"{shown.stderr}\n{shown.traceback}") == []
    return shown


def test_a_stop_does_not_break_the_kernels_cluster(work):
    work.run("etl.run(executor=dask)")
    lease = work.value("[one.id for one in KEEPER.alive()]")
    stopped(work, "etl.run(executor=dask, marker=f'{folder}/looping', forever=True)")
    work.run("state = etl.run(executor=dask)")
    assert work.value("state.result[x].result") == "done"
    assert work.value("[one.id for one in KEEPER.alive()]") == lease


def test_a_stop_does_not_break_the_cluster_of_a_scope(work):
    stopped(work, "own.run(marker=f'{folder}/looping', forever=True)")
    assert work.value("alive()") == []
    work.run("state = own.run()")
    assert work.value("state.result[y].result") == "done"


@pytest.mark.long
def test_a_cluster_that_does_not_answer_is_replaced(work):
    work.run("etl.run(executor=dask)")
    before = work.value("[one.id for one in KEEPER.alive()]")
    work.run(
        "for one in psutil.Process().children(recursive=True):\n"
        "    if 'spawn_main' in ' '.join(one.cmdline()): one.suspend()"
    )
    shown = work.kernel.finish(work.kernel.send("state = etl.run(executor=dask)"), 40.0)
    assert shown.ok, shown.traceback
    assert work.value("state.result[x].result") == "done"
    assert work.value("[one.id for one in KEEPER.alive()]") != before


OPEN = """
%load_ext resnb
from resnb import DaskExecutor, Flow, resource_manager, task

@task
def one():
    return 1

@resource_manager
class Own:
    def setup(self):
        from dask.distributed import Client  # the first import, while Ctrl-C is held back

        return Client(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")

    def cleanup(self, client):
        client.close()
        client.cluster.close()

with Flow("etl") as etl:
    x = one()
"""
ENDS = {
    "a cell's": "%%flow cells --with Own as client --run\nz = one()",
    "the kernel's": (
        "state = etl.run(executor=DaskExecutor(n_workers=1, dashboard_address='127.0.0.1:0'))"
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("cell", ENDS.values(), ids=ENDS)
def test_a_headless_end_writes_no_traceback(tmp_path, cell):
    """Nbclient and papermill interrupt its process group before they shut a kernel down."""
    home = tmp_path / "ledger"
    kernel = Kernel(tmp_path, OPEN, env={**os.environ, "RESNB_HOME": str(home), **QUIET})
    kernel.run(cell, limit=60.0)
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel()
    kernel.close()
    log = (tmp_path / "kernel.log").read_text()
    assert "Traceback" not in log
    assert of_distributed(log) == []
