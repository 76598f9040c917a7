"""How processes end: scripts with an open lease, and the signals and exits that end them."""

import os
import signal
import threading

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.store.store import Store
from tests.run.scripts import LIMIT, lines_until, outcome, script

PATIENT = """
from resnb.ledger.kernel.keeper import Keeper
Keeper.close_all.__defaults__ = ({budget},)
"""
"""The budget for the end of a process, which a busy machine may take for standing still."""
OPEN = """
with Flow("f") as flow:
    with Thing.options(on="failure")("thing"):
        task(lambda: None, name="t")()
flow.run(quiet=True)
"""
HANGS = """
@task
def hangs():
    say("task")
    while True:
        threading.Event().wait(0.01)

with Flow("f") as flow, Thing("outer"), Thing("inner"):
    hangs()
"""


def begun(text, budget=60.0):
    """Start a script whose end has so many seconds for its clean-ups; the caller ends it."""
    return script(PATIENT.format(budget=budget) + text)


def done(text, **options):
    """What such a script says and writes to stderr, and how it ends."""
    return outcome(begun(text, **options))


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise SystemExit(3)", "1 / 0"])
def test_the_interpreter_exits(end):
    out, _, code = done(OPEN + end)
    assert out == ["setup thing", "cleanup thing"]
    assert code == {"": 0, "1 / 0": 1}.get(end, 3)


def test_the_interpreter_exits_while_a_flow_runs_in_the_background():
    out, err, code = done(f"""
began = threading.Event()
{HANGS.replace('say("task")', 'say("task"); began.set()')}
flow.start()
began.wait()
""")
    assert out == ["setup outer", "setup inner", "task", "cleanup inner", "cleanup outer"]
    assert (err, code) == ("", 0)


def test_the_interpreter_exits_while_an_async_manager_is_open():
    out, err, code = done("""
@resource_manager(on="failure")
class Late:
    async def setup(self):
        say("setup")
    async def cleanup(self, resource):
        say("cleanup")

with Flow("f") as flow, Late():
    task(lambda: None, name="t")()
flow.run(quiet=True)
""")
    assert (out, err, code) == (["setup", "cleanup"], "", 0)


def test_what_could_not_be_cleaned_up_here_the_reaper_cleans_up(tmp_path, ledger_home):
    out, err, code = done(f"""
folder = {str(tmp_path)!r}

@resource_manager
class Sticky:
    def setup(self):
        self.lease.record("thing")
        raise ValueError
    def cleanup(self, resource):
        first = os.path.join(folder, "first")
        if not os.path.exists(first):
            open(first, "w").close()
            raise OSError
        open(os.path.join(folder, "cleaned " + resource), "w").close()

with Flow("f") as flow, Sticky():
    task(lambda: None, name="t")()
flow.run(quiet=True)
""")
    assert (out, err, code) == ([], "", 0)
    never = threading.Event()
    while Store(ledger_home).alive():
        never.wait(0.05)
    assert (tmp_path / "cleaned thing").exists()


@pytest.mark.usefixtures("ledger_home")
def test_a_clean_up_that_hangs_does_not_keep_the_process_alive():
    out, _, code = done(
        """
@resource_manager(on="failure")
class Hangs:
    def cleanup(self, resource):
        say("cleanup")
        threading.Event().wait()

with Flow("f") as flow:
    with Hangs():
        task(lambda: None, name="t")()
    with Thing.options(on="failure")("thing"):
        task(lambda: None, name="t")()
flow.run(quiet=True)
""",
        budget=8.0,
    )
    assert sorted(out) == ["cleanup", "cleanup thing", "setup thing"]
    assert code == 0


@pytest.mark.parametrize("here", [True, False], ids=["main thread", "other thread"])
def test_a_ctrl_c_leaves_what_is_being_cleaned_up_to_the_reaper(ledger_home, here):
    process = begun(f"""
@resource_manager
class Slow:
    def setup(self):
        self.pid = os.getpid()
        return "slow"

    def cleanup(self, resource):
        if self.pid == os.getpid():
            say("cleanup")
            threading.Event().wait()

opening = threading.Thread(target=Slow().open)
(opening.run if {here} else opening.start)()
""")
    lines_until(process, "cleanup")
    os.kill(process.pid, signal.SIGINT)
    _, err, code = outcome(process)
    assert err == (
        "interrupted: what is not cleaned up yet is left to the reaper; `resnb ls` lists it, and "
        "`resnb wait` waits for it\n"
    )
    assert code == 0
    assert LedgerCommands(ledger_home).wait(LIMIT) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("way", ["flow.run()", "flow.start().wait()", "local"])
