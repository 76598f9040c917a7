"""Every message that a view of a flow's widget can send, and what it does.

Errors go back to the views in one line. There are three queues: one for what takes time, one for
what only reads, and one for what calls the user's code in order to show a value. So a user can look
and cancel at any time. What a button makes tasks and clean-ups print belongs to no cell: it is kept
for views that inspect the task or the resource.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from resnb.errors import ResnbError, RunError, described
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.cells.freshness import Freshness, stale_run
from resnb.notebook.closing import cancel, close_unheard, is_running
from resnb.notebook.session import session_of
from resnb.notebook.widget.previews import PREVIEWS, Previews, TooSlow
from resnb.notebook.widget.resources import for_button, handle_of, handle_preview, untold_of
from resnb.notebook.widget.rich import preview, printed
from resnb.notebook.widget.tasks import NO_VALUE, inspected, resolve, sources, value_of
from resnb.run.closing import reasons
from resnb.run.memory import memory_of
from resnb.run.output.log import Log
from resnb.run.output.writer import WITHOUT_CELL
from resnb.states import FIRST_FINISHED, Failed
from resnb.view.live.log_watch import LogSource, Subject
from resnb.view.live.parameter_form import checked
from resnb.view.live.room import Room
from resnb.view.names import message, shown
from resnb.view.wire.frames import Frame

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.ledger.kernel.lease import Lease
    from resnb.states import State
    from resnb.view.live.flow import LiveFlow
    from resnb.view.wire.inspector import Preview, Shows

KEPT_FOR = 30 * 60.0
"""Seconds for which a view's button keeps a resource."""
LOGS = 20
"""Number of leases for which the output of a clean-up by a button is kept."""
LONGEST_NAME = 200
"""Characters of the name of a node or cluster."""


