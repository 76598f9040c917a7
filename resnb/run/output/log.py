"""The log of one task, with positions by which a view follows it while it grows.

A position is the number of characters that have been added so far. Memory is bounded: only the last
`LOG_LIMIT` characters are kept. Callers make sure that only one thread at a time uses a log.
"""

from collections import deque
from typing import NamedTuple

LOG_LIMIT = 256 * 1024
"""Maximum number of characters that are kept of one task's output."""


class Piece(NamedTuple):
    """A part of a log.

    Attributes:
        start: the position of its first character.
        end: the position after its last one.
        text: the text.
    """

    start: int
    end: int
    text: str


class Log:
    """What one task printed.

    Attributes:
        end: the position after its last character.
        tries: the number of the try that its end comes from.
        at_line_start: whether the next character begins a line.
    """

    __slots__ = ("_kept", "_parts", "at_line_start", "end", "tries")

    def __init__(self) -> None:
        self.end = 0
        self.tries = 1
        self.at_line_start = True
        self._parts: deque[str] = deque()
        self._kept = 0

    def add(self, text: str) -> None:
        """Append `text`."""
        if not text:
            return
        self.end += len(text)
        self.at_line_start = text.endswith("\n")
        text = text[-LOG_LIMIT:]
        self._parts.append(text)
        self._kept += len(text)
        while self._kept - len(self._parts[0]) >= LOG_LIMIT:
            self._kept -= len(self._parts.popleft())

    def begin_try(self, number: int) -> None:
        """What follows comes from try `number`; a line says so, except for the first try."""
        if number > self.tries:
            self.tries = number
            self.add(f"{'' if self.at_line_start else chr(10)}--- try {number} ---\n")

    def since(self, position: int = 0, most: int = LOG_LIMIT) -> Piece:
        """The last `most` characters of what was added after `position`."""
        wanted = min(self.end - position, self._kept, most)
        if wanted <= 0:
            return Piece(self.end, self.end, "")
        found: list[str] = []
        size = 0
        for part in reversed(self._parts):
            found.append(part)
            size += len(part)
            if size >= wanted:
                break
        text = "".join(reversed(found))[-wanted:]
        return Piece(self.end - wanted, self.end, text)


class ChildrenLog:
    """Adds to a mapped task's log the lines of all its children, each with the item's number.

    A line is added when it is complete, so that children that print at the same time do not mix.
    """

    __slots__ = ("_begun", "_log")

    LONGEST = 2_000
    """An incomplete line of so many characters is added as it is."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._begun: dict[int, tuple[int, str]] = {}

    def add(self, item: int, text: str, tries: int) -> None:
        """The child of `item` printed `text` in its try number `tries`."""
        before, begun = self._begun.pop(item, (tries, ""))
        if before != tries:
            self._add_lines(item, begun, before)
            begun = ""
        text = begun + text
        whole, newline, rest = text.rpartition("\n")
        if newline:
            self._add_lines(item, whole, tries)
        if len(rest) >= self.LONGEST:
            self._add_lines(item, rest, tries)
        elif rest:
            self._begun[item] = tries, rest

    def begun(self) -> list[int]:
        """The items whose children are in the middle of a line."""
        return list(self._begun)

    def end_line(self, item: int) -> None:
        """The child of `item` prints no more."""
        if item in self._begun:
            tries, rest = self._begun.pop(item)
            self._add_lines(item, rest, tries)

    def _add_lines(self, item: int, text: str, tries: int) -> None:
        mark = f"[{item}] " if tries <= 1 else f"[{item}, try {tries}] "
        self._log.add("".join(f"{mark}{line}\n" for line in text.split("\n")))


__all__ = ["LOG_LIMIT", "ChildrenLog", "Log", "Piece"]
