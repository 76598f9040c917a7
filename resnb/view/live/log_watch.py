"""What views inspect, and how much of its logs each has been sent.

An inspection begins when a view asks for a node or a cluster, and ends when it asks for another
one, looks away or is closed. In between, what is added to the logs is sent; if that is much, only
its end. One frame serves all views; each takes the news that are addressed to it.
"""

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeAlias

from resnb.view.wire.inspector import LogNews, Logs

LOG = 8_000
"""How much of a log's end is sent, in characters."""


class LogPiece(Protocol):
    """A part of a log."""

    @property
    def start(self) -> int:
        """Where it begins."""

    @property
    def end(self) -> int:
        """Where it ends."""

    @property
    def text(self) -> str:
        """What it says."""


class LogSource(NamedTuple):
    """A log that grows."""

    name: str  # its name in a view
    version: int  # changes when another run's log takes its place
    # gives what comes after a position, in at most so many characters
    since: Callable[[int, int], LogPiece]


class Subject(NamedTuple):
    """What a view inspects: ``node`` or ``cluster``, and its label in the outline."""

    what: str
    label: str


LogSources: TypeAlias = Callable[[Subject], Iterable[LogSource]]


class Inspections:
    """The inspections of one flow's views."""

    def __init__(self) -> None:
        self._subjects: dict[str, Subject] = {}
        self._sent: dict[tuple[str, str], tuple[int, int]] = {}
        self._lock = threading.Lock()  # commands come in on other threads

    def begin(self, view: str, subject: Subject) -> None:
        """`view` inspects `subject`; if it does so already, no log is sent twice."""
        with self._lock:
            if self._subjects.get(view) != subject:
                self._forget(view)
                self._subjects[view] = subject

    def end(self, view: str) -> None:
        """`view` inspects nothing any more."""
        with self._lock:
            self._forget(view)

    def keep(self, views: Iterable[str]) -> None:
        """Only these views are still open."""
        with self._lock:
            for view in self._subjects.keys() - set(views):
                self._forget(view)

    def at(self, subject: Subject | None = None) -> dict[str, Subject]:
        """Which view inspects what; or only the views that inspect `subject`."""
        with self._lock:
            return {
                view: one
                for view, one in self._subjects.items()
                if subject is None or one == subject
            }

    def frame(self, sources: LogSources) -> Logs | None:
        """What was added to the logs that are inspected; None if nothing was."""
        found = []
        known: dict[Subject, list[LogSource]] = {}
        for view, subject in self.at().items():
            if subject not in known:
                known[subject] = list(sources(subject))
            for source in known[subject]:
                entry = self._news(view, subject, source)
                if entry is not None:
                    found.append(entry)
        return {"frame": "logs", "logs": found} if found else None

    def _news(self, view: str, subject: Subject, source: LogSource) -> LogNews | None:
        key = view, source.name
        version, position = self._sent.get(key, (source.version, 0))
        is_other = version != source.version
        piece = source.since(0 if is_other else position, LOG)
        if piece.end == position and not is_other:
            return None
        with self._lock:
            if self._subjects.get(view) != subject:
                return None  # the view has meanwhile turned to something else
            self._sent[key] = source.version, piece.end
        return {
            "to": view,
            "what": subject.what,
            "id": subject.label,
            "name": source.name,
            "since": None if is_other else position,
            "start": piece.start,
            "end": piece.end,
            "text": piece.text,
        }

    def _forget(self, view: str) -> None:
        self._subjects.pop(view, None)
        for key in [one for one in self._sent if one[0] == view]:
            del self._sent[key]