class FlowCommands:
    """Carries out the commands of one flow's views.

    Args:
        send: sends a frame to the views.
        previews: calls the user's code within a time limit.
    """

    def __init__(self, send: Callable[[Frame], object], previews: Previews = PREVIEWS) -> None:
        self._send = send
        self._previews = previews
        self._logs: dict[str, Log] = {}
        self._work = _WorkQueue("resnb-widget", self._say)
        self._looks = _WorkQueue("resnb-widget-look", self._say)
        self._values = _WorkQueue("resnb-widget-value", self._say)

    def take(  # noqa: C901, PLR0912 - one case for each verb
        self, live: "LiveFlow", view: str, content: Mapping[str, Any]
    ) -> bool:
        """Carry out a message of `view`, soon.

        Returns:
            Whether it is a command, which the view expects to be confirmed.
        """
        verb = content.get("do")
        if verb == "close":
            live.closed(view)
            return False
        is_new = live.heard(view)
        subject, item = _subject(content), _item(content)
        match verb:
            case "here":
                if is_new and "id" in content:  # the view was forgotten, with what it inspected
                    self._inspect(live, view, subject)
                return False
            case "open":
                live.opened(view)
            case "fold" | "unfold" if "id" in content:
                live.open(subject, opened=verb == "unfold")
            case "fold" | "unfold":
                live.unfold(unfolded=verb == "unfold")
            case "room":
                live.room(Room(content["width"], content["height"], content["direction"]))
            case "timeline":
                live.timelines.shown(view, is_shown=content.get("shown") is True)
            case "inspect":
                self._inspect(live, view, subject)
            case "look_away":
                live.inspections.end(view)
            case "cancel":
                self._looks.post(partial(cancel, live.flow))  # must not wait for anything
            case "run":
                self._work.post(partial(_run, live.flow, content.get("parameters")))
            case "run_again":
                self._work.post(partial(_run_again, live.flow))
            case "run_stale":
                self._work.post(partial(self._run_stale, live.flow))
            case "cleanup":
                self._work.post(partial(self._clean_up, live))
            case "close_scopes":
                self._work.post(partial(self._close_scopes, live))
            case "cleanup_one":
                self._work.post(partial(self._clean_up_one, live, subject, item))
            case "keep_one":
                self._work.post(partial(self._keep_one, live, subject, item))
            case "forget_one":
                self._work.post(partial(self._forget_one, live, subject, item))
            case _:
                return False
        return True

    def sources(self, live: "LiveFlow", subject: Subject) -> Iterator[LogSource]:
        """The logs of a node or a cluster, including those of clean-ups by a button."""
        yield from sources(live, subject)
        target = resolve(live, subject)
        if target is None or target.scope is None:
            return
        for item, lease in memory_of(live.flow).leases_of(target.scope).items():
            log = self._logs.get(lease.id)
            if log is not None:
                name = ScopeUse(target.scope, item).named("clean-up by a button")
                yield LogSource(name, hash(lease.id), log.since)

    # ---- inspecting

    def _inspect(self, live: "LiveFlow", view: str, subject: Subject) -> None:
        live.inspections.begin(view, subject)
        self._looks.post(partial(self._show, live, view, subject))
        show_value = partial(self._show_value, live, view, subject)
        self._looks.post(partial(self._values.post, show_value))

    def _inspect_again(self, live: "LiveFlow") -> None:
        """Update all views that inspect something, after a button has changed it."""
        for view, subject in live.inspections.at().items():
            self._looks.post(partial(self._show, live, view, subject))

    def _show(self, live: "LiveFlow", view: str, subject: Subject) -> None:
        self._send(inspected(live, subject, view))

    def _show_value(self, live: "LiveFlow", view: str, subject: Subject) -> None:
        if view not in live.inspections.at(subject):
            return  # it inspects something else by now
        target = resolve(live, subject)
        describe: Callable[[Any], Shows] = preview
        title, value, fault = "value", NO_VALUE, "its repr raises"
        if target is not None and target.scope is not None:
            describe, title, fault = handle_preview, "handle", "it cannot be read:"
            value = handle_of(target.scope, memory_of(live.flow)) or NO_VALUE
        elif target is not None and target.task is not None:
            value = value_of(target.task, memory_of(live.flow))
        shows: Shows | None = None
        if value is not NO_VALUE:
            kind = "" if title == "handle" else shown(type(value).__name__)
            try:
                shows = self._previews.call(describe, value)
            except TooSlow as error:
                shows = {"type": kind, "text": str(error)}
            except BaseException as error:  # noqa: BLE001 - the user's own code, on another thread
                shows = {"type": kind, "text": f"{fault} {type(error).__name__}"}
        frame: Preview = {
            "frame": "preview",
            "to": view,
            "what": subject.what,
            "id": subject.label,
            "title": title,
            "shows": shows,
        }
        self._send(frame)

    # ---- acting

    def _say(self, text: str, *, done: bool = False) -> None:
        self._send({"frame": "said", "text": message(text), "done": done})

    def _run_stale(self, flow: "Flow") -> None:
        """Run what is stale, or has no value."""
        session = session_of(get_ipython())
        freshness = Freshness() if session is None else session.freshness(flow)
        found = stale_run(freshness, flow, {})
        if found is None:
            self._say("nothing is stale", done=True)
        else:
            _start(flow, *found)

    def _clean_up(self, live: "LiveFlow") -> None:
        flow = live.flow
        if is_running(flow):
            raise RunError(f"flow {flow.name!r} is running: cancel it, and it is cleaned up")
        memory = memory_of(flow)
        leases = [one for one in memory.leases() if one.state != "closed" and not one.in_use]
        self._close(live, leases)
        memory.let_go(tuple(memory.open_leases))
        if not leases:
            self._say("nothing is open")

    def _close_scopes(self, live: "LiveFlow") -> None:
        """Clean up what ``--run`` has left open, and nothing else."""
        if is_running(live.flow):
            raise RunError(f"flow {live.flow.name!r} is running: cancel it, and it is cleaned up")
        memory = memory_of(live.flow)
        opened = tuple(memory.open_leases.items())
        self._close(live, [one for _, one in opened if one.state != "closed"])
        memory.let_go(use for use, _ in opened)

    def _clean_up_one(self, live: "LiveFlow", subject: Subject, item: int | None) -> None:
        leases = _leases(live, subject, item, keeps=False)
        inside = [one for one in KEEPER.alive() if set(leases).intersection(one.around)]
        self._close(live, dict.fromkeys([*leases, *inside]))

    def _keep_one(self, live: "LiveFlow", subject: Subject, item: int | None) -> None:
        leases = _leases(live, subject, item, keeps=True)
        for lease in leases:
            KEEPER.keep(lease, KEPT_FOR)
        names = ", ".join(lease.name for lease in leases)
        are = "is" if len(leases) == 1 else "are"
        self._say(f"{names} {are} kept for 30 minutes after this kernel's end", done=True)
        self._inspect_again(live)

    def _forget_one(self, live: "LiveFlow", subject: Subject, item: int | None) -> None:
        """People have looked: what a set-up has made, if anything, is gone."""
        target = resolve(live, subject)
        scope = None if target is None else target.scope
        leases = [] if scope is None else untold_of(live.flow, scope, item)
        if not leases:
            raise RunError(f"resource {shown(subject.label)!r} has nothing to forget")
        ledger = LedgerCommands(KEEPER.book.home)
        for lease in leases:
            ledger.forget(lease.id)
        self._say(f"forgotten: {', '.join(lease.name for lease in leases)}", done=True)
        self._inspect_again(live)

    def _close(self, live: "LiveFlow", leases: "Iterable[Lease]") -> None:
        chosen = list(leases)
        left = close_unheard(chosen, self._keep_output)
        closed = ", ".join(one.name for one in chosen if one not in left)
        results = [f"cleaned up {closed}"] if closed else []
        if left:
            results.append(f"not cleaned up: {reasons(left)}")
        if results:
            self._say("; ".join(results), done=not left)
        self._inspect_again(live)

    def _keep_output(self, lease: "Lease", text: str) -> None:
        log = self._logs.get(lease.id)
        if log is None:
            for known in tuple(self._logs)[: len(self._logs) - LOGS + 1]:
                self._logs.pop(known, None)
            log = self._logs[lease.id] = Log()
        log.add(printed(text))


