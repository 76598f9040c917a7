"""Ctrl-C, as a real signal to the whole process group of a real script."""

import os
import signal

from tests.run.scripts import lines_until, outcome, script


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)


def test_the_first_one_cancels_and_cleans_up_the_second_cuts_nothing_short():
    process = script("""
@resource_manager
class Slow:
    def cleanup(self, resource):
        child = "import sys; print('cleaning', flush=True); sys.stdin.readline(); print('child is done')"
        subprocess.run([sys.executable, "-c", child], check=True)
        say("cleaned")

@task
def waits():
    say("task")
    while True:
        threading.Event().wait(0.01)

with Flow("f") as flow, Slow():
    waits()
try:
    flow.run()
except KeyboardInterrupt:
    say("interrupted")
""")
    lines_until(process, "task")
    interrupt(process)
    lines_until(process, "cleaning")
    for _ in range(3):
        interrupt(process)
    process.stdin.write("\n")
    out, err, code = outcome(process)
    assert out == ["child is done", "cleaned", "interrupted"]
    assert (err, code) == ("", 0)


def test_a_local_run_raises_it_in_the_tasks_code_and_cleans_up():
    process = script("""
@task
def waits():
    try:
        say("task")
        while True:
            threading.Event().wait(0.01)
    except KeyboardInterrupt:
        say("raised in the task")
        raise

@task
def later(_):
    say("never")

with Flow("f") as flow, Thing():
    later(waits())
try:
    flow.run(executor=LocalExecutor())
except KeyboardInterrupt:
    say("interrupted")
""")
    lines_until(process, "task")
    interrupt(process)
    out, err, code = outcome(process)
    assert out == ["raised in the task", "cleanup thing", "interrupted"]
    assert (err, code) == ("", 0)


def test_it_ends_a_hook_that_hangs_on_the_main_thread():
    process = script("""
def hangs():
    say("hook")
    while True:
        threading.Event().wait(0.01)

with Flow("f", on_completion=hangs) as flow:
    task(lambda: None, name="t")()
try:
    flow.run()
except KeyboardInterrupt:
    say("interrupted")
with Flow("g") as flow:
    task(lambda: None, name="t")()
say(flow.run())
""")
    lines_until(process, "hook")
    interrupt(process)
    out, err, _ = outcome(process)
    assert out == ["interrupted", "<Success>"]
    assert "hook 'hangs' of flow 'f' raised KeyboardInterrupt" in err


def test_while_one_waits_for_a_run_in_the_background():
    process = script("""
@task
def waits():
    started.wait()
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        threading.Event().wait(0.001)
    say("task")
    while True:
        threading.Event().wait(0.01)

with Flow("f") as flow, Thing():
    waits()
started = threading.Event()
run = flow.start()
started.set()
try:
    run.wait()
except KeyboardInterrupt:
    say("interrupted", run.state.name)
before = signal.getsignal(signal.SIGINT)
say(before is signal.default_int_handler)
""")
    lines_until(process, "task")
    interrupt(process)
    out, err, code = outcome(process)
    assert out == ["cleanup thing", "interrupted Cancelled", "True"]
    assert (err, code) == ("", 0)


def test_a_clean_up_that_fails_while_it_is_interrupted_is_done_again():
    process = script("""
from resnb.ledger.kernel.keeper import KEEPER
tries = []

@resource_manager
class Fragile:
    async def cleanup(self, resource):
        tries.append(1)
        if len(tries) == 1:
            say("cleaning")
            while not KEEPER.interrupts:
                threading.Event().wait(0.001)
            raise OSError("cut short")
        say("cleaned")

with Flow("f") as flow, Fragile():
    task(lambda: None, name="t")()
try:
    flow.run()
except KeyboardInterrupt:
    say("interrupted")
""")
    lines_until(process, "cleaning")
    interrupt(process)
    out, err, code = outcome(process)
    assert out == ["cleaned", "interrupted"]
    assert (err, code) == ("", 0)
