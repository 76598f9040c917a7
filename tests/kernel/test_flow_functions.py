"""``@flow`` functions in cells: shown, awaited, interrupted, and killed in the middle of a block."""

import os
import signal

import pytest

from tests.kernel.client import Kernel, wait_for

FUNCTIONS = """
from resnb import flow

@flow
def etl(n=1):
    with Cluster(n) as cluster:
        used = use(cluster, number(n))
    return used

@flow
def waits():
    with Cluster(2) as cluster:
        try:
            Path("waiting").touch()
            threading.Event().wait(30)
        finally:
            use(cluster)
"""
FOLDER = """
import os, shutil, threading
from resnb import flow, resource_manager, task

@resource_manager
class Folder:
    def __init__(self, path):
        self.path = path

    def setup(self):
        os.mkdir(self.path)
        return self.path

    def cleanup(self, path):
        shutil.rmtree(path, ignore_errors=True)

@task
def work(path):
    open("working", "w").close()
    threading.Event().wait()

@flow
def etl(path):
    with Folder(path) as folder:
        work(folder)
"""
SHOWN = """etl · success
parameters: n=7000
┌ Cluster · closed
│ ✓ setup ← n
│ ✓ number ← n
│ ✓ use ← Cluster, number
└ ✓ cleanup"""


@pytest.fixture
def work(notebook):
    notebook.run(FUNCTIONS)
    (notebook.kernel.folder / "waiting").unlink(missing_ok=True)
    return notebook


def test_a_call_and_what_is_shown_of_it(work):
    assert work.value("etl(2)") == "cluster of 2 used"
    assert work.value("since(), alive()") == (
        ["set up 2", "number 2", "use cluster of 2 2", "clean up 2"],
        [],
    )
    work.run("etl(7000)")
    assert work.run("etl").texts == SHOWN
    assert work.run("%flow etl").texts == SHOWN
    assert work.run("%flow run etl n=7000").texts == SHOWN
    assert "etl: 2 tasks" in work.run("%flow").stdout


def test_the_traceback_is_the_users(work):
    work.run("@flow\ndef broken():\n    boom(number())\n")
    shown = work.fail("broken()")
    assert (shown.error, shown.message) == ("ValueError", "no luck")
    assert "resnb/" not in shown.traceback
    assert "boom(number())" in shown.traceback
    assert "raise ValueError" in shown.traceback


def test_an_async_function_is_awaited_in_a_cell(work):
    work.run(
        """
        @task
        async def later(x):
            await asyncio.sleep(0)
            return [x]

        @flow
        async def fetch():
            async with Cluster(3) as cluster:
                return await asyncio.gather(later(1), later(2)), use(cluster)
        """
    )
    work.run("found = await fetch()")
    assert work.value("found, since()") == (
        ([[1], [2]], "cluster of 3 used"),
        ["set up 3", "use cluster of 3 0", "clean up 3"],
    )


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
def test_what_stops_a_cell_lets_the_function_clean_up(work, how):
    if how == "cancel":
        work.run(
            """
            from resnb.run.active import active_run

            def cancel():
                while not Path("waiting").exists():
                    threading.Event().wait(0.01)
                active_run().cancel()

            threading.Thread(target=cancel).start()
            """
        )
    request = work.kernel.send("waits()")
    wait_for((work.kernel.folder / "waiting").exists, "the function to wait")
    if how == "interrupt":
        os.killpg(os.getpgid(work.kernel.pid), signal.SIGINT)
    shown = work.kernel.finish(request)
    assert shown.error == ("KeyboardInterrupt" if how == "interrupt" else "FlowFailed")
    assert "resnb/" not in shown.traceback
    assert work.value("since(), alive(), waits.state.name") == (
        ["set up 2", "use cluster of 2 0", "clean up 2"],
        [],
        "Cancelled",
    )


def test_a_kernel_that_is_killed_inside_a_block(tmp_path):
    kernel = Kernel(tmp_path, FOLDER)
    try:
        made = tmp_path / "made"
        kernel.send(f"etl({str(made)!r})")
        wait_for((tmp_path / "working").exists, "the task to be at work")
        assert made.exists()
        os.kill(kernel.pid, signal.SIGKILL)
        wait_for(lambda: not made.exists(), "the reaper")
    finally:
        kernel.close()
