"""What the buttons of a flow's widget do: run, cancel, clean up, keep, look inside.

Errors go back to the views in one line. What takes time, what only looks, and what calls code of
the user's in order to look have a thread each, so that one can look and cancel all the while.
What they make tasks and clean-ups print belongs to no cell: it is kept for whoever looks inside.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from resnb.errors import ResnbError, RunError
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.closing import close_unheard, reasons
from resnb.notebook.widget.previews import PREVIEWS, Previews, TooSlow
from resnb.notebook.widget.resources import for_button, handle_of, handle_text
from resnb.notebook.widget.rich import preview, printed
from resnb.notebook.widget.tasks import NO_VALUE, found, inspected, sources, value_of
from resnb.run.flow_run import active_run
from resnb.run.memory import memory_of
from resnb.run.output.log import Log
from resnb.run.output.writer import WITHOUT_CELL
from resnb.view.live.log_watch import LogSource, Subject
from resnb.view.live.parameter_form import checked
from resnb.view.names import message, shown
from resnb.view.wire.frames import Frame
from resnb.view.wire.inspector import Shows

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.resources.scope import Scope
    from resnb.ledger.kernel.lease import Lease
    from resnb.view.live.flow import LiveFlow

KEPT_FOR = 30 * 60.0
"""Seconds for which a view's button keeps a resource."""
LOGS = 20
"""Of how many leases it is kept what their clean-ups by a button printed."""
LONGEST_NAME = 200
"""Characters of the name of what a view asks for."""


