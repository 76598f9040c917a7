"""Which views of a flow are open: those that have sent something lately.

A front end says when it closes a view, unless it dies. So views send a heartbeat, and one that has
been silent for too long is forgotten; if it is heard again, it counts as new. While a cell is
running, front ends may hold back messages: that silence does not count.
"""

from collections.abc import Iterable, Iterator

SILENCE = 120.0
"""Seconds of silence after which a view is forgotten; heartbeats come every 30 s."""
MOST = 64
"""The most views of one flow; they make up their own names."""


class Viewers:
    """The open views of one flow.

    Args:
        views: those that are open already.
    """

    def __init__(self, views: Iterable[str] = ()) -> None:
        self._heard: dict[str, float] = dict.fromkeys(views, float("-inf"))

    def heard(self, view: str, now: float) -> bool:
        """A message came from a view at `now`; returns whether the view was unknown."""
        is_new = view not in self._heard
        if is_new and len(self._heard) >= MOST:
            del self._heard[min(self._heard, key=lambda one: self._heard[one])]
        self._heard[view] = now
        return is_new

    def closed(self, view: str) -> None:
        """A view was closed."""
        self._heard.pop(view, None)

    def forget(self, now: float, *, is_deaf: bool) -> None:
        """Forget the views that have been silent for too long.

        Args:
            now: the time, in seconds.
            is_deaf: whether their messages may be held back at the moment.
        """
        for view, last in tuple(self._heard.items()):
            if is_deaf or last == float("-inf"):
                self._heard[view] = now
            elif now - last > SILENCE:
                self._heard.pop(view, None)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._heard))

    def __len__(self) -> int:
        return len(self._heard)
