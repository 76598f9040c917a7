"""Front ends whose kernels run in containers: a Jupyter server of its own, or one of a hub.

The box or hub ends the containers, so closing a front end only closes its client.
"""

import json
import os
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from benchmarks.crash.fronts import Client, python
from benchmarks.crash.waiting import TrialError, wait_for

from .box import Box
from .hub import Hub

STARTS_WITHIN = 60.0
OWN = ("RESNB_HOME", "IPYTHONDIR", "PYTHONPATH", "PYTHONWARNINGS", "RESNB_LEDGER")
"""The variables of a trial that its containers get."""
SERVER = """
import sys, threading
from jupyter_server.serverapp import main

def eat_when_told(path):
    with open(path) as pipe:
        pipe.read()
    blocks = []
    while True:
        blocks.append(b"x" * 2**26)

threading.Thread(target=eat_when_told, args=(sys.argv.pop(1),), daemon=True).start()
main()
"""
"""A Jupyter server that, once told to, takes more and more memory."""


class _Inside(Client):
    """A kernel in its own pid namespace, with its files in a shared folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pid_of(self, pid: int) -> int:
        """The pid on this machine of a process that has `pid` in the container.

        Raises:
            TrialError: there is no such process.
        """
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                environment = (status.parent / "environ").read_bytes().split(b"\0")
                lines = status.read_text(encoding="utf-8").splitlines()
                inside = next(line for line in lines if line.startswith("NSpid:")).split()[1:]
                is_ours = f"HOME={self.folder}".encode() in environment
                if is_ours and inside[-1] == str(pid):
                    return int(status.parent.name)
        message = f"no process here is {pid} in the container"
        raise TrialError(message)

    def close(self) -> None:
        """Close the client."""
        self.hang_up()

    def connect(self, connection: Path) -> None:
        """Talk to the kernel of a connection file."""
        wait_for(connection.exists, "the connection file")
        self.client = BlockingKernelClient(connection_file=str(connection))
        self.client.load_connection_file()
        self.client.start_channels()  # the first cell waits for the kernel; a heartbeat may be late


class Boxed(_Inside):
    """A kernel of a Jupyter server that is the first process of a container.

    Args:
        box: starts the container.
        environment: of a trial's processes.
        name: the container's.
        options: for ``podman run``.
        settings: for the server.
        extension: whether the server has resnb's extension.
        before: what to put in front of the server's command.
    """

    def __init__(
        self,
        box: Box,
        environment: dict[str, str],
        name: str = "first",
        *,
        options: Sequence[str] = (),
        settings: Sequence[str] = (),
        extension: bool = True,
        before: Sequence[str] = (),
    ) -> None:
        super().__init__(box.shared)
        self.box, self.name = box, name
        self._runtime = box.shared / name
        self._token = "inside"  # noqa: S105 - for a server on loopback that lives for seconds
        own = {key: value for key, value in environment.items() if key in OWN}
        own["JUPYTER_RUNTIME_DIR"] = str(self._runtime)
        own["JUPYTER_CONFIG_DIR"] = str(box.shared / "config")
        own["JUPYTER_NO_CONFIG"] = "1"
        own["JUPYTER_TOKEN"] = self._token
        os.mkfifo(self.folder / f"{name}-eats")
        command = [
            *before, python(), "-c", SERVER, f"{self.folder}/{name}-eats", "--no-browser",
            "--allow-root", "--ip=127.0.0.1", "--port=0", "--KernelManager.transport=ipc",
            f"--ServerApp.jpserver_extensions={{'resnb': {extension}}}", *settings,
        ]  # fmt: skip
        box.start(name, command, own, options)
        self._url = wait_for(self._found_url, "the server in the container", STARTS_WITHIN)

    def begin(self) -> None:
        """Have the server start a kernel, and talk to it."""
        kernel = wait_for(self._started, "the server to answer", STARTS_WITHIN)["id"]
        self.connect(self._runtime / f"kernel-{kernel}.json")

    def log(self) -> str:
        """What the server has printed."""
        return self.box.logs(self.name)

    def _found_url(self) -> str:
        for path in self._runtime.glob("jpserver-*.json"):
            with suppress(ValueError):
                return str(json.loads(path.read_text(encoding="utf-8"))["url"]).rstrip("/")
        return ""

    def _started(self) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self._url}/api/kernels",
            method="POST",
            headers={"Authorization": f"token {self._token}"},
        )
        with suppress(OSError), urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return dict(json.loads(answer.read()))
        return {}


class Hubbed(_Inside):
    """A kernel of a server that a hub has started in a pod.

    Args:
        hub: the hub; not yet started.
        environment: of a trial's processes.
        settings: lines of the server's configuration.
    """

    def __init__(self, hub: Hub, environment: dict[str, str], settings: Sequence[str] = ()) -> None:
        super().__init__(hub.shared)
        self.hub = hub
        hub.configure(
            [
                "import os",
                *(f"os.environ[{key!r}] = {environment[key]!r}" for key in OWN),
                "c.ServerApp.jpserver_extensions = {'resnb': True}",
                *settings,
            ]
        )
        hub.start()
        hub.start_server()

    def begin(self) -> None:
        """Have the server start a kernel, and talk to it."""
        kernel = self.hub.start_kernel()
        self.connect(self.hub.runtime / f"kernel-{kernel}.json")

    def log(self) -> str:
        """What hub and server have printed."""
        return self.hub.log()
