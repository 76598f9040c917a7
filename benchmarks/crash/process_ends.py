"""The ends of processes: every way in which a kernel ends, or a cell of it breaks off."""

import signal
from typing import Final

from .fronts import nbconvert, nbval
from .scene import Act, End, Scene, sweep
from .shared import store_of
from .truth import kill
from .waiting import pause, wait_for

BETWEEN: Final = 0.25
"""Seconds between two signals that belong together."""


def signalled(*numbers: int) -> Act:
    """Send signals to the kernel, the later ones a moment after the first."""

    def act(scene: Scene) -> None:
        for number in numbers:
            if number != numbers[0]:
                pause(BETWEEN)
            kill(scene.kernel, number)

    return act


def twice_interrupted(scene: Scene) -> None:
    """Two Ctrl-C, as an impatient user's."""
    scene.front.manager.interrupt_kernel()
    pause(BETWEEN)
    scene.front.manager.interrupt_kernel()


def raised(name: str) -> Act:
    """Let the user's code raise an error at its next step; an idle kernel has a cell for it."""

    def act(scene: Scene) -> None:
        draft = scene.folder / "raise-draft"
        draft.write_text(name, encoding="utf-8")
        draft.rename(scene.folder / "raise")

    return act


def with_its_reaper(scene: Scene) -> None:
    """Kill the kernel and its reaper at once."""
    for pid in (*scene.truth.reapers(), scene.kernel):
        kill(pid)


def reaper_first(scene: Scene) -> None:
    """Kill the reaper; and the kernel when it has another one, or holds nothing any more."""
    killed = set(scene.truth.reapers())
    for pid in killed:
        kill(pid)
    store = store_of(scene.folder)
    wait_for(lambda: set(scene.truth.reapers()) - killed or not store.alive(), "another reaper")
    pause(1.0)
    kill(scene.kernel)


def reaper_at_work(scene: Scene) -> None:
    """Kill the kernel, and its reaper while that is cleaning up."""
    kill(scene.kernel)
    pause(2 * BETWEEN)
    for pid in scene.truth.reapers():
        kill(pid)


def server_killed(scene: Scene) -> None:
    """Kill the server, which is the kernel's parent."""
    scene.front.process.kill()


EXIT_NOW: Final = """
os.mkfifo(TRIAL + "/go")
armed(TRIAL + "/go", lambda: os._exit(1))
"""
SEGFAULT: Final = """
import ctypes
os.mkfifo(TRIAL + "/go")
armed(TRIAL + "/go", lambda: ctypes.string_at(0))
"""

PROCESS_ENDS: Final[dict[str, End]] = {
    "shutdown": End(lambda scene: scene.front.manager.shutdown_kernel()),
    "restart": End(lambda scene: scene.front.manager.restart_kernel()),
    "shutdown now": End(lambda scene: scene.front.manager.shutdown_kernel(now=True)),
    "SIGTERM": End(signalled(signal.SIGTERM)),
    "SIGHUP": End(signalled(signal.SIGHUP)),
    "SIGKILL": End(signalled(signal.SIGKILL)),
    "SIGSTOP then SIGKILL": End(signalled(signal.SIGSTOP, signal.SIGKILL)),
    "os._exit": End(lambda scene: scene.tell("go"), armed=EXIT_NOW),
    "segfault": End(lambda scene: scene.tell("go"), armed=SEGFAULT),
    "exit() in a cell": End(lambda scene: scene.front.send("exit()"), background=True),
    "sys.exit()": End(raised("SystemExit"), lives=True),
    "MemoryError": End(raised("MemoryError"), lives=True),
    "interrupt": End(lambda scene: scene.front.manager.interrupt_kernel(), lives=True),
    "two interrupts": End(twice_interrupted, lives=True),
    "nbclient: end": End(front="program", last="# the end"),
    "nbclient: error": End(front="program", last="1 / 0"),
    "nbclient: timeout": End(front="program", timed=True),
    "nbclient killed": End(lambda scene: scene.front.process.kill(), front="program"),
    "nbconvert: error": End(front="program", command=nbconvert, last="1 / 0"),
    "nbval: end": End(front="program", command=nbval, last="# the end"),
    "server killed": End(server_killed, front="served"),
    "server: restart": End(lambda scene: scene.front.restart(), front="served"),
    "server: shutdown": End(lambda scene: scene.front.delete(), front="served"),
    "reaper killed before kernel": End(reaper_first),
    "kernel and reaper killed then sweep": End(with_its_reaper, successor=sweep),
    "reaper killed at work then sweep": End(reaper_at_work, successor=sweep),
}
