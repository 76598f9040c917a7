"""Ctrl-C: a real SIGINT to the kernel's process group, as Jupyter sends it.

Each cell tells by files where it is, so that the interrupt comes at a known place.
"""

import os
import signal
import threading

import pytest

from tests.kernel.client import wait_for

THINGS = """
import sys

def main_waits():
    '''Whether the main thread waits for the run by now, or runs the task itself.'''
    main = threading.main_thread().ident
    place = sys._current_frames()[main].f_code.co_name
    return threading.get_ident() == main or place in ("awaited", "select")

@task
def loop(*_):
    happened.append("loop")
    while not main_waits():
        pass
    Path("looping").touch()
    while True:
        pass

@task
def wait(*_):
    Path("looping").touch()
    threading.Event().wait(100)

@task
async def sleep(*_):
    Path("looping").touch()
    await asyncio.sleep(100)

@resource_manager
class Slow:
    '''Its clean-up needs a process of the kernel's process group, which gets each Ctrl-C, too.'''

    def cleanup(self, resource):
        Path("cleaning").touch()
        done = subprocess.run(["cat", "go"])
        happened.append(f"slow clean up: {done.returncode}")
"""
ETL = """
%%flow etl --with Cluster(2) as c --with Slow as s --quiet
x = {task}(c)
y = number(x)
z = number(1, upstream_tasks=[x])
"""
RUNS = {
    "flow.run()": "state = etl.run()",
    "%flow run": "%flow run etl",
    "LocalExecutor": "state = etl.run(executor=LocalExecutor())",
    "await run_async()": "state = await etl.run_async()",
    "start and wait": "run = etl.start(); run.wait()",
    "--run": "%%flow etl --quiet --with c --run\nw = {task}(c)",
}


@pytest.fixture
def work(notebook):
    notebook.run(THINGS)
    for name in ("looping", "cleaning", "cell", "go", "told"):
        (notebook.kernel.folder / name).unlink(missing_ok=True)
    (notebook.kernel.folder / "go").touch()
    return notebook


@pytest.fixture
def slow(work):
    """As `work`, where the clean-up of what is slow goes on until `let_go` is called."""
    (work.kernel.folder / "go").unlink()
    os.mkfifo(work.kernel.folder / "go")
    return work


def let_go(slow):
    """Let the clean-up end: its process reads this pipe."""
    with (slow.kernel.folder / "go").open("w"):
        pass


def reached(work, name):
    wait_for((work.kernel.folder / name).exists, f"the cell to be {name}")


def interrupt(work):
    """What Jupyter does: SIGINT to the whole process group."""
    os.killpg(os.getpgid(work.kernel.pid), signal.SIGINT)


def interrupted(work, cell):
    """Run a cell and interrupt it."""
    request = work.kernel.send(cell)
    reached(work, "looping")
    interrupt(work)
    return work.kernel.finish(request)


@pytest.mark.sample(2)
@pytest.mark.parametrize("run", ["flow.run()", "%flow run", "LocalExecutor", "start and wait"])
def test_what_runs_is_stopped_and_what_has_not_begun_is_cancelled(work, run):
    work.run(ETL.format(task="loop"))
    shown = interrupted(work, RUNS[run])
    assert shown.error == "KeyboardInterrupt"
    assert work.value("since()") == ["set up 2", "loop", "slow clean up: 0", "clean up 2"]
    assert work.value("[one.state.name for one in (x, y, z)]") == ["Cancelled"] * 3
    assert work.value("alive()") == []


def test_an_awaited_run(work):
    work.run(ETL.format(task="loop"))
    shown = interrupted(work, RUNS["await run_async()"])
    assert shown.error in {"KeyboardInterrupt", "CancelledError"}
    assert "resnb/" not in shown.traceback
    assert "asyncio/" not in shown.traceback
    assert "line 1, in <module>" in shown.traceback
    assert work.value("since()") == ["set up 2", "loop", "slow clean up: 0", "clean up 2"]
    assert work.value("[one.state.name for one in (x, y, z)], alive()") == (["Cancelled"] * 3, [])


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "run", ["flow.run()", "LocalExecutor", "await run_async()", "start and wait"]
)
def test_further_interrupts_cut_no_clean_up_short(slow, run):
    slow.run(ETL.format(task="loop"))
    request = slow.kernel.send(RUNS[run])
    reached(slow, "looping")
    interrupt(slow)
    reached(slow, "cleaning")
    for _ in range(2):
        interrupt(slow)
        threading.Event().wait(0.1)  # as fast as a person presses it
    let_go(slow)
    shown = slow.kernel.finish(request)
    assert shown.error in {"KeyboardInterrupt", "CancelledError"}
    assert slow.value("since()") == ["set up 2", "loop", "slow clean up: 0", "clean up 2"]
    assert slow.value("alive()") == []


def test_the_part_of_a_cell_keeps_its_scopes_open(work):
    """As when it fails: so that one can look, and try again."""
    work.run(ETL.format(task="number"))
    shown = interrupted(work, RUNS["--run"].format(task="loop"))
    assert shown.error == "KeyboardInterrupt"
    assert work.value("alive(), w.state.name") == (["etl/c open"], "Cancelled")


