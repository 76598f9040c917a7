"""A real kernel as a front end sees it: cells go in, what they show comes out.

Cells are sent as JupyterLab sends them (with an id), or as nbclient does (without one).
"""

import ast
import re
import textwrap
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty
from tempfile import TemporaryDirectory

from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from traitlets.config import Config

LIMIT = 60.0
"""Seconds that a cell of a test may take."""
PATIENCE = 40.0
"""Seconds that a kernel of a test waits for the rehearsals whose results a cell prints."""
PATIENT = f"""
from resnb.ledger.kernel import keeper
from resnb.notebook import closing
keeper.REHEARSAL_LIMIT = closing.REHEARSAL_LIMIT = {PATIENCE}
"""
"""Has a kernel wait as long: after the usual 5 s it says that it is checking still."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_never = threading.Event()


@dataclass
class Shown:
    """What became of a cell.

    Attributes:
        ok: whether it succeeded.
        stdout: what it printed.
        stderr: likewise.
        displays: each display and result as a dictionary of MIME types.
        places: their ids, by which a cell can replace them.
        error: the error's type name, "" if there was none.
        message: its message.
        traceback: what the front end shows of it, without colours.
        help: what the front end shows in its pager.
        stray: what came without belonging to this cell.
    """

    ok: bool = False
    stdout: str = ""
    stderr: str = ""
    displays: list = field(default_factory=list)
    places: list = field(default_factory=list)
    error: str = ""
    message: str = ""
    traceback: str = ""
    help: str = ""
    stray: list = field(default_factory=list)

    @property
    def texts(self):
        """The ``text/plain`` of all displays, one below the other."""
        return "\n".join(one.get("text/plain", "") for one in self.displays)

    @property
    def printed(self):
        """Everything that a headless run compares: displays, stdout and stderr."""
        return self.stdout, self.stderr, self.texts, f"{self.error}: {self.message}"


class Kernel:
    """A kernel process with its client.

    Args:
        folder: its working directory.
        ready: code that it runs first.
        **options: passed on to the start of the process.
    """

    def __init__(self, folder, ready="", **options):
        self.folder = folder
        # by files, since others may take a port between its choice and its use
        self._sockets = TemporaryDirectory(prefix="k")  # their paths have to be short
        self.manager = KernelManager(
            kernel_name="python3",
            transport="ipc",
            connection_file=f"{self._sockets.name}/kernel.json",
            shutdown_wait_time=2 * LIMIT,  # after half of it follows SIGTERM, then SIGKILL
        )
        self._log = (folder / "kernel.log").open("w")  # stays open for a restart
        self.manager.start_kernel(cwd=str(folder), stdout=self._log, stderr=self._log, **options)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=2 * LIMIT)
        wait_for(self._is_heard, "the kernel to be heard")
        if ready:
            self.run(ready)
            self.run(f"exec({PATIENT!r}, {{}})")

    def _is_heard(self):
        """Whether what the kernel publishes comes here; what it did before we were subscribed is lost."""
        request = self.client.kernel_info()
        with suppress(Empty):
            while True:
                message = self.client.get_iopub_msg(timeout=1.0)
                if message["parent_header"].get("msg_id") == request:
                    return True
        return False

    @property
    def pid(self):
        """The process's number."""
        return self.manager.provisioner.process.pid

    # ---- cells

    def send(self, source, cell=None, deleted=None):
        """Begin a cell; gives what `finish` needs. `deleted` are the ids of deleted cells."""
        content = {
            "code": textwrap.dedent(source).strip("\n"),
            "silent": False,
            "store_history": cell is not None,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message = self.client.session.msg("execute_request", content)
        message["metadata"] = {} if cell is None else {"cellId": cell}
        if deleted is not None:
            message["metadata"]["deletedCells"] = deleted
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def finish(self, request, limit=LIMIT):
        """Wait for a cell to end."""
        shown, deadline = Shown(), time.monotonic() + limit
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            mine = message["parent_header"].get("msg_id") == request
            kind, content = message["msg_type"], message["content"]
            if not mine:
                if kind not in {"status", "execute_input", "iopub_welcome"}:
                    shown.stray.append(message)
            elif kind == "status" and content["execution_state"] == "idle":
                break
            else:
                _take(shown, kind, content)
        reply = self._reply(request, deadline)
        shown.ok = reply["status"] == "ok"
        for page in reply.get("payload", ()):
            if page.get("source") == "page":
                shown.help += _COLOURS.sub("", page["data"]["text/plain"])
        return shown

    def _reply(self, request, deadline):
        while True:
            reply = self.client.get_shell_msg(timeout=max(0.0, deadline - time.monotonic()))
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"]

    def run(self, source, cell=None, limit=LIMIT, deleted=None):
        """Run a cell that succeeds."""
        shown = self.finish(self.send(source, cell, deleted), limit)
        assert shown.ok, f"{shown.error}: {shown.message}\n{shown.traceback}\n{shown.stderr}"
        return shown

    def fail(self, source, cell=None, limit=LIMIT):
        """Run a cell that raises."""
        shown = self.finish(self.send(source, cell), limit)
        assert not shown.ok, f"no error, but:\n{shown.stdout}\n{shown.texts}"
        return shown

    def value(self, expression):
        """The value of an expression, which is plain."""
        shown = self.run(f"print(repr(({expression})))")
        return ast.literal_eval(shown.stdout)

    # ---- questions

    def complete(self, text):
        """What completion offers at the end of `text`, whole words."""
        request = self.client.complete(text, len(text))
        content = self._reply(request, time.monotonic() + LIMIT)
        head = text[: content["cursor_start"]]
        return [f"{head}{match}" for match in content["matches"]]

    def inspect(self, text):
        """What the front end's tooltip shows for `text`."""
        request = self.client.inspect(text, len(text))
        content = self._reply(request, time.monotonic() + LIMIT)
        return _COLOURS.sub("", content["data"].get("text/plain", ""))

    # ---- the end

    def wait_until_gone(self, limit=LIMIT):
        """Wait for the process to end; gives how many seconds that took."""
        began = time.monotonic()
        wait_for(lambda: not self.manager.is_alive(), "the kernel to end", limit)
        return time.monotonic() - began

    def close(self):
        """End the kernel, however it is, and the client."""
        self.client.stop_channels()
        with suppress(ProcessLookupError):
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.client.context.destroy(linger=0)
        self._log.close()
        self._sockets.cleanup()


def run_headless(notebook, folder, **options):
    """Run the cells of a notebook in `folder` as nbclient does, without a front end."""
    with TemporaryDirectory(prefix="k") as sockets:
        connection = {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}
        connection["shutdown_wait_time"] = 2 * LIMIT
        NotebookClient(
            notebook,
            kernel_name="python3",
            config=Config({"KernelManager": connection}),
            resources={"metadata": {"path": str(folder)}},
            iopub_timeout=LIMIT,  # it goes on without what comes later
            **options,
        ).execute()


def _take(shown, kind, content):
    if kind == "stream":
        name = content["name"]
        setattr(shown, name, getattr(shown, name) + content["text"])
    elif kind in {"display_data", "execute_result"}:
        shown.places.append(content.get("transient", {}).get("display_id"))
        shown.displays.append(content["data"])
    elif kind == "update_display_data":
        place = content["transient"]["display_id"]
        if place in shown.places:  # else the output of an earlier cell has changed
            shown.displays[shown.places.index(place)] = content["data"]
    elif kind == "error":
        shown.error, shown.message = content["ename"], content["evalue"]
        shown.traceback = _COLOURS.sub("", "\n".join(content["traceback"]))


def wait_for(condition, what, limit=LIMIT):
    """Look every few milliseconds until `condition` holds; gives what it gave."""
    deadline = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {limit:g} s for {what}"
        _never.wait(0.005)
    return found


def unnumbered(text):
    """`text` without the numbers of cells, which depend on what ran before in the kernel."""
    return re.sub(r"\[\d+\]", "[]", text)


__all__ = [
    "LIMIT",
    "PATIENT",
    "Empty",
    "Kernel",
    "Shown",
    "run_headless",
    "unnumbered",
    "wait_for",
]
