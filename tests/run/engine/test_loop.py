"""The loop thread, which lives as long as the process."""

import subprocess
import sys

FIRST = """
import gc
import weakref
from contextvars import ContextVar, copy_context

from resnb.run.engine.loop import LOOP

class Run:
    pass

def needs_the_loop():
    run = Run()
    ContextVar("run").set(run)
    LOOP.loop()
    return weakref.ref(run)

found = copy_context().run(needs_the_loop)
gc.collect()
assert found() is None
"""


def test_the_loop_keeps_nothing_of_the_run_that_needed_it_first():
    subprocess.run([sys.executable, "-c", FIRST], check=True, timeout=60)