class _WorkQueue:
    """Runs jobs one after the other, on a thread that lives only while there are any.

    So a widget that is closed has nothing to end, and what a button began is still finished.

    Args:
        name: the thread's name.
        report: called with the message of a job's error.
    """

    def __init__(self, name: str, report: Callable[[str], object]) -> None:
        self._name = name
        self._report = report
        self._jobs: deque[Callable[[], object]] = deque()
        self._is_working = False
        self._lock = threading.Lock()

    def post(self, job: Callable[[], object]) -> None:
        with self._lock:  # messages come in on several threads
            self._jobs.append(job)
            if not self._is_working:
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
                self._is_working = True

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except ResnbError as error:
                self._report(str(error))
            except Exception as error:  # noqa: BLE001 - the next command must still be carried out
                self._report(described(error))

    def _next(self) -> Callable[[], object] | None:
        with self._lock:
            self._is_working = bool(self._jobs)
            return self._jobs.popleft() if self._is_working else None


def _run(flow: "Flow", parameters: Any) -> None:
    _start(flow, checked(flow, parameters))


def _start(flow: "Flow", parameters: Mapping[str, Any], before: "State | None" = None) -> None:
    """Start a run whose output belongs to no cell."""
    token = WITHOUT_CELL.set(True)
    try:
        flow.start(parameters, task_states=before)
    finally:
        WITHOUT_CELL.reset(token)


def _run_again(flow: "Flow") -> None:
    """Run what did not succeed, and what depends on it; only the resources needed are set up."""
    memory = memory_of(flow)
    if memory.flow_code() < FIRST_FINISHED:
        raise RunError(f"flow {flow.name!r} has not run yet, or is running")
    known = {task: memory.state_of(task) for task in tuple(flow.nodes)}
    _start(flow, {}, Failed("", known))


def _leases(live: "LiveFlow", subject: Subject, item: int | None, *, keeps: bool) -> "list[Lease]":
    """The leases that a button acts on.

    Raises:
        RunError: it cannot act on any; says why.
    """
    target = resolve(live, subject)
    if target is None or target.scope is None:
        raise RunError(f"resource {shown(subject.label)!r} is not open")
    leases, refused = for_button(live.flow, target.scope, item, keeps=keeps)
    if refused:
        raise RunError(refused)
    return leases


def _item(content: Mapping[str, Any]) -> int | None:
    """The item of a mapped scope that a command is about; None for all."""
    item = content.get("item")
    return item if isinstance(item, int) and not isinstance(item, bool) else None


def _subject(content: Mapping[str, Any]) -> Subject:
    what = "node" if content.get("what") == "node" else "cluster"
    return Subject(what, str(content.get("id"))[:LONGEST_NAME])