class FlowCommands:
    """Carries out the commands of one flow's views, one after the other.

    Args:
        tell: sends a frame to the views.
        previews: calls code of the user's within a time limit.
    """

    def __init__(self, tell: Callable[[Frame], object], previews: Previews = PREVIEWS) -> None:
        self._tell = tell
        self._previews = previews
        self._logs: dict[str, Log] = {}
        self._work = _Jobs("resnb-widget", self._say)
        self._looks = _Jobs("resnb-widget-look", self._say)
        self._values = _Jobs("resnb-widget-value", self._say)

    def take(self, live: "LiveFlow", content: Mapping[str, Any]) -> bool:
        """Carry out a command soon; false if there is none of that name."""
        what, flow = content.get("do"), live.flow
        if what == "inspect":
            view = str(content.get("view"))
            subject = _subject(content)
            live.inspections.begin(view, subject)
            self._looks.post(lambda: self._look(live, subject, view))
        elif what == "look_away":
            live.inspections.end(str(content.get("view")))
        elif what == "cancel":
            self._looks.post(lambda: _cancel(flow))  # must not wait for anything
        elif what == "run":
            self._work.post(lambda: _run(flow, content.get("parameters")))
        elif what in ("cleanup", "close_scopes"):
            self._work.post(lambda: self._clean_up(live))
        elif what in ("cleanup_one", "keep_one"):
            subject, keeps = _subject(content), what == "keep_one"
            item = _item(content)
            self._work.post(lambda: self._treat_one(live, subject, item, keeps=keeps))
        else:
            return False
        return True

    def sources(self, live: "LiveFlow", subject: Subject) -> Iterator[LogSource]:
        """The logs of what a view looks at, with what buttons made clean-ups print."""
        yield from sources(live, subject)
        one = found(live, subject)
        if one is None or one.scope is None:
            return
        for item, lease in memory_of(live.flow).leases_of(one.scope).items():
            log = self._logs.get(lease.id)
            if log is not None:
                name = ScopeUse(one.scope, item).named("clean-up by a button")
                yield LogSource(name, hash(lease.id), log.since)

    # ---- looking

    def _look(self, live: "LiveFlow", subject: Subject, view: str) -> None:
        self._tell(inspected(live, subject, view))
        self._values.post(lambda: self._preview(live, subject, view))

    def _look_again(self, live: "LiveFlow", only: Subject | None = None) -> None:
        """Tell those who look at something, after what a button did."""
        for view, subject in live.inspections.at(only).items():
            self._looks.post(
                lambda view=view, subject=subject: self._tell(inspected(live, subject, view))  # type: ignore[misc]
            )

    def _preview(self, live: "LiveFlow", subject: Subject, view: str) -> None:
        if live.inspections.at(subject).get(view) is None:
            return  # it has looked away meanwhile
        call: Callable[[Any], Shows] = preview
        title, value = "value", value_of(live, subject)
        one = found(live, subject)
        if one is not None and one.scope is not None:
            data = handle_of(one.scope, memory_of(live.flow))
            title, value = "handle", NO_VALUE if data is None else data
            call = _handle
        shows: Shows | None = None
        if value is not NO_VALUE:
            try:
                shows = self._previews.call(call, value)
            except TooSlow as error:
                shows = {"type": _type(value), "text": str(error)}
            except BaseException as error:  # noqa: BLE001 - the user's own code, on another thread
                why = "it cannot be read:" if title == "handle" else "its repr raises"
                why = f"{why} {type(error).__name__}"
                shows = {"type": _type(value), "text": why}
        self._tell(
            {
                "frame": "preview",
                "to": view,
                "what": subject.what,
                "id": subject.label,
                "title": title,
                "shows": shows,
            }
        )

    # ---- acting

    def _say(self, text: str, *, done: bool = False) -> None:
        self._tell({"frame": "said", "text": message(text), "done": done})

    def _clean_up(self, live: "LiveFlow") -> None:
        flow = live.flow
        _refuse_while_running(flow)
        memory = memory_of(flow)
        leases = [one for one in memory.leases() if one.state != "closed" and not one.in_use]
        self._close(live, leases)
        memory.open_leases.clear()
        if not leases:
            self._say("nothing is open")

    def _treat_one(
        self, live: "LiveFlow", subject: Subject, item: int | None, *, keeps: bool
    ) -> None:
        scope = _scope(live, subject)
        if scope is None:
            raise RunError(f"resource {shown(subject.label)!r} is not open")
        leases, refused = for_button(live.flow, scope, item, keeps=keeps)
        if refused:
            raise RunError(refused)
        if keeps:
            for lease in leases:
                KEEPER.keep(lease, KEPT_FOR)
            names = ", ".join(lease.name for lease in leases)
            are = "is" if len(leases) == 1 else "are"
            self._say(f"{names} {are} kept for 30 minutes after this kernel's end", done=True)
            self._look_again(live)
        else:
            chosen = set(leases)
            inside = [one for one in KEEPER.alive() if chosen.intersection(one.around)]
            self._close(live, dict.fromkeys([*leases, *inside]))

    def _close(self, live: "LiveFlow", leases: "Iterable[Lease]") -> None:
        chosen = list(leases)
        left = close_unheard(chosen, self._heard)
        done = ", ".join(one.name for one in chosen if one not in left)
        said = [f"cleaned up {done}"] if done else []
        if left:
            said.append(f"not cleaned up: {reasons(left)}")
        if said:
            self._say("; ".join(said), done=not left)
        self._look_again(live)

    def _heard(self, lease: "Lease", text: str) -> None:
        log = self._logs.get(lease.id)
        if log is None:
            for known in tuple(self._logs)[: len(self._logs) - LOGS + 1]:
                self._logs.pop(known, None)
            log = self._logs[lease.id] = Log()
        log.add(printed(text))


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


def _run(flow: "Flow", parameters: Any) -> None:
    token = WITHOUT_CELL.set(True)
    try:
        flow.start(checked(flow, parameters))
    finally:
        WITHOUT_CELL.reset(token)


def _item(content: Mapping[str, Any]) -> int | None:
    """Which item of a mapped scope a command is about; None for all."""
    item = content.get("item")
    return item if isinstance(item, int) and not isinstance(item, bool) else None


def _subject(content: Mapping[str, Any]) -> Subject:
    what = "node" if content.get("what") == "node" else "cluster"
    return Subject(what, str(content.get("id"))[:LONGEST_NAME])


def _scope(live: "LiveFlow", subject: Subject) -> "Scope | None":
    one = found(live, subject)
    return None if one is None else one.scope


def _handle(data: bytes) -> Shows:
    return {"type": "", "text": handle_text(data)}


def _type(value: Any) -> str:
    return "" if isinstance(value, bytes) else shown(type(value).__name__)


__all__ = ["FlowCommands"]
