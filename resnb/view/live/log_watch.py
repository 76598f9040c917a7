"""What views look at closely, and what each of them was told of the logs there.

A look begins when a view asks for a node or a cluster, and ends when it asks for another one,
looks away or is closed. In between, whatever is added to the logs is told, the end of it only
if that is much. One frame tells all views; each takes what has its name on it.
"""

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeAlias

from resnb.view.wire.inspector import LogNews, Logs

LOG = 8_000
"""Characters of a log's end that a view is told."""


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
    """A log that grows.

    Attributes:
        name: what a view calls it.
        version: changes when the log is another one, of another run.
        since: gives what comes after a position, of that so many characters at most.
    """

    name: str
    version: int
    since: Callable[[int, int], LogPiece]


class Subject(NamedTuple):
    """What a view looks at: ``node`` or ``cluster``, and how it is called in the outline."""

    what: str
    label: str


LogSources: TypeAlias = Callable[[Subject], Iterable[LogSource]]


class Inspections:
    """The looks of one flow's views."""

    def __init__(self) -> None:
        self._looks: dict[str, Subject] = {}
        self._told: dict[tuple[str, str], tuple[int, int]] = {}
        self._lock = threading.Lock()  # commands come in on other threads

    def begin(self, view: str, subject: Subject) -> None:
        """`view` looks at `subject`; if it does so already, it is told no log twice."""
        with self._lock:
            if self._looks.get(view) != subject:
                self._forget(view)
                self._looks[view] = subject

    def end(self, view: str) -> None:
        """`view` looks away."""
        with self._lock:
            self._forget(view)

    def keep(self, views: Iterable[str]) -> None:
        """Only these views are left."""
        with self._lock:
            for view in self._looks.keys() - set(views):
                self._forget(view)

    def at(self, subject: Subject | None = None) -> dict[str, Subject]:
        """Which view looks at what, or at `subject` only."""
        with self._lock:
            return {
                view: one for view, one in self._looks.items() if subject is None or one == subject
            }

    def frame(self, sources: LogSources) -> Logs | None:
        """What the views have to be told of their logs by now; None if nothing was added."""
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
        version, position = self._told.get(key, (source.version, 0))
        is_other = version != source.version
        piece = source.since(0 if is_other else position, LOG)
        if piece.end == position and not is_other:
            return None
        with self._lock:
            if self._looks.get(view) != subject:
                return None  # it has looked away meanwhile
            self._told[key] = source.version, piece.end
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
        self._looks.pop(view, None)
        for key in [one for one in self._told if one[0] == view]:
            del self._told[key]


__all__ = ["LOG", "Inspections", "LogPiece", "LogSource", "LogSources", "Subject"]
