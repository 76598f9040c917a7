"""The front ends that start a trial's kernel: a client, a server, programs that run notebooks.

A front end runs cells; with the first ones it brings the kernel to the trial's moment.
"""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

from . import shared
from .waiting import TrialError, wait_for

Environment = dict[str, str]


def close_loop() -> None:
    """Close the event loop that jupyter_client has made for this thread."""
    ensure_event_loop().close()


class Client:
    """Sends cells to a kernel."""

    client: BlockingKernelClient

    def pid_of(self, pid: int) -> int:
        """The pid on this machine of the process that is `pid` to the kernel."""
        return pid

    def hang_up(self) -> None:
        """Close the client, and its event loop."""
        self.client.stop_channels()
        self.client.context.destroy(linger=0)
        close_loop()

    def send(self, source: str) -> str:
        """Begin a cell; gives the request's id.

        An error aborts what comes within the next moment, unless one asks for the contrary.
        """
        asked = self.client.execute(
            source.strip("\n"), store_history=False, allow_stdin=False, stop_on_error=False
        )
        return str(asked)

    def finish(self, request: str, limit: float = 60.0) -> str:
        """Wait for a cell to end; gives "ok", or the error's name and message."""
        deadline = time.monotonic() + limit
        while True:
            try:
                reply = self.client.get_shell_msg(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                message = f"a cell did not end within {limit:g} s"
                raise TrialError(message) from None
            if reply["parent_header"].get("msg_id") == request:
                content = reply["content"]
                ok = content["status"] == "ok"
                return "ok" if ok else f"{content.get('ename')}: {content.get('evalue')}"

    def run(self, source: str) -> None:
        """Run a cell that succeeds."""
        said = self.finish(self.send(source))
        if said != "ok":
            message = f"a cell failed with {said}:\n{source}"
            raise TrialError(message)


class Managed(Client):
    """A kernel that this process manages by jupyter_client."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.manager = KernelManager(
            kernel_name="python3", transport="ipc", connection_file=str(folder / "kernel.json")
        )
        with ExitStack() as opened:  # a kernel that does not come up is ended, too
            log = opened.enter_context((folder / "kernel.log").open("w"))
            opened.callback(close_loop)  # once nothing needs it
            opened.callback(self._end_kernel)
            self.manager.start_kernel(cwd=str(folder), env=environment, stdout=log, stderr=log)
            self.client = self.manager.blocking_client()
            opened.callback(self.hang_up)
            self.client.start_channels()
            self.client.wait_for_ready(timeout=60)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """End the client, and the kernel if there is one still."""
        self._opened.close()

    def _end_kernel(self) -> None:
        with suppress(ProcessLookupError, RuntimeError):
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


class Served(Client):
    """A kernel of a real Jupyter server, started over REST."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self._token, runtime = secrets.token_hex(8), folder / "runtime"
        own = {
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_TOKEN": self._token,
        }
        with ExitStack() as opened:  # a server that does not come up is ended, too
            log = opened.enter_context((folder / "server.log").open("w"))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
                 "--ip=127.0.0.1", "--port=0", "--ServerApp.jpserver_extensions={}",
                 f"--ServerApp.root_dir={folder}", "--KernelManager.transport=ipc"],
                cwd=folder, env={**environment, **own}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            opened.callback(self._end_server)
            self._url = wait_for(lambda: self._found_url(runtime), "the server")
            self._kernel = str(wait_for(self._started, "the server to answer")["id"])
            connection = runtime / f"kernel-{self._kernel}.json"
            wait_for(connection.exists, "the connection file")
            self.client = BlockingKernelClient(connection_file=str(connection))
            opened.callback(self.hang_up)
            self.client.load_connection_file()
            self.client.start_channels()  # the first cell waits; a heartbeat may be late
            self._opened = opened.pop_all()

    def restart(self) -> None:
        """Have the server restart the kernel."""
        self._ask("POST", f"/api/kernels/{self._kernel}/restart")

    def delete(self) -> None:
        """Have the server shut the kernel down."""
        self._ask("DELETE", f"/api/kernels/{self._kernel}")

    def close(self) -> None:
        """End the client and the server."""
        self._opened.close()

    def _end_server(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.process.kill()
        self.process.wait()

    def _found_url(self, runtime: Path) -> str:
        for path in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):
                return str(json.loads(path.read_text(encoding="utf-8"))["url"]).rstrip("/")
        return ""

    def _started(self) -> dict[str, Any]:
        try:
            return self._ask("POST", "/api/kernels")
        except OSError:
            return {}

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._url + path, method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
            return dict(json.loads(answer.read() or b"{}"))


NBCLIENT = """
import sys, nbclient, nbformat
path, timeout = sys.argv[1], float(sys.argv[2])
nbclient.NotebookClient(
    nbformat.read(path, 4),
    timeout_func=lambda cell: timeout if "timeout" in cell.metadata.get("tags", ()) else None,
    kernel_name="python3",
).execute()
"""
Command = Callable[[str, float], Sequence[str]]


def nbclient(path: str, timeout: float) -> list[str]:
    """A program that runs a notebook by nbclient; the last cell has a time limit, 0 for none."""
    return [sys.executable, "-c", NBCLIENT, path, str(timeout)]


def nbconvert(path: str, _: float) -> list[str]:
    """``jupyter nbconvert --execute``."""
    return [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook",
            "--output", "done", path]  # fmt: skip


def nbval(path: str, _: float) -> list[str]:
    """Pytest with nbval."""
    return [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:asyncio", "-p",
            "no:cacheprovider", "-q", "--rootdir", str(Path(path).parent), path]  # fmt: skip


class Program:
    """A program that runs a notebook and ends its kernel."""

    def __init__(
        self, folder: Path, environment: Environment, cells: Sequence[str], command: Sequence[str]
    ) -> None:
        book = nbformat.v4.new_notebook()
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        book.cells = [nbformat.v4.new_code_cell(cell.strip("\n")) for cell in cells]
        for number, cell in enumerate(book.cells):
            cell["id"] = f"cell-{number}"
        book.cells[-1].metadata["tags"] = ["timeout"]
        nbformat.write(book, folder / "trial.ipynb")
        self._log = (folder / "program.log").open("w")
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=self._log, stderr=self._log,
            start_new_session=True,
        )  # fmt: skip

    def pid_of(self, pid: int) -> int:
        """The process that the kernel says it is, as this one sees it: the same."""
        return pid

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._log.close()


def python() -> str:
    """The interpreter that trials run."""
    return sys.executable


def environment_of(folder: Path, home: str = "home") -> Environment:
    """The environment of a trial's processes: a ledger and a profile of their own."""
    path = (Path(__file__).parents[2], Path(__file__).parent / "kind_package")
    own = {
        "RESNB_HOME": str(folder / home),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONWARNINGS": "ignore",
        "RESNB_LEDGER": shared.url_of(folder),
    }
    return {**os.environ, **own}