def test_several_at_work(work):
    work.run(
        """
        both = threading.Barrier(2)

        @task
        def loop_too(c):
            both.wait(60)
            if len(happened) < 5:
                Path("looping").touch()
            while True:
                pass
        """
    )
    work.run("%%flow etl --with Cluster(2) as c --quiet\nx = loop_too(c)\ny = loop_too(c)")
    interrupted(work, RUNS["flow.run()"])
    assert work.value("since(), [one.state.name for one in (x, y)]") == (
        ["set up 2", "clean up 2"],
        ["Cancelled", "Cancelled"],
    )


def test_a_coroutine_is_stopped(work):
    work.run("%%flow etl --with Cluster(2) as c --quiet\nx = sleep(c)\ny = number(x)")
    interrupted(work, RUNS["flow.run()"])
    assert work.value("since(), x.state.name") == (["set up 2", "clean up 2"], "Cancelled")


def test_a_task_on_the_main_thread_is_interrupted_where_it_waits(work):
    work.run("%%flow etl --with Cluster(2) as c --quiet\nx = wait(c)\ny = number(x)")
    interrupted(work, RUNS["LocalExecutor"])
    assert work.value("since(), x.state.name") == (["set up 2", "clean up 2"], "Cancelled")


def test_a_set_up_is_given_the_time_to_return_what_it_makes(work):
    work.run(
        """
        from resnb.run.active import active_run

        @resource_manager
        class Late:
            def setup(self):
                Path("looping").touch()
                while not active_run().patience.has_told:  # what is awaited after a Ctrl-C
                    threading.Event().wait(0.01)
                happened.append("made")
            def cleanup(self, resource):
                happened.append("cleaned")
        """
    )
    work.run("%%flow etl --with Late as late --quiet\nx = number(1)")
    interrupted(work, RUNS["flow.run()"])
    assert work.value("since(), alive()") == (["made", "cleaned"], [])


def test_the_traceback_is_the_users_line(work):
    work.run(ETL.format(task="loop"))
    shown = interrupted(work, "def go():\n    return etl.run()\ngo()")
    assert "KeyboardInterrupt" in shown.traceback
    assert "return etl.run()" in shown.traceback
    assert "resnb/" not in shown.traceback


def test_the_next_run_is_a_run_like_any_other(work):
    work.run("%%flow etl --with Cluster(2) as c --quiet\nx = loop(c)", "a")
    interrupted(work, RUNS["flow.run()"])
    work.run("since()")
    work.run("%%flow etl --with Cluster(2) as c --quiet\nx = use(c)", "a")
    work.run("%flow run etl")
    assert work.value("since()") == ["set up 2", "use cluster of 2 0", "clean up 2"]


def test_an_interrupt_of_a_closing_command_cuts_no_clean_up_short(slow):
    slow.run("%%flow etl --with Cluster(2) as c --with Slow as s --run\nx = number(1)")
    slow.run("since()")
    request = slow.kernel.send("%flow close etl")
    reached(slow, "cleaning")
    interrupt(slow)
    interrupt(slow)
    let_go(slow)
    shown = slow.kernel.finish(request)
    assert shown.error == "KeyboardInterrupt"
    assert slow.value("since(), alive()") == (["slow clean up: 0", "clean up 2"], [])


def test_an_interrupt_of_a_cell_that_replaces_a_scope_cuts_no_clean_up_short(slow):
    slow.run("%%flow etl --with Slow.options(ttl='1h') as s --run\nx = number(1)", "a")
    slow.run("since()")
    request = slow.kernel.send("%%flow etl --with Slow.options(ttl='2h') as s\nx = number(1)", "a")
    reached(slow, "cleaning")
    interrupt(slow)
    let_go(slow)
    slow.kernel.finish(request)
    assert slow.value("since(), alive()") == (["slow clean up: 0"], [])


OPENS = """
class Told:
    '''Standard error that tells by a file that something is awaited.'''

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        self.stream.write(text)
        if "waiting" in text:
            Path("told").touch()

    def __getattr__(self, name):
        return getattr(self.stream, name)

@resource_manager
class Stuck:
    def setup(self):
        Path("looping").touch()
        Path("go").read_text()

    def cleanup(self, resource): ...

sys.stderr = Told(sys.stderr)
"""


def test_an_interrupt_of_a_set_up_that_cannot_be_stopped_says_what_is_awaited(slow):
    slow.run(OPENS)
    request = slow.kernel.send("%resources open Stuck as one")
    reached(slow, "looping")
    interrupt(slow)
    reached(slow, "told")
    let_go(slow)
    shown = slow.kernel.finish(request)
    assert shown.error == "KeyboardInterrupt"
    assert shown.stderr == (
        "interrupted: waiting for the set-up of 'one' for up to 30 s; interrupt again to wait for "
        "nothing\n"
    )
    slow.run("sys.stderr = sys.stderr.stream")


