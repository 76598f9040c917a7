"""How states look and what they are called, in pictures and texts: the one definition.

No two states differ by hue alone: each has its own word, and those that need attention have their
own line style or strength. Every font that an engine may have contains the marks.
"""

from typing import Final, NamedTuple

from resnb import states


class Look(NamedTuple):
    """How something in one state is drawn."""

    word: str  # what the state is called
    mark: str  # one character for it, in texts
    fill: str  # the background's colour
    line: str  # the border's colour
    ink: str  # the text's colour
    style: str = "solid"  # ``solid``, ``dashed``, ``dotted`` or ``bold``
    strength: float = 1.0  # the border's width in points


PAPER: Final = "#ffffff"
INK: Final = "#24292f"
FAINT: Final = "#8b949e"
LINK: Final = "#6e7781"
FAINT_LINK: Final = "#c3c9d0"

TASK: Final = {
    states.PENDING: Look("pending", "○", "#ffffff", "#8c959f", INK),
    states.RUNNING: Look("running", "▸", "#d8ebfd", "#0a5fb4", INK, strength=2.2),
    states.RETRYING: Look("retrying", "↻", "#d8ebfd", "#0a5fb4", INK, "dashed", 1.6),
    states.SUCCESS: Look("success", "✓", "#d9f0e6", "#2b7a5d", INK, strength=1.2),
    states.CACHED: Look("cached", "✓", "#eef8f3", "#2b7a5d", INK, "dashed", 1.2),
    states.MAPPED: Look("mapped", "✓", "#d9f0e6", "#2b7a5d", INK, strength=1.2),
    states.SKIPPED: Look("skipped", "-", "#f6f8fa", "#818a94", "#6e7781", "dotted", 1.2),
    states.FAILED: Look("failed", "✗", "#fbddd2", "#b3261e", INK, strength=2.4),
    states.TRIGGER_FAILED: Look("trigger failed", "⊘", "#fdf1ea", "#b3531e", INK, "dashed", 1.4),
    states.TIMED_OUT: Look("timed out", "✗", "#fbddd2", "#b3261e", INK, "dashed", 2.4),
    states.CANCELLED: Look("cancelled", "■", "#e6e9ed", "#57606a", INK, "dotted", 1.6),
}
"""Tasks and flows, by state code."""

LEASE: Final = {
    "not yet": Look("not yet", "·", "#fbfcfd", "#868e97", "#57606a", "dashed"),
    "opening": Look("opening", "▸", "#fffbf0", "#b07d00", "#6b4c00", "dashed", 1.8),
    "open": Look("open", "●", "#fff6de", "#b07d00", "#6b4c00", "solid", 1.8),
    "closing": Look("closing", "▸", "#fbf8f0", "#b07d00", "#6b4c00", "dotted", 1.8),
    "closed": Look("closed", "✓", "#f6f8fa", "#818a94", "#57606a"),
    "failed": Look("failed", "✗", "#fdf0ec", "#b3261e", "#b3261e", "solid", 2.2),
    "with the reaper": Look("with the reaper", "↻", "#fdf0ec", "#b3261e", "#b3261e", "dashed", 2.2),
    "looking": Look("looking", "?", "#fbf8f0", "#b07d00", "#6b4c00", "dashed", 1.8),
    "kept": Look("kept", "●", "#f4effb", "#7a4fb0", "#57357f", "dashed", 1.8),
}
"""Scopes, by their lease's state."""

QUIET: Final = frozenset({states.PENDING, states.SUCCESS, states.MAPPED})
"""States of tasks that need no word beside the name."""