def test_a_signal_cleans_up_from_the_inside_out_and_has_its_way(number, way):
    run = "flow.run(executor=LocalExecutor())" if way == "local" else way
    process = begun(HANGS + run + "\nthreading.Event().wait()")
    lines_until(process, "task")
    os.kill(process.pid, number)
    out, err, code = outcome(process)
    assert out == ["cleanup inner", "cleanup outer"]
    assert (err, code) == ("", -number)


@pytest.mark.parametrize(
    "run", ["flow.run()", "flow.start().wait()", "asyncio.run(flow.run_async())"]
)
def test_no_line_after_a_run_begins_once_a_signal_ends_the_process(run):
    process = begun(f"""
import asyncio

went_on = threading.Event()

@resource_manager
class Last:
    def setup(self):
        return None

    def cleanup(self, resource):
        say("went on" if went_on.wait(1) else "stopped")

held = Last().open()
{HANGS}
{run}
went_on.set()
""")
    lines_until(process, "task")
    os.kill(process.pid, signal.SIGTERM)
    out, err, code = outcome(process)
    assert out == ["cleanup inner", "cleanup outer", "stopped"]
    assert (err, code) == ("", -signal.SIGTERM)


@pytest.mark.parametrize("run", ["flow.run()", "flow.start().wait()"])
def test_what_a_task_opens_itself_is_cleaned_up_at_a_signal(run):
    process = begun(f"""
never = threading.Event()

@task
def opens():
    with Thing("inner"):
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # for the main thread
            never.wait(0.01)
        say("ready")
        while True:
            never.wait(0.01)

with Flow("f") as flow:
    opens()
{run}
""")
    lines_until(process, "ready")
    os.kill(process.pid, signal.SIGTERM)
    out, err, code = outcome(process)
    assert (out, err, code) == (["cleanup inner"], "", -signal.SIGTERM)


def test_a_process_that_survives_the_signal_goes_on():
    process = begun(f"""
from unittest import mock
{HANGS}
with mock.patch.object(os, "kill"):  # as the system treats the first process of a container
    flow.run()
    say("went on")
""")
    lines_until(process, "task")
    os.kill(process.pid, signal.SIGTERM)
    out, err, code = outcome(process)
    assert out == ["cleanup inner", "cleanup outer", "went on"]
    assert (err, code) == ("", 0)


