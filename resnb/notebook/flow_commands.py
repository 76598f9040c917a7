"""What the buttons of a flow's widget do: run, cancel, clean up, keep, look inside.

Errors go back to the views in one line. What takes time and what only looks have a thread each,
so that one can look while resources are being cleaned up.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.errors import ResnbError, RunError
from resnb.ledger.keeper import KEEPER
from resnb.notebook.closing import LIMIT, reasons
from resnb.notebook.inspection import inspected
from resnb.run.flow_run import active_run
from resnb.run.memory import memory_of
from resnb.view.fields import checked
from resnb.view.frames import Frame
from resnb.view.names import message

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.ledger.lease import Lease
    from resnb.view.live import LiveFlow

KEPT_FOR = 30 * 60.0
"""Seconds for which a view's button keeps a resource."""


class FlowCommands:
    """Carries out the commands of one flow's views, one after the other.

    Args:
        tell: sends a frame to the views.
    """

    def __init__(self, tell: Callable[[Frame], object]) -> None:
        self._tell = tell
        self._work = _Jobs("resnb-widget", self._say)
        self._looks = _Jobs("resnb-widget-look", self._say)

    def take(self, live: "LiveFlow", content: Mapping[str, Any]) -> bool:
        """Carry out a command soon; false if there is none of that name."""
        what, flow = content.get("do"), live.flow
        if what == "inspect":
            kind, name = str(content.get("what")), str(content.get("id"))
            self._looks.post(lambda: self._tell(inspected(live, kind, name)))
        elif what == "cancel":
            self._looks.post(lambda: _cancel(flow))  # must not wait for anything
        elif what == "run":
            self._work.post(lambda: flow.start(checked(flow, content.get("parameters"))))
        elif what in ("cleanup", "close_scopes"):
            self._work.post(lambda: self._clean_up(flow))
        elif what in ("cleanup_one", "keep_one"):
            name, keeps = str(content.get("id")), what == "keep_one"
            self._work.post(lambda: self._treat_one(live, name, keeps=keeps))
        else:
            return False
        return True

    def _say(self, text: str) -> None:
        self._tell({"frame": "said", "text": message(text)})

    def _clean_up(self, flow: "Flow") -> None:
        _refuse_while_running(flow)
        memory = memory_of(flow)
        leases = [one for one in memory.leases() if one.state != "closed" and not one.in_use]
        self._close(leases)
        memory.open_leases.clear()
        if not leases:
            self._say("nothing is open")

    def _treat_one(self, live: "LiveFlow", name: str, *, keeps: bool) -> None:
        lease = _lease(live, name)
        if lease is None or lease.state == "closed":
            raise RunError(f"resource {name!r} is not open")
        if keeps:
            KEEPER.keep(lease, KEPT_FOR)
            self._say(f"{lease.name} is kept for 30 minutes after the end of this kernel")
            return
        _refuse_while_running(live.flow)
        self._close([lease])

    def _close(self, leases: "Iterable[Lease]") -> None:
        left = KEEPER.close(leases, LIMIT)
        if left:
            self._say(f"not cleaned up: {reasons(left)}")


class _Jobs:
    """A thread that does one thing after the other, and reports what fails."""

    def __init__(self, name: str, report: Callable[[str], object]) -> None:
        self._name = name
        self._report = report
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def post(self, job: Callable[[], object]) -> None:
        self._jobs.put(job)
        with self._lock:  # messages come in on several threads
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except ResnbError as error:
                self._report(str(error))
            except Exception as error:  # noqa: BLE001 - the thread goes on for the next command
                self._report(f"{type(error).__name__}: {error}")


def _cancel(flow: "Flow") -> None:
    run = active_run()
    if run is None or run.flow is not flow:
        raise RunError(f"flow {flow.name!r} is not running")
    run.cancel()


def _refuse_while_running(flow: "Flow") -> None:
    run = active_run()
    if run is not None and run.flow is flow:
        raise RunError(f"flow {flow.name!r} is running: cancel it, and it is cleaned up")


def _lease(live: "LiveFlow", label: str) -> "Lease | None":
    drawn = live.drawn()
    for cluster, scope in zip(drawn.outline.clusters, drawn.scopes, strict=True):
        if cluster.label == label:
            return memory_of(live.flow).lease_of(scope)
    return None


__all__ = ["FlowCommands"]
