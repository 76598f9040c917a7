"""What resnb and its peers leave behind when the same notebook ends: one table in Markdown.

    python -m benchmarks.leaks [--python NAME=PROGRAM ...], of prefect1, prefect3 and airflow

A pretend machine, a folder and a process in a session of its own, takes 0.6 s to create, to use and
to delete. At a random moment of each the kernel ends. Where it lives on (an error, an interrupt) it
is shut down afterwards. What is left is counted from outside. Only resnb has somebody who comes
next: where the whole pod is killed, `resnb sweep` runs in another one, with the same home.

A peer is tried with the interpreter that is named for it, which needs ipykernel; one without is
left out. Prefect 3 starts a server for each kernel, unless PREFECT_API_URL names one; Airflow's
DAG is run in the kernel by its `test`, as one does in a notebook.
"""

import argparse
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from jupyter_client.manager import KernelManager

from benchmarks.crash.fronts import Client
from benchmarks.crash.truth import Truth, kill
from benchmarks.crash.waiting import TrialError, pause, wait_for

from .peers import ATEXIT, PARTS, PEERS, RESNB, Peer

LENGTH: Final = 0.6
"""Seconds of each moment."""
SETTLED: Final = 4.0
"""Seconds after which nobody cleans up any more."""
PATIENCE: Final = 20.0
"""Seconds that clean-ups may take where somebody does."""
MOMENTS: Final = ("set-up", "use", "clean-up")


