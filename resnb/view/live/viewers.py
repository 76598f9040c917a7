"""Which views of a flow are open: those that have been heard of lately.

A front end says when it closes a view, unless it dies. So views speak up from time to time, and
one that has been silent for too long is forgotten; if it speaks again, it is a new one. While a
cell is running, front ends may hold back what views say: such silence does not count.
"""

from collections.abc import Iterable, Iterator

SILENCE = 120.0
"""After how many seconds of silence a view is forgotten; they speak up every 30 s."""
MOST = 64
"""How many views of one flow are told anything; each has a name of its own making."""


class Viewers:
    """The open views of one flow.

    Args:
        views: those that are open already.
    """

    def __init__(self, views: Iterable[str] = ()) -> None:
        self._heard: dict[str, float] = dict.fromkeys(views, float("-inf"))

    def heard(self, view: str, now: float) -> bool:
        """A view has said something at `now`; gives whether it was unknown before."""
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
            is_deaf: whether what they say may be held back for the moment.
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


__all__ = ["SILENCE", "Viewers"]
