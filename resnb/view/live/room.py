"""The room that a view has for a graph, and whether a layout fits into it. Pure."""

from typing import NamedTuple

from resnb.view.live.layout import Layout
from resnb.view.wire.graph import Direction

BETTER = 1.1
"""A graph goes to the right if that lets it be drawn larger by so much."""


class Room(NamedTuple):
    """The room for a graph.

    Attributes:
        width: in pixels, which are points at full size.
        height: likewise.
        direction: ``down`` or ``right`` if the reader has chosen; else ``fitting``.
    """

    width: float = 900.0
    height: float = 420.0
    direction: str = "fitting"

    def scale(self, layout: Layout) -> float:
        """How large the layout can be drawn as a whole; 1 is full size."""
        return min(self.width / max(layout.width, 1), self.height / max(layout.height, 1))

    def fits(self, layout: Layout) -> bool:
        """Whether the layout can be drawn in full size."""
        return self.scale(layout) >= 1

    def better(self, down: Layout, right: Layout) -> Direction:
        """Which of two layouts of a graph can be drawn larger."""
        return "right" if self.scale(right) > BETTER * self.scale(down) else "down"
