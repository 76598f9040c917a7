"""What the server's extension costs, and how soon it acts.

    python benchmarks/server.py [--seconds 30] [--repeat 40] [--ends 10]

CPU when idle, time from a lease to its message, lists, and the time from the end of a kernel and
its reaper to the claim of another process.

A real Jupyter server in a process of its own; leases are opened by a process that holds them like
a kernel does. The CPU is what the system has counted for all threads of the server.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import websocket

from resnb.ids import LeaseId
from resnb.ledger.owner import this_process
from resnb.ledger.record import Environment, LeaseRecord
from resnb.ledger.store.store import Store

MANY = 1000
PATIENCE = 60.0
KERNEL = """
import sys, time
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.kernel.request import LeaseRequest

class Thing:
    def setup(self):
        return "thing"
    def cleanup(self, thing):
        pass

for line in sys.stdin:
    lease = KEEPER.prepare(LeaseRequest("bench/thing", Thing(), LeaseThread()))
    lease.set_up()
    print(time.time(), KEEPER.book.reaper.pid, flush=True)
    sys.stdin.readline()
    lease.close()
    print("closed", flush=True)
"""
T = TypeVar("T")
_never = threading.Event()


class Server:
    """A Jupyter server."""

    def __init__(self, folder: Path, *, extension: bool) -> None:
        self.token, self._runtime = secrets.token_hex(8), folder / "runtime"
        own = {
            "RESNB_HOME": str(folder / "ledger"),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_TOKEN": self.token,
        }
        self.process = subprocess.Popen(  # noqa: TID251 - ended by `close`
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
             "--ip=127.0.0.1", "--port=0", "--log-level=CRITICAL",
             f"--ServerApp.jpserver_extensions={{'resnb': {extension}}}",
             f"--ServerApp.root_dir={folder}"],
            env={**os.environ, **own}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.port = wait_for(self._found_port)

    def _found_port(self) -> int:
        for path in self._runtime.glob("jpserver-*.json"):
            text = path.read_text(encoding="utf-8")
            return int(json.loads(text)["port"]) if text else 0
        return 0

    def cpu(self) -> float:
        """Seconds of the processor that all its threads have had."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text(encoding="ascii").split()[0]) for one in tasks) / 1e9

    def busy(self, seconds: float) -> float:
        """Per cent of a core in the next `seconds`."""
        before, began = self.cpu(), time.monotonic()
        _never.wait(seconds)
        return 100 * (self.cpu() - before) / (time.monotonic() - began)

    def list(self) -> bytes:
        """The list of leases."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/resnb/api/leases",
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - likewise
            return bytes(answer.read())

    def stream(self) -> websocket.WebSocket:
        """A stream; the caller closes it."""
        return websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/resnb/api/stream",
            header={"Authorization": f"token {self.token}"},
            timeout=PATIENCE,
        )

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


@contextmanager
def server(folder: Path, *, extension: bool = True) -> Iterator[Server]:
    """A server that has come to rest."""
    found = Server(folder, extension=extension)
    try:
        wait_for(lambda: found.busy(2.0) < 1.0)
        yield found
    finally:
        found.close()


def wait_for(condition: Callable[[], T]) -> T:
    """Look until `condition` holds; gives what it gave."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError
        _never.wait(0.05)
    return found