def test_an_interrupted_block_shows_its_own_lines_only(work):
    cell = "with Cluster(1):\n    Path('cell').touch()\n    threading.Event().wait(100)"
    request = work.kernel.send(cell)
    reached(work, "cell")
    interrupt(work)
    shown = work.kernel.finish(request)
    assert shown.error == "KeyboardInterrupt"
    assert "resnb/" not in shown.traceback
    assert "line 3, in <module>" in shown.traceback


def test_an_interrupted_async_block_shows_its_own_lines_only(work):
    cell = """
    async with Cluster(1):
        Path("cell").touch()
        while True:
            await asyncio.sleep(0.01)  # ipykernel's cancel alone does not wake the loop
    """
    request = work.kernel.send(cell)
    reached(work, "cell")
    interrupt(work)
    shown = work.kernel.finish(request)
    assert shown.error in {"KeyboardInterrupt", "CancelledError"}
    assert "lib/python" not in shown.traceback
    assert "line 4, in <module>" in shown.traceback
    assert work.value("alive()") == []


def test_a_run_in_the_background_is_left_alone(work):
    """Ctrl-C means the cell that is running; a run in the background has its own cancel."""
    work.run(ETL.format(task="wait"))
    work.run("run = etl.start()")
    reached(work, "looping")
    request = work.kernel.send("Path('cell').touch(); threading.Event().wait(100)")
    reached(work, "cell")
    interrupt(work)
    assert work.kernel.finish(request).error == "KeyboardInterrupt"
    assert work.value("run.state.name") == "Running"
    work.run("run.engine.cancel(grace=0.0); run.wait()")


def test_cancel_of_a_run_in_the_background(work):
    work.run(ETL.format(task="loop"))
    work.run("run = etl.start()")
    reached(work, "looping")
    work.run("run.cancel(); state = run.wait()")
    assert work.value("state.name, since()") == (
        "Cancelled",
        ["set up 2", "loop", "slow clean up: 0", "clean up 2"],
    )
    assert work.value("[one.state.name for one in (x, y, z)]") == ["Cancelled"] * 3


@pytest.mark.sample(1)
@pytest.mark.parametrize("run", ["state = await etl.run_async()", "run = etl.start()"])
def test_an_interrupt_while_the_run_is_being_launched(work, run):
    work.run(
        """
        import signal
        from resnb.run import flow_run

        begun = threading.Event()
        supervisor = flow_run.start_supervisor

        @task
        def busy(*_):
            begun.set()
            while True:
                pass

        def launch(function):
            supervisor(function)
            begun.wait(60)
            signal.raise_signal(signal.SIGINT)
        """
    )
    work.run("%%flow etl --with Cluster(2) as c --quiet\nx = busy(c)\ny = number(x)")
    shown = work.kernel.finish(work.kernel.send(f"flow_run.start_supervisor = launch\n{run}"))
    assert shown.error in {"KeyboardInterrupt", "CancelledError"}
    work.run("flow_run.start_supervisor = supervisor")
    wait_for(lambda: work.value("alive()") == [], "the clean-up")
    assert work.value("since(), x.state.name") == (["set up 2", "clean up 2"], "Cancelled")


def test_an_interrupt_of_an_idle_kernel_changes_nothing(work):
    work.run("%%flow etl --with Cluster(2) as c --run\nx = number(1)")
    interrupt(work)
    assert work.value("alive()") == ["etl/c open"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("run", ["flow.run()", "await run_async()", "start and wait"])
def test_a_second_interrupt_ends_the_wait_for_a_task_that_does_not_stop(slow, run):
    """Not before it was said what is awaited, and the clean-up is not cut short."""
    slow.run(
        """
        from resnb.run.engine import engine
        from resnb.run.active import active_run

        engine.GRACE = 3600.0  # so that the second Ctrl-C ends the wait, or nothing
        released = threading.Event()

        def watch():
            while not active_run().patience.has_told:
                threading.Event().wait(0.01)
            Path("told").touch()

        @task
        def stuck(*_):
            threading.Thread(target=watch).start()
            while not released.is_set():
                try:
                    Path("looping").touch()
                    released.wait(60)
                except BaseException:
                    pass
        """
    )
    (slow.kernel.folder / "told").unlink(missing_ok=True)
    slow.run(ETL.format(task="stuck"))
    request = slow.kernel.send(RUNS[run])
    reached(slow, "looping")
    interrupt(slow)
    reached(slow, "told")
    interrupt(slow)
    reached(slow, "cleaning")
    interrupt(slow)
    let_go(slow)
    shown = slow.kernel.finish(request)
    slow.run("released.set(); engine.GRACE = 30.0")
    assert shown.error in {"KeyboardInterrupt", "CancelledError"}
    assert shown.stderr == (
        "interrupted: waiting for task 'stuck' for up to 30 s; interrupt again to wait for no task\n"
    )
    assert slow.value("since()") == ["set up 2", "slow clean up: 0", "clean up 2"]
    assert slow.value("x.state.name, alive()") == ("Cancelled", [])
