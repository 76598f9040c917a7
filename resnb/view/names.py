"""Shows names and messages that users wrote as one line of bounded, harmless text.

Invariant: the text has no character that moves the cursor, reverses the reading direction or cannot
be encoded, and is the same on every run and machine.
"""

import re
import unicodedata
from collections.abc import Iterable

from resnb.graph.base.labels import numbered

NAME_WIDTH = 48
MESSAGE_WIDTH = 160
WHOLE_WIDTH = 1_000

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_HIDDEN = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown(text: str, width: int = NAME_WIDTH) -> str:
    """`text` as one line without control characters, addresses or, if it is long, its middle."""
    if len(text) > 4 * width:  # escapes make a text longer, never shorter
        text = text[: 2 * width] + text[-2 * width :]
    if not text.isprintable() or not _DIRECTION.isdisjoint(text):
        text = "".join(map(_spelled, text))
    if "0x" in text:
        text = _ADDRESS.sub("0x…", text)
    if len(text) > width:
        head = width * 2 // 3
        text = f"{text[:head]}…{text[head + 1 - width :]}"
    return text if text.strip() else repr(text)


def whole(text: str, label: str) -> str:
    """`text` with the middle that its label lacks; empty if that lacks nothing.

    Args:
        text: a name.
        label: the same as `unique` shows it.
    """
    if len(label) < NAME_WIDTH:
        return ""
    found = shown(text, WHOLE_WIDTH)
    return found if len(found) > NAME_WIDTH else ""


def _spelled(character: str) -> str:
    if character in _DIRECTION or unicodedata.category(character) in _HIDDEN:
        return character.encode("unicode_escape").decode("ascii")
    return character


def message(text: str) -> str:
    """A failure's reason as one bounded line without addresses."""
    first = next((line.rstrip() for line in text.splitlines() if line.strip()), "")
    return shown(first, MESSAGE_WIDTH) if first else ""


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Each of `names` as it is shown; repeated ones get ``-2``, ``-3`` and so on."""
    return numbered(map(shown, names))


def counted(number: int, noun: str) -> str:
    """``1 task``, ``1,200 tasks``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