def idle(seconds: float) -> None:
    """Print what it costs when nothing happens."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Store(Path(folder, "ledger")), 20)
        with server(Path(folder), extension=False) as one:
            row("CPU of the server without the extension, %", one.busy(seconds))
        with server(Path(folder)) as one:
            row("CPU with it, nobody looks, %", one.busy(seconds))
            stream = one.stream()
            stream.recv()
            row("CPU with it, a stream is open, 20 leases, %", one.busy(seconds), "0.1 more")
            stream.close()


def latency(repeat: int) -> None:
    """Print how soon a lease that was opened is told."""
    chance, found = random.Random(1), []  # noqa: S311 - when to open the next one
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder, "ledger")
        kernel = subprocess.Popen(  # noqa: TID251 - ends with its input
            [sys.executable, "-c", KERNEL],
            env={**os.environ, "RESNB_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert kernel.stdin is not None
        assert kernel.stdout is not None
        with server(Path(folder)) as one, kernel:
            stream = one.stream()
            for _ in range(repeat):
                _never.wait(chance.random())
                print("open", file=kernel.stdin, flush=True)
                opened = float(kernel.stdout.readline().split()[0])
                until(stream, "open")
                found.append(1e3 * (time.time() - opened))
                print("close", file=kernel.stdin, flush=True)
                kernel.stdout.readline()
                until(stream, "")
            stream.close()
            kernel.stdin.close()
    row("from a lease that is open to its message, median, ms", statistics.median(found))
    row("the same, worst, ms", max(found), "1,000")


def noticed(repeat: int) -> None:
    """Print how soon a lease is claimed whose kernel was killed together with its reaper."""
    found = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = Store(Path(folder, "ledger"))
        with server(Path(folder)):
            for _ in range(repeat):
                kernel = subprocess.Popen(  # noqa: TID251 - killed below
                    [sys.executable, "-c", KERNEL],
                    env={**os.environ, "RESNB_HOME": str(store.home)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert kernel.stdin is not None
                assert kernel.stdout is not None
                with kernel:
                    print("open", file=kernel.stdin, flush=True)
                    reaper = int(kernel.stdout.readline().split()[1])
                    os.kill(reaper, signal.SIGKILL)
                    kernel.kill()
                began = time.monotonic()
                wait_for(lambda: [one.state for one in store.alive()] != ["open"])
                found.append(time.monotonic() - began)
                wait_for(lambda: not store.alive())
    row("kill -9 of a kernel and its reaper to the claim, median, s", statistics.median(found))
    row("the same, worst, s", max(found), "7")


def until(stream: websocket.WebSocket, state: str) -> None:
    """Read until the only lease has this state; "" if there is to be none."""
    while True:
        leases = json.loads(stream.recv())["leases"]
        if "".join(one["state"] for one in leases) == state:
            return


def lists() -> None:
    """Print what lists take."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "ledger"))
        fill(store, MANY)
        with server(Path(folder)) as one:
            changed, again = [], []
            for number in range(10):
                store.change(LeaseId("0" * 32), reason=f"change {number}")
                changed.append(timed(one.list))
                again.append(timed(one.list))
            row(f"list of {MANY:,} leases after a change, ms", statistics.median(changed))
            row("the same again, ms", statistics.median(again))
            row("its size, KB", len(one.list()) / 1000)
            began = time.perf_counter()
            answers = asyncio.run(at_once(one))
            row(f"{MANY:,} such requests at once, all of them, s", time.perf_counter() - began)
            row("answered with 200", answers[200], f"{MANY:,}")


async def at_once(one: Server) -> Counter[int]:
    """Ask for the list many times at once; gives how often there was which status."""

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(
            f"GET /resnb/api/leases HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\n"
            f"Connection: close\r\nAuthorization: token {one.token}\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readline(), PATIENCE)
        while await reader.read(1 << 16):
            pass
        writer.close()
        return int(head.split()[1])

    return Counter(await asyncio.gather(*(ask() for _ in range(MANY))))


def timed(call: Callable[[], object]) -> float:
    """How long a call takes, in milliseconds."""
    began = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - began)


def fill(store: Store, count: int) -> None:
    """Put open leases of this process into a ledger."""
    store.restore(
        LeaseRecord(
            LeaseId(f"{number:032x}"), f"bench/{number}", "open", this_process(), "/notebooks", "",
            Environment("", "", (), "", ()), b"recipe", b"handle", created=float(number),
        )
        for number in range(count)
    )  # fmt: skip


def row(what: str, value: float, budget: str = "") -> None:
    """Print one figure."""
    print(f"| {what} | {value:,.2f} | {budget} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--ends", type=int, default=10)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}\n\n| | | budget |\n|---|--:|--:|")
    idle(options.seconds)
    latency(options.repeat)
    noticed(options.ends)
    lists()


if __name__ == "__main__":
    main()
