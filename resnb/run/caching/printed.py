"""What a task printed and displayed, kept beside its value and shown again where that is found.

So a cell reads the same whether its task was computed or found.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias

from resnb.run.engine.slots import CURRENT
from resnb.run.output.displays import DISPLAY, DISPLAYS

MOST: Final = 2_000_000
"""Maximum number of characters that are kept: of pictures more than a log has of text."""
Printed: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of a stream's name and a text, in order; of a display `DISPLAY` and its data as JSON."""


class Recording:
    """Notes what is printed; of much, the last `MOST` characters."""

    def __init__(self) -> None:
        self._texts: deque[tuple[str, str]] = deque()
        self._kept = 0

    def note(self, stream: str, text: str) -> None:
        """`text` was printed to `stream`."""
        if not text or (stream == DISPLAY and len(text) > MOST):
            return
        text = text[-MOST:]
        self._texts.append((stream, text))
        self._kept += len(text)
        while self._kept > MOST:
            self._kept -= len(self._texts.popleft()[1])

    @property
    def printed(self) -> Printed:
        """What was noted; what went to one stream without a break is one text."""
        found: list[tuple[str, str]] = []
        for stream, pairs in groupby(self._texts, itemgetter(0)):
            texts = [text for _, text in pairs]
            found += [(stream, one) for one in (texts if stream == DISPLAY else ["".join(texts)])]
        return tuple(found)


@contextmanager
def recorded() -> Iterator[Recording]:
    """Note what the running task prints in the block."""
    recording, slot = Recording(), CURRENT.get()
    if slot is None:
        yield recording
        return

    def displayed(data: str) -> None:
        if CURRENT.get() is slot:  # not another coroutine, which has the same thread
            recording.note(DISPLAY, data)

    slot.note = recording.note
    try:
        with DISPLAYS.listening(displayed):
            yield recording
    finally:
        slot.note = None


def print_again(printed: Printed) -> None:
    """Print it as the running task."""
    slot = CURRENT.get()
    if slot is not None:
        for stream, text in printed:
            slot.print(stream, text)
