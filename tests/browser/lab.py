"""A real JupyterLab, and Notebook 7 on the same server, with a real browser before them.

Notebooks are opened, cells run, views looked at.
"""

import http.client
import json
import os
import re
import secrets
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import NamedTuple

import nbformat
from nbformat import v4
from nbformat.sign import NotebookNotary

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("RESNB_JUPYTER", sys.executable)
"""The Python whose JupyterLab is driven, in which the kernels run as well."""
LIMIT = 60.0
"""Seconds that anything in a browser may take."""
PORTS = 5
"""Number of ports that are tried: somebody else may take a free one before JupyterLab does."""

_CURRENT = "window.jupyterapp?.shell?.currentWidget"
_READY = f"""() => {{
  const context = {_CURRENT}?.context, session = context?.sessionContext, kernel = session?.session?.kernel;
  return context?.isReady && session?.isReady && kernel?.connectionStatus === 'connected'
    && kernel?.status === 'idle';
}}"""
_RECORD = """() => {
  window.resnbSeen = [];
  const look = () => {
    const words = [...document.querySelectorAll('.resnb .graph [role=button]')].map(
      (one) => one.getAttribute('aria-label'));
    const now = JSON.stringify(words);
    if (window.resnbSeen.at(-1) !== now) window.resnbSeen.push(now);
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true,
    attributeFilter: ['aria-label']});
  look();
}"""
_never = threading.Event()


class FrontEnd(NamedTuple):
    """What the two front ends differ in.

    Attributes:
        name: what it is called here.
        address: where a notebook is, given its name.
        noise: what it complains of by itself.
        tidy: what makes room for the notebook.
    """

    name: str
    address: str
    noise: frozenset = frozenset()
    tidy: str = "0"


_CANCELLED = re.compile(
    r"(Could not restore the debugger state: )?Canceled future for "
    r"(debug|history|kernel_info|comm_info|complete|inspect)_request message before replies were done"
)
"""What JupyterLab complains of when a kernel ends that it has just asked something."""
_NETWORK = "Failed to load resource: net::ERR_NETWORK_CHANGED"  # a container beside began or ended
_UNSAVED = "Cannot read properties of undefined (reading 'last_modified')"  # before 4.3
LAB = FrontEnd(
    "lab",
    "lab/tree/{}.ipynb?reset",
    frozenset({_NETWORK, _UNSAVED}),
    tidy="jupyterapp.shell.collapseLeft()",
)
NOTEBOOK_7 = FrontEnd(
    "notebook-7",
    "notebooks/{}.ipynb",
    frozenset(
        {
            "Cannot read properties of undefined (reading 'schema')",
            "Command 'filebrowser:open-path' not registered.",
            _NETWORK,
            _UNSAVED,
        }
    ),
)


