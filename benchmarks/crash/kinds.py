"""The kinds of things that trials make: cells of a notebook, as a user would write them.

What a thing's methods do takes a while, in steps, and each step is marked in the trial's folder:
so the harness knows how far the kernel is, and who has cleaned up how often. `cells.HEAD` defines
the names that these cells use.
"""

from typing import Final, NamedTuple

STEP: Final = 0.1
"""Seconds that each step takes."""
LONG_STEP: Final = 0.5
"""The same where a container ends, since the engine takes some tenths of a second to end it."""
LATE: Final = 2.0
"""Seconds after which a late thing begins to exist; where its set-up is over, that is past."""


class Kind(NamedTuple):
    """A kind of thing.

    Attributes:
        title: how tables call it.
        cells: the cells that define it; an end may set CLEANUP, the length of its clean-up.
        use: what stands behind ``--with``.
        begins: the mark with which the part of set-up begins that is claimed to be safe.
        set_up: how long that part takes, in seconds.
        cleanup: how long cleanup takes.
        claimed: whether nothing of it may leak.
        step: how long each step takes.
        outside: whether a provider outside the container makes it.
        by_kind: whether it is cleaned up from plain data, by a registered kind.
        by_itself: whether no scope of a flow holds it: a `with` block in a task's code does, or
            ``%resources open``.
    """

    title: str
    cells: tuple[str, ...]
    use: str = "Thing()"
    begins: str = "set-up"
    set_up: float = 3 * STEP
    cleanup: float = 3 * STEP
    claimed: bool = True
    step: float = STEP
    outside: bool = False
    by_kind: bool = False
    by_itself: bool = False


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
    find_for = "5s"  # a trial has no time for the usual 15 minutes
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
    find_for = "15s"  # a trial has no time for the usual 15 minutes
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
    find_for = "15s"  # a trial has no time for the usual 15 minutes
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

_CARELESS = """
@resource_manager
class Thing:
    find_for = "5s"  # a trial has no time for the usual 15 minutes
    def setup(self):
        mark("set-up")
        pause()
        os.makedirs(f"{TRIAL}/things", exist_ok=True)
        os.chdir(f"{TRIAL}/things")
        os.makedirs(self.lease.id)
        pause()
        command = [*SLEEPER, f"{TAG}-{self.lease.id}"]
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE)
        pause()
        mark("made")
        return {"folder": Path(self.lease.id), "process": process}

    def handle(self, thing):
        return thing

    def find(self, lease):
        there = os.path.exists(folder_of(lease)) or pids_of(lease)
        return {"folder": Path(folder_of(lease)), "process": None} if there else None

    def cleanup(self, thing):
        mark("cleanup")
        pause()
        if thing["process"] is not None:
            with thing["process"] as process:
                process.stdin.close()
                process.kill()
        stop(self.lease)
        pause()
        shutil.rmtree(thing["folder"], ignore_errors=True)
        pause()
        mark("cleaned")
"""

_STOP = """
def stop(lease):
    assert lease.name
    for pid in pids_of(lease.id):
        os.kill(pid, signal.SIGKILL)
os.chdir("/")
"""

_OUTSIDE = """
import socket

def ask(verb, lease):
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(TRIAL + "/provider")
        line.sendall(f"{verb} {lease}\\n".encode())
        return line.recv(100).decode()

@resource_manager
class Thing:
    find_for = "5s"  # a trial has no time for the usual 15 minutes
    def setup(self):
        mark("set-up")
        pause()
        ask("make", self.lease.id)
        pause(2 * STEP)
        mark("made")
        return self.lease.id

    def find(self, lease):
        return lease if ask("find", lease) == "there" else None

    def cleanup(self, lease):
        mark("cleanup")
        pause(CLEANUP)
        ask("remove", lease)
        mark("cleaned")
"""

_BY_KIND = """
from resnb import resource_manager
from resnb_trials import {0} as Thing
Thing = resource_manager(Thing)
"""

_BY_ITSELF = """
@task
def whole():
    with Thing():
        mark("task")
        pause(TASK)
"""

KINDS: Final = {
    "folder": Kind("detached process and folder", (_PROCESSES, _FOLDER)),
    "by-itself": Kind(
        "the same by `with` and `%resources open`",
        (_PROCESSES, _FOLDER, _BY_ITSELF),
        by_itself=True,
    ),
    "late": Kind("the same, 2 s late", (_PROCESSES, _LATE), set_up=LATE + 2 * STEP),
    "careless": Kind(
        "the same by a relative path, with a pipe and helpers", (_PROCESSES, _STOP, _CARELESS)
    ),
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
    "outside": Kind(
        "process and folder outside the container",
        ("CLEANUP = 3 * STEP", _OUTSIDE),
        set_up=3 * LONG_STEP,
        cleanup=3 * LONG_STEP,
        step=LONG_STEP,
        outside=True,
    ),
    "by-kind": Kind(
        "a folder, by kind",
        (_BY_KIND.format("Folder"),),
        use="Thing(TRIAL, STEP)",
        by_kind=True,
    ),
    "outside-by-kind": Kind(
        "outside the container, by kind",
        (_BY_KIND.format("Outside"),),
        use="Thing(TRIAL, STEP)",
        set_up=3 * LONG_STEP,
        cleanup=3 * LONG_STEP,
        step=LONG_STEP,
        outside=True,
        by_kind=True,
    ),
}
