"""The notebook of a trial: cells that make a thing of some kind, and bring it to a moment.

The first cell defines what the cells of all kinds use: marks, pauses, and ways to end.
"""

from typing import Final

from .kinds import KINDS, LATE

MOMENTS: Final = ("set-up", "task", "cleanup", "idle")

NO_REAPER: Final = """
# the same harness without a reaper: leases are written down, and nobody outlives the kernel
from resnb.ledger.kernel.reaper_client import ReaperClient
ReaperClient.ensure = ReaperClient.look = lambda self: None
"""

HEAD: Final = """
%load_ext resnb
import json, os, shutil, signal, subprocess, sys, threading, time
from pathlib import Path
from resnb import resource_manager, task

TRIAL, TAG, STEP, TASK, LATE = {trial!r}, {tag!r}, {step!r}, {task!r}, {late!r}
KERNEL = os.getpid()
SLEEPER = [sys.executable, "-IS", "-c", "import signal; signal.pause()"]

def mark(what):
    file = os.open(TRIAL + "/marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{{time.monotonic()}} {{os.getpid()}} {{what}}\\n".encode())
    os.close(file)

def pause(seconds=STEP):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        threading.Event().wait(0.01)
        if os.getpid() == KERNEL and os.path.exists(TRIAL + "/raise"):
            os.rename(TRIAL + "/raise", TRIAL + "/raised")
            raise {{"MemoryError": MemoryError, "SystemExit": SystemExit}}[
                Path(TRIAL, "raised").read_text()
            ]

def until(what, seconds):
    while not any(line.endswith(what) for line in Path(TRIAL, "marks").read_text().splitlines()):
        threading.Event().wait(0.005)
    threading.Event().wait(seconds)
    mark("end")

def armed(path, act):
    def wait():
        with open(path) as pipe:
            pipe.read()
        act()
    threading.Thread(target=wait, daemon=True).start()

@task
def work(thing):
    mark("task")
    pause(TASK)

mark("kernel")
"""


def head(folder: str, tag: str, kind: str, moment: str) -> str:
    """The cell that everything begins with."""
    step = KINDS[kind].step
    task = 0.0 if moment == "cleanup" else 3 * step
    late = LATE if moment == "set-up" else 0.0
    return HEAD.format(trial=folder, tag=tag, step=step, task=task, late=late)


def begin_of(kind: str, moment: str) -> str:
    """The mark with which a moment begins."""
    return KINDS[kind].begins if moment == "set-up" else moment


def length_of(kind: str, moment: str, cleanup: float | None = None) -> float:
    """For how long a moment lasts, in seconds; a clean-up takes `cleanup` if that is given."""
    own = KINDS[kind]
    last = own.cleanup if cleanup is None else cleanup
    return {"set-up": own.set_up, "task": 3 * own.step, "cleanup": last, "idle": own.step}[moment]


def flow_cell(kind: str) -> str:
    """The cell that builds the flow whose run passes through set-up, task and cleanup."""
    if KINDS[kind].by_itself:
        return "%%flow trial\nw = whole()"
    return f"%%flow trial --with {KINDS[kind].use} as thing\nw = work(thing)"


def open_cell(kind: str) -> str:
    """The cell that opens the scope and leaves it open."""
    if KINDS[kind].by_itself:
        return f"%resources open {KINDS[kind].use} as thing"
    return f"%%flow trial --with {KINDS[kind].use} as thing --run\n# open"


RUN: Final = "%flow run trial"
START: Final = "run = trial.start()"