class Server:
    """A JupyterLab server in a folder of its own.

    Args:
        folder: where it keeps everything.
        without: the front ends' extensions that it does not have.
    """

    def __init__(self, folder, without=()):
        self._data = folder / "data"
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        settings = folder / "config" / "labconfig"
        settings.mkdir(parents=True)
        news = {"fetchNews": "false", "checkForUpdates": False}
        quiet = {"@jupyterlab/apputils-extension:notification": news}
        (settings / "default_setting_overrides.json").write_text(json.dumps(quiet))
        disabled = {"disabledExtensions": dict.fromkeys(without, True)}
        (settings / "page_config.json").write_text(json.dumps(disabled))
        extensions = folder / "data" / "labextensions"  # as it was built last
        shutil.copytree(ROOT / "resnb" / "labextension", extensions / "resnb")
        ours = folder / "config" / "jupyter_server_config.d"  # as an installation does
        ours.mkdir()
        shutil.copy(ROOT / "jupyter-config" / "resnb.json", ours)
        self.token = secrets.token_hex(8)
        self._log = (folder / "server.log").open("w")
        options = {
            "--ServerApp.root_dir": self.notebooks,
            "--ServerApp.port_retries": 0,
            "--IdentityProvider.token": self.token,
            "--LabApp.user_settings_dir": folder / "settings",
            "--LabApp.workspaces_dir": folder / "workspaces",
        }
        self._command = [
            PYTHON, "-m", "jupyterlab", "--no-browser", "--allow-root",
            "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
            *(f"{name}={value}" for name, value in options.items()),
        ]  # fmt: skip
        self._folder = folder
        self._environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_PREFER_ENV_PATH": "0",
            "PYTHONPATH": str(ROOT),
        }
        for _ in range(PORTS):
            self._port = _free_port()
            self.url = f"http://127.0.0.1:{self._port}"
            self._launch()
            if self._answers():
                return
        self._log.close()
        raise AssertionError("JupyterLab has ended at each of its starts")

    def start(self):
        """Start it again, at the same address."""
        self._launch()
        assert self._answers(), "JupyterLab has ended"

    def _launch(self):
        self.process = Popen(
            [*self._command, f"--ServerApp.port={self._port}"],
            cwd=self._folder, env=self._environment, stdout=self._log, stderr=STDOUT,
        )  # fmt: skip

    def ask(self, method, path):
        """Ask the server as a program does."""
        pass_by_token = {"Authorization": f"token {self.token}"}
        asked = urllib.request.Request(f"{self.url}/{path}", method=method, headers=pass_by_token)
        with urllib.request.urlopen(asked) as answer:
            return json.loads(answer.read() or "null")

    def _answers(self):
        """Wait for its first answer; false if it has ended instead."""
        deadline = time.monotonic() + LIMIT
        while self.process.poll() is None:
            with suppress(OSError, http.client.HTTPException):
                urllib.request.urlopen(f"{self.url}/api", timeout=LIMIT).close()
                if self.process.poll() is None:  # else it was somebody else's answer
                    return True
            assert time.monotonic() < deadline, "JupyterLab has not started"
            _never.wait(0.1)
        return False

    def leases(self):
        """What is open, by name."""
        return {one["name"]: one for one in self.ask("GET", "resnb/api/leases")["leases"]}

    def end_kernels(self):
        """End all kernels, as a user does."""
        deadline = time.monotonic() + LIMIT
        left = meant = self._kernels()
        while left:
            for one in left:
                # the server refuses while it starts a kernel again whose process was killed
                with suppress(urllib.error.HTTPError):
                    self.ask("DELETE", f"api/kernels/{one}")
            left = meant & self._kernels()
            assert time.monotonic() < deadline, f"kernels are left: {left}"

    def _kernels(self):
        return {one["id"] for one in self.ask("GET", "api/kernels")}

    def clean_up(self):
        """End all leases, such as those that another test has kept."""
        deadline = time.monotonic() + LIMIT
        while left := self.leases():
            for one in left.values():
                with suppress(urllib.error.HTTPError):  # it is being cleaned up by now
                    self.ask("POST", f"resnb/api/leases/{one['id']}/cleanup")
            assert time.monotonic() < deadline, f"leases are left: {left}"
            _never.wait(0.3)

    def open_gates(self):
        """Let code in kernels pass wherever it waits for a test."""
        for one in self.notebooks.glob("*.shut"):
            one.unlink()

    def trust(self, path):
        """Let JupyterLab trust a notebook that was changed on the disk."""
        notary = NotebookNotary(data_dir=str(self._data))
        notary.sign(nbformat.read(path, as_version=4))
        notary.store.close()

    def stop(self):
        """End it, with its kernels."""
        self.process.terminate()
        self.process.wait()

    def close(self):
        self.stop()
        self._log.close()


