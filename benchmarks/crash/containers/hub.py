"""A real JupyterHub for one trial, with one user, whose server runs in a pod of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.crash.engine import NoEngineError, script
from benchmarks.crash.waiting import TrialError, wait_for

SCRIPT: Final = "jupyterhub"
INSTALLED: Final = Path(__file__).parents[3] / "build" / "hub"
"""Where the hub is installed; it also finds the packages of the environment that resnb is in."""
USER: Final = "u"


class Hub:
    """A hub.

    Attributes:
        shared: its user's home, which outlives every pod.
        runtime: the folder of its servers' connection files.

    Raises:
        NoEngineError: there is no script that starts one.
    """

    def __init__(self) -> None:
        self._script = script(SCRIPT)
        self._folder = Path(tempfile.mkdtemp(prefix="rh-"))
        self.shared = self._folder / "homes" / USER
        self.shared.mkdir(parents=True)
        self.runtime = self.shared / ".local" / "share" / "jupyter" / "runtime"
        self._url = self._token = ""

    def configure(self, lines: Sequence[str]) -> None:
        """Configure the user's servers."""
        file = self.shared / ".jupyter" / "jupyter_server_config.py"
        file.parent.mkdir()
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def start(self) -> None:
        """Start the hub; again, after it has stopped.

        Raises:
            TrialError: it does not start.
        """
        done = subprocess.run(
            [self._script, "start", self._folder, "pod"],
            capture_output=True, text=True, check=False, timeout=120, env=_environment(),
        )  # fmt: skip
        if done.returncode != 0:
            message = f"the hub does not start: {done.stderr}"
            raise TrialError(message)
        words = done.stdout.split()[1:]  # export HUB_URL=... HUB_TOKEN=...
        said = dict(word.split("=", 1) for word in words)
        self._url, self._token = said["HUB_URL"], said["HUB_TOKEN"]
        with suppress(urllib.error.HTTPError):  # the user is there after a second start
            self.ask("POST", f"/hub/api/users/{USER}")

    def start_server(self, limit: float = 90.0) -> None:
        """Start the user's server, and wait until it is ready.

        Raises:
            TrialError: it is not ready in time.
        """
        self.ask("POST", f"/hub/api/users/{USER}/server")
        wait_for(self._is_ready, "the hub's server", limit)

    def start_kernel(self) -> str:
        """Start a kernel in the user's server; gives its id."""
        return str(self.ask("POST", f"/user/{USER}/api/kernels")["id"])

    def stop_server(self) -> None:
        """Stop the user's server by the hub's API."""
        self.ask("DELETE", f"/hub/api/users/{USER}/server")

    def kill_server(self) -> None:
        """Kill the user's pod whole, and wait until the hub has noticed."""
        state = self.ask("GET", f"/hub/api/users/{USER}")["servers"][""]["state"]
        os.kill(state["pid"], signal.SIGKILL)
        self._wait_until_stopped()

    def cull(self) -> None:
        """Have the idle culler, the program that hubs use, stop the user's server.

        Raises:
            TrialError: the program did not stop it.
        """
        culler = subprocess.Popen(
            [INSTALLED / "bin" / "python", "-m", "jupyterhub_idle_culler", "--timeout=1",
             "--cull-every=1", f"--url={self._url}/hub/api"],
            env={**_environment(), "JUPYTERHUB_API_TOKEN": self._token},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self._wait_until_stopped()
        finally:
            culler.kill()
            culler.wait()

    def _is_ready(self) -> bool:
        servers = self.ask("GET", f"/hub/api/users/{USER}")["servers"]
        return bool(servers.get("", {}).get("ready"))

    def _wait_until_stopped(self) -> None:
        wait_for(
            lambda: not self.ask("GET", f"/hub/api/users/{USER}")["servers"], "the server's end", 60
        )

    def stop(self) -> None:
        """Stop the hub, its proxy and its servers."""
        subprocess.run(
            [self._script, "stop", self._folder], capture_output=True, check=False, timeout=120
        )

    def log(self) -> str:
        """What hub and servers have printed."""
        file = self._folder / "hub.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def remove(self) -> None:
        """Stop all, and remove the folder."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, method: str, path: str) -> Any:
        """Ask the hub, or the server behind it."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._url + path, method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310 - likewise
            return json.loads(answer.read() or b"{}")


def check() -> None:
    """Check that a hub can be started here; installs one the first time.

    Raises:
        NoEngineError: it cannot; the message says why.
    """
    script(SCRIPT)
    if os.geteuid() != 0:
        message = "a hub that starts its servers in namespaces needs root"
        raise NoEngineError(message)
    if (INSTALLED / "done").exists():
        return
    try:
        venv.create(INSTALLED, with_pip=False, clear=True)
        for folder in (INSTALLED / "lib").glob("python*/site-packages"):
            packages = [one for one in sys.path if one.endswith("site-packages")]
            beside = [str(INSTALLED.parents[1]), *packages]  # resnb itself is in the first
            (folder / "beside.pth").write_text("\n".join(beside) + "\n", encoding="utf-8")
        _install(sys.executable, "-m", "pip", "--python", INSTALLED / "bin" / "python", "install",
                 "-q", "jupyterhub", "jupyterhub-idle-culler")  # fmt: skip
        _install("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix",
                 INSTALLED / "npm", "configurable-http-proxy")  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        message = f"a hub cannot be installed: {error}"
        raise NoEngineError(message) from None
    (INSTALLED / "done").touch()


def _install(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def _environment() -> dict[str, str]:
    """The hub's environment."""
    proxy = INSTALLED / "npm" / "node_modules" / ".bin"
    return {
        **os.environ,
        "HUB_PYTHON": str(INSTALLED / "bin" / "python"),
        "PATH": f"{proxy}{os.pathsep}{os.environ['PATH']}",
    }
