"""The notebook of a trial: cells that make a thing of some kind, and bring it to a moment.

What a thing's methods do takes a while, in steps, and each step is marked in the trial's folder:
so the harness knows how far the kernel is, and who has cleaned up how often.
"""

from typing import Final, NamedTuple

MOMENTS: Final = ("set-up", "task", "cleanup", "idle")
STEP: Final = 0.1
"""Seconds that each step takes."""
LATE: Final = 2.0
"""Seconds after which a late thing begins to exist; where its set-up is over, that is past."""


class Kind(NamedTuple):
    """A kind of thing.

    Attributes:
        title: how tables call it.
        cells: the cells that define it.
        use: what stands behind ``--with``.
        begins: the mark with which the part of set-up begins that is claimed to be safe.
        set_up: how long that part takes, in seconds.
        cleanup: how long cleanup takes.
        claimed: whether nothing of it may leak.
    """

    title: str
    cells: tuple[str, ...]
    use: str = "Thing()"
    begins: str = "set-up"
    set_up: float = 3 * STEP
    cleanup: float = 3 * STEP
    claimed: bool = True


NO_REAPER: Final = """
# the same harness without a reaper: leases are written down, and nobody outlives the kernel
from resnb.ledger.link import ReaperLink
ReaperLink.ensure = ReaperLink.look = lambda self: None
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

_PROCESSES = """
def folder_of(lease):
    return f"{TRIAL}/things/{lease}"

def pids_of(lease):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().endswith(f"{TAG}-{lease}\\0".encode()):
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found
"""

_CLEANUP = """
    def find(self, lease):
        return lease if os.path.exists(folder_of(lease)) or pids_of(lease) else None

    def cleanup(self, lease):
        mark("cleanup")
        pause()
        for pid in pids_of(lease):
            os.kill(pid, signal.SIGKILL)
        pause()
        shutil.rmtree(folder_of(lease), ignore_errors=True)
        pause()
        mark("cleaned")
"""

_FOLDER = f"""
@resource_manager
class Thing:
    def setup(self):
        mark("set-up")
        pause()
        os.makedirs(folder_of(self.lease.id))
        pause()
        subprocess.Popen([*SLEEPER, f"{{TAG}}-{{self.lease.id}}"], start_new_session=True)
        pause()
        mark("made")
        return self.lease.id
{_CLEANUP}"""

_LATE = f"""
PROVIDER = '''
import os, sys, time
time.sleep(float(sys.argv[1]))
os.makedirs(os.environ["THING_FOLDER"])
os.execv(sys.argv[2], [*sys.argv[2:], os.environ["THING_TAG"]])
'''

@resource_manager
class Thing:
    def setup(self):
        mark("set-up")
        tag = f"{{TAG}}-{{self.lease.id}}"
        order = {{"THING_FOLDER": folder_of(self.lease.id), "THING_TAG": tag}}
        subprocess.Popen(
            [sys.executable, "-IS", "-c", PROVIDER, str(LATE), *SLEEPER],
            env={{**os.environ, **order}},
            start_new_session=True,
        )
        while not pids_of(self.lease.id):
            pause()
        pause()
        mark("made")
        return self.lease.id
{_CLEANUP}"""

_CONTAINER = """
import docker, docker.errors

@resource_manager
class Thing:
    def setup(self):
        mark("set-up")
        pause()
        labels = {"trial": TAG, "lease": self.lease.id}
        container = docker.from_env().containers.run(
            "tiny:latest", ["sleep", "1000"], detach=True, labels=labels
        )
        pause()
        mark("made")
        return container

    def find(self, lease):
        filters = {"label": f"lease={lease}"}
        return next(iter(docker.from_env().containers.list(all=True, filters=filters)), None)

    def cleanup(self, container):
        mark("cleanup")
        pause()
        try:
            container.remove(force=True)
        except docker.errors.NotFound:
            pass
        pause()
        mark("cleaned")
"""

_POPEN = """%%resource sleeper
mark("set-up")
pause()
proc = subprocess.Popen([*SLEEPER, f"{TAG}-cell"], start_new_session=True)
pause(EARLY)
lease.record(proc)
mark("recorded")
pause(3 * STEP)
mark("made")
yield proc
mark("cleanup")
pause()
proc.terminate()
proc.wait()
pause()
mark("cleaned")
"""

KINDS: Final = {
    "folder": Kind("detached process and folder", (_PROCESSES, _FOLDER)),
    "late": Kind("the same, 2 s late", (_PROCESSES, _LATE), set_up=LATE + 2 * STEP),
    "container": Kind("container", (_CONTAINER,)),
    "popen": Kind(
        "`%%resource` cell with Popen",
        ("EARLY = 0", _POPEN),
        use="sleeper()",
        begins="recorded",
        cleanup=2 * STEP,
    ),
    "unrecorded": Kind(
        "the same, before `lease.record`",
        ("EARLY = 3 * STEP", _POPEN),
        use="sleeper()",
        set_up=4 * STEP,
        cleanup=2 * STEP,
        claimed=False,
    ),
}


def head(folder: str, tag: str, moment: str) -> str:
    """The cell that everything begins with."""
    task = 0.0 if moment == "cleanup" else 3 * STEP
    late = LATE if moment == "set-up" else 0.0
    return HEAD.format(trial=folder, tag=tag, step=STEP, task=task, late=late)


def begin_of(kind: str, moment: str) -> str:
    """The mark with which a moment begins."""
    return KINDS[kind].begins if moment == "set-up" else moment


def length_of(kind: str, moment: str) -> float:
    """For how long a moment lasts, in seconds."""
    own = KINDS[kind]
    return {"set-up": own.set_up, "task": 3 * STEP, "cleanup": own.cleanup, "idle": STEP}[moment]


def flow_cell(kind: str) -> str:
    """The cell that builds the flow whose run passes through set-up, task and cleanup."""
    return f"%%flow trial --with {KINDS[kind].use} as thing\nw = work(thing)"


def open_cell(kind: str) -> str:
    """The cell that opens the scope and leaves it open."""
    return f"%%flow trial --with {KINDS[kind].use} as thing --run\n# open"


RUN: Final = "%flow run trial"
START: Final = "run = trial.start()"