def _free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Notebook:
    """A notebook in the browser.

    Args:
        page: the browser's page.
        server: the server.
        name: the notebook's name, without its ending.
        pictures: where screenshots go.
        front_end: what it is opened in.
    """

    def __init__(self, page, server, name, pictures, front_end=LAB):
        self.page, self.server, self.name, self.pictures = page, server, name, pictures
        self.front_end = front_end
        self._complaints = []
        page.on("console", lambda one: one.type == "error" and self._complaints.append(one.text))
        page.on("pageerror", self._note_error)
        self.path = server.notebooks / f"{name}.ipynb"
        self.root = page  # what is looked at
        self._panel = ""

    def open(self, *cells):
        """Write the notebook and open it with a fresh kernel."""
        self._write(cells)
        self.show()

    def beside(self, name, *cells):
        """Open another notebook beside this one, in the same JupyterLab, with a kernel of its own."""
        other = Notebook(self.page, self.server, name, self.pictures, self.front_end)
        other._write(cells)
        panels = [
            self.page.evaluate(
                """async (options) => (await jupyterapp.commands.execute('docmanager:open', options)).id""",
                {"path": f"{one.name}.ipynb", "options": {"mode": "split-right"}},
            )
            for one in (self, other)
        ]
        for one, panel in zip((self, other), panels, strict=True):
            one.root = self.page.locator(f"[id='{panel}']")
            one._panel = panel
        other.activate()
        return other

    def activate(self):
        """Turn to this notebook, where there are several."""
        if self._panel:
            self.page.evaluate(f"jupyterapp.shell.activateById('{self._panel}')")
            self.page.wait_for_function(f"{_CURRENT}.id === '{self._panel}'")
        self.wait_idle()

    def _write(self, cells):
        sources = [v4.new_code_cell(source.strip("\n")) for source in cells]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(v4.new_notebook(cells=sources, metadata={"kernelspec": spec}), self.path)

    def show(self):
        """Open the notebook as it is on the disk."""
        address = self.front_end.address.format(self.name)
        mark = "&" if "?" in address else "?"
        self.page.goto(f"{self.server.url}/{address}{mark}token={self.server.token}")
        self.wait_idle()
        self.page.evaluate(self.front_end.tidy)

    def wait_idle(self):
        self.page.wait_for_function(_READY, timeout=1000 * LIMIT)

    def kernel_status(self):
        """What the front end takes for the kernel's status."""
        return self.page.evaluate(f"{_CURRENT}.context.sessionContext.session.kernel.status")

    def begin(self, cell):
        """Run a cell without waiting for its end."""
        self.page.evaluate(
            f"""async () => {{
              jupyterapp.shell.currentWidget.content.activeCellIndex = {cell};
              const ran = jupyterapp.commands.execute('notebook:run-cell');
              window.resnbRan = ran.then(() => true, () => true);
            }}"""
        )

    def run(self, *cells):
        """Run cells, each to its end."""
        self.activate()
        for cell in cells:
            self.begin(cell)
            self.page.evaluate("() => window.resnbRan")
            self.wait_idle()

    def run_all(self):
        """Run all cells as the menu does, without waiting for anything."""
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")

    def restart(self):
        """Restart the kernel."""
        self.page.evaluate(f"{_CURRENT}.context.sessionContext.restartKernel()")
        self.wait_idle()

    def shut(self, *gates):
        """Let code in kernels wait at ``gate(name)`` until `let` is called."""
        for name in gates:
            (self.server.notebooks / f"{name}.shut").touch()

    def let(self, *gates):
        """Let code pass these gates."""
        for name in gates:
            (self.server.notebooks / f"{name}.shut").unlink()

    def save(self):
        self.page.evaluate("jupyterapp.commands.execute('docmanager:save')")

    def output(self, cell):
        """The output of a cell."""
        return self.root.locator(".jp-CodeCell").nth(cell).locator(".jp-Cell-outputArea")

    def view(self, cell):
        """The live view in the output of a cell."""
        return self.output(cell).locator(".resnb")

    def record(self):
        """Write down from now on what the views' graphs say."""
        self.page.evaluate(_RECORD)

    @property
    def seen(self):
        """What was written down: for each change the names of nodes and clusters with states."""
        return [json.loads(one) for one in self.page.evaluate("window.resnbSeen")]

    @property
    def complaints(self):
        """What the page has written to the browser's console as an error."""
        return [
            one
            for one in self._complaints
            if one not in self.front_end.noise and not _CANCELLED.fullmatch(one)
        ]

    def _note_error(self, error):
        """Note an exception that nobody caught, unless all of its frames are JupyterLab's own.

        Two changes of the theme within 200 ms make JupyterLab 4.6 remove one splash twice.
        """
        frames = [line for line in error.stack.splitlines() if line.lstrip().startswith("at ")]
        if not frames or any("/static/lab/" not in line for line in frames):
            self._complaints.append(str(error))

    def picture(self, name, of=None):
        """Keep a screenshot."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        seen = (of or self.page).screenshot()
        (self.pictures / f"{name}.png").write_bytes(seen)

    def close(self):
        """Leave the page and end the kernel."""
        self.server.open_gates()
        self.page.close()
        self.server.end_kernels()


__all__ = ["LAB", "LIMIT", "NOTEBOOK_7", "ROOT", "Notebook", "Server"]