class Kernel(Client):
    """A kernel of any interpreter; in a pid namespace of its own, as in a pod, if `pod`.

    Attributes:
        begun: the request of the cell that the trial is about.
    """

    begun: str

    def __init__(self, folder: Path, python: str, *, pod: bool) -> None:
        self.manager = KernelManager(
            kernel_name="python3", transport="ipc", connection_file=str(folder / "kernel.json")
        )
        unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = self.manager.kernel_spec
        if spec is None:
            raise TrialError("there is no kernel called python3")
        spec.argv = [*(unshare if pod else ()), *command]
        environment = {
            **os.environ,
            "RESNB_HOME": str(folder / "home"),
            "IPYTHONDIR": str(folder / "ipython"),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "100",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self._log = (folder / "kernel.log").open("w")  # stays open for a restart
        self.manager.start_kernel(
            cwd=str(folder), env=environment, stdout=self._log, stderr=self._log
        )
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        """Its process."""
        return int(self.manager.provisioner.pid)  # type: ignore[union-attr]

    def close(self) -> None:
        """End it, however it is."""
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.hang_up()
        self._log.close()


def shut_down_after(act: Callable[[Kernel, Path], object]) -> Callable[[Kernel, Path], object]:
    """An end that the kernel outlives, and its shutdown when the cell has ended."""

    def both(kernel: Kernel, folder: Path) -> None:
        act(kernel, folder)
        kernel.finish(kernel.begun)
        kernel.manager.shutdown_kernel()

    return both


def signalled(number: int) -> Callable[[Kernel, Path], object]:
    """The end by a signal."""
    return lambda kernel, _: kill(kernel.pid, number)


def terminated(kernel: Kernel, folder: Path) -> None:
    """The end by SIGTERM; Airflow takes it for the end of a task, and the kernel lives on."""
    signalled(signal.SIGTERM)(kernel, folder)
    try:
        wait_for(lambda: not kernel.manager.is_alive(), "the end", 10)
    except TrialError:
        kernel.finish(kernel.begun)
        kernel.manager.shutdown_kernel()


ENDS: Final[dict[str, Callable[[Kernel, Path], object]]] = {
    "error": shut_down_after(lambda _, folder: (folder / "raise").touch()),
    "Ctrl-C": shut_down_after(lambda kernel, _: kernel.manager.interrupt_kernel()),
    "shutdown": lambda kernel, _: kernel.manager.shutdown_kernel(),
    "restart": lambda kernel, _: kernel.manager.restart_kernel(),
    "SIGTERM": terminated,
    "`kill -9`": signalled(signal.SIGKILL),
    "crash": lambda _, folder: (folder / "exit").touch(),
    "pod killed": signalled(signal.SIGKILL),
}
POD: Final = "pod killed"


def leaks(peer: Peer, python: str, end: str, moment: str, seed: str) -> bool | None:
    """Whether a trial leaves something behind; None if the trial itself goes wrong."""
    folder, tag = Path(tempfile.mkdtemp(prefix="resnb-leaks-")), f"thing-{uuid.uuid4().hex}"
    truth = Truth(folder, tag)
    try:
        (folder / "parts.py").write_text(PARTS.format(trial=str(folder), tag=tag, step=LENGTH / 3))
        kernel = Kernel(folder, python, pod=end == POD)
        try:
            head = f"import sys; sys.path.insert(0, {str(folder)!r})\nfrom parts import *"
            kernel.run(head + "\nthreading.Thread(target=leave, daemon=True).start()")
            kernel.begun = kernel.send(peer.cell)
            if (peer.cell, moment) == (ATEXIT, "clean-up"):  # it begins with the kernel's end
                wait_for((folder / "use").exists, "use", 120)
                pause(2 * LENGTH)
            else:
                wait_for((folder / moment).exists, moment, 120)
            pause(random.Random(seed).random() * LENGTH)  # noqa: S311 - no secret
            ENDS[end](kernel, folder)
            wait_for(lambda: end == "restart" or not kernel.manager.is_alive(), "the end", 30)
            if peer.cell is RESNB and end == POD:
                command = [sys.executable, "-m", "resnb", "sweep"]
                home = {**os.environ, "RESNB_HOME": str(folder / "home")}
                subprocess.run(command, env=home, check=False, capture_output=True, timeout=120)
            left = still_there(truth, PATIENCE if peer.cell is RESNB else SETTLED)
            said = "left behind" if left else "gone"
            print(f"{peer.title}, {end}, {moment}: {said}", file=sys.stderr, flush=True)
            return left
        finally:
            kernel.close()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the others go on
        print(f"{peer.title}, {end}, {moment}: {type(error).__name__}: {error}", file=sys.stderr)
        return None
    finally:
        truth.remove()
        shutil.rmtree(folder, ignore_errors=True)


def still_there(truth: Truth, seconds: float) -> bool:
    """Whether something is left after `seconds`."""
    pause(SETTLED)
    try:
        wait_for(lambda: not truth.left(), "clean-ups", max(0.1, seconds - SETTLED))
    except TrialError:
        return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if resnb has left something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PROGRAM")
    parser.add_argument("--peers", default="", help="only those whose names have this text")
    parser.add_argument("--trials", type=int, default=2, help="for each end and moment")
    parser.add_argument("--kernels", type=int, default=3, help="how many live at the same time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    pythons = {"resnb": sys.executable, **dict(one.split("=", 1) for one in options.python)}
    named = options.peers.lower()
    peers = [one for one in PEERS if one.python in pythons and named in one.title.lower()]
    trials = list(itertools.product(peers, ENDS, MOMENTS, range(options.trials)))
    random.Random(options.seed).shuffle(trials)  # noqa: S311 - no secret
    with ThreadPoolExecutor(options.kernels) as pool:
        found = pool.map(
            lambda one: leaks(one[0], pythons[one[0].python], one[1], one[2],
                              f"{options.seed} {one[0].title} {one[1:]}"),
            trials,
        )  # fmt: skip
        results = dict(zip(trials, found, strict=True))
    print(f"| left behind / trials | {' | '.join(ENDS)} | all |")
    print(f"|---|{'--:|' * (len(ENDS) + 1)}")
    for peer in peers:
        counts = [
            [left for trial, left in results.items()
             if trial[0] == peer and trial[1] in ends and left is not None]
            for ends in (*((end,) for end in ENDS), tuple(ENDS))
        ]  # fmt: skip
        cells = " | ".join(f"{sum(one)}/{len(one)}" for one in counts)
        print(f"| {peer.title} | {cells} |")
    return int(any(left for trial, left in results.items() if trial[0].cell is RESNB))


if __name__ == "__main__":
    sys.exit(main())