def test_a_signal_shows_in_the_exit_code_of_a_script_that_has_just_ended():
    process = begun("""
ended = threading.Event()

@resource_manager
class Last:
    def setup(self):
        return None

    def cleanup(self, resource):
        say("cleanup")
        ended.wait(1)

held = Last().open()
say("open")
sys.stdin.readline()
""")
    lines_until(process, "open")
    os.kill(process.pid, signal.SIGTERM)
    lines_until(process, "cleanup")
    process.stdin.write("\n")
    process.stdin.flush()
    assert outcome(process) == ([], "", -signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cleans_up_here_what_a_coroutine_holds(number):
    process = begun("""
import asyncio

async def held():
    async with Thing("held"):
        say("open")
        await asyncio.Event().wait()

asyncio.run(held())
""")
    lines_until(process, "open")
    os.kill(process.pid, number)
    assert outcome(process) == (["cleanup held"], "", -number)


def test_a_signal_that_the_script_handles_itself_leaves_us_on_the_watch():
    process = begun(
        """
def handler(number, frame):
    say("handled")

signal.signal(signal.SIGTERM, handler)
"""
        + OPEN
        + """
say("open")
sys.stdin.readline()
flow.run(quiet=True)
say("open")
sys.stdin.readline()
"""
    )
    for _ in range(2):
        lines_until(process, "open")
        os.kill(process.pid, signal.SIGTERM)
        assert lines_until(process, "handled") == ["cleanup thing", "handled"]
        process.stdin.write("\n")
        process.stdin.flush()
    out, err, code = outcome(process)
    assert (out, err, code) == ([], "", 0)


def test_a_signal_that_is_ignored_stays_ignored():
    process = begun(
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        + OPEN
        + """
say("open")
sys.stdin.readline()
"""
    )
    lines_until(process, "open")
    os.kill(process.pid, signal.SIGHUP)
    process.stdin.write("\n")
    assert outcome(process) == (["cleanup thing"], "", 0)


def test_a_flow_that_runs_off_the_main_thread():
    out, err, code = done("""
@resource_manager(on="failure")
class Late:
    def cleanup(self, resource):
        say("cleanup")

with Flow("f") as flow, Late():
    task(lambda: None, name="t")()
thread = threading.Thread(target=flow.run)
thread.start()
thread.join()
say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
""")
    assert (out, err, code) == (["True", "cleanup"], "", 0)


@pytest.mark.parametrize("end", ["sys.exit(0)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_forked_child_leaves_its_parents_lease_alone(end):
    out, _, code = done(
        OPEN
        + f"""
child = os.fork()
if not child:
    {end}
    os._exit(9)
_, status = os.waitpid(child, 0)
say("child", os.waitstatus_to_exitcode(status))
"""
    )
    assert out == ["setup thing", f"child {0 if 'exit' in end else -15}", "cleanup thing"]
    assert code == 0


FORKING = """
@resource
class Forking:
    def setup(self):
        say("setup")
    def cleanup(self, thing):
        child = os.fork()
        if not child:
            {end}
        say("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        say("reaper's", [one.state for one in KEEPER.book.store.alive()])

from resnb.ledger.kernel.keeper import KEEPER
"""


@pytest.mark.parametrize(
    ("end", "code"), [("sys.exit(3)", 3), ("return", 0), ("raise ValueError", 1)]
)
def test_a_child_that_a_clean_up_forks_does_not_speak_for_it(end, code):
    out, _, ended = done(
        f"""{FORKING.format(end=end)}
held = Forking().open()
held.close()
say(held.state)
"""
    )
    assert out == ["setup", f"child {code}", "reaper's ['closing']", "closed"]
    assert ended == 0


def test_a_child_that_the_clean_up_of_a_block_forks_goes_on_behind_it():
    out, _, code = done(
        f"""{FORKING.format(end="return")}
with Forking():
    parent = os.getpid()
if os.getpid() != parent:
    sys.exit(5)
say(KEEPER.alive())
"""
    )
    assert out == ["setup", "child 5", "reaper's ['closing']", "()"]
    assert code == 0


def test_a_child_that_the_set_up_of_an_open_resource_forks_ends():
    out, _, code = done("""
@resource
class Forking:
    def setup(self):
        child = os.fork()
        if not child:
            return
        say("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    def cleanup(self, thing):
        say("cleanup")

Forking().open().close()
""")
    assert (out, code) == (["child 0", "cleanup"], 0)


def test_a_forked_child_has_runs_and_leases_of_its_own():
    out, _, code = done(
        OPEN
        + """
sys.stdout.flush()
child = os.fork()
if not child:
    with Flow("g") as flow:
        with Thing.options(on="failure")("own"):
            task(lambda: None, name="t")()
    say(flow.run())
    sys.exit(0)
_, status = os.waitpid(child, 0)
say("child", os.waitstatus_to_exitcode(status))
"""
    )
    assert out == [
        "setup thing",
        "setup own",
        "<Success>",
        "cleanup own",
        "child 0",
        "cleanup thing",
    ]
    assert code == 0


def test_a_pool_of_processes_that_is_terminated_in_a_task():
    out, _, code = done("""
import multiprocessing

def square(number):
    return number * number

@task
def pooled(name):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(square, range(10)))

with Flow("f") as flow, Thing() as thing:
    value = pooled(thing)
say(flow.run().result[value].result)
""")
    assert out == ["setup thing", "cleanup thing", "285"]
    assert code == 0
