"""What a view shows of a value: text, a small table, a picture; plain data, all of it bounded.

Nothing is consumed or computed: of containers the first items are shown, everything else is asked
for its repr, or for a picture if it has one. No HTML of anybody's is taken. The user's code that
is called here may hang or raise: see `resnb.notebook.widget.previews` for who calls this.
"""

import base64
import reprlib
import struct
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from resnb.ledger.admin.listing import plain
from resnb.view.wire.inspector import Shows

TEXT = 1_500
"""Characters of a value's text."""
CELL = 40
"""Characters of a table's cell."""
ROWS = 12
COLUMNS = 8
LARGEST_PICTURE = 200 * 1024
"""Bytes."""
MOST_PIXELS = 16_000_000
"""A small file may hold a picture that no browser can show."""
_LARGEST_NUMBER = 2_000
"""Bits of a number that is spelled out."""
_PNG = b"\x89PNG\r\n\x1a\n"


def printed(text: str) -> str:
    """`text` of several lines as a view can show it: no control characters, no lone surrogates."""
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return plain(text, keep="\n\t\r")


class Bounded(reprlib.Repr):
    """A repr that looks at a few items of the containers that Python itself has."""

    def __init__(self, limit: int = TEXT) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = limit
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 20
        self.maxdeque = self.maxarray = 20

    def repr1(self, x: Any, level: int) -> str:
        """As `reprlib` does, but by the type itself: one of the user's may be called alike."""
        kind = type(x)
        if kind.__module__ in ("builtins", "collections", "array"):
            return super().repr1(x, level)
        return self.repr_instance(x, level)

    def repr_int(self, x: int, level: int) -> str:
        """A large number is told by its size."""
        if x.bit_length() > _LARGEST_NUMBER:
            return f"<int of {x.bit_length():,} bits>"
        return super().repr_int(x, level)

    def repr_bytes(self, x: bytes, _: int) -> str:
        """The beginning of it."""
        more = f"… ({len(x):,} bytes)" if len(x) > self.maxstring else ""
        return f"{bytes(x[: self.maxstring])!r}{more}"

    def repr_bytearray(self, x: bytearray, level: int) -> str:
        """The beginning of it."""
        return f"bytearray({self.repr_bytes(bytes(x[: self.maxstring + 1]), level)})"

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """The first items, in their order."""
        if level <= 0 and x:
            return "{...}"
        parts = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        return "{" + ", ".join([*parts, *(["..."] if len(x) > self.maxdict else [])]) + "}"

    def repr_instance(self, x: Any, level: int) -> str:
        """What it says of itself, or that it does not."""
        del level
        try:
            text = repr(x)
        except Exception as error:  # noqa: BLE001 - the user's own __repr__
            return f"<{type(x).__name__}: its repr raises {type(error).__name__}>"
        return text if len(text) <= self.maxother else f"{text[: self.maxother]}…"


def text_of(value: Any, limit: int = TEXT) -> str:
    """The repr of a value, bounded and fit to be shown."""
    text = printed(Bounded(limit).repr(value))
    return text if len(text) <= limit else f"{text[:limit]}…"


def preview(value: Any) -> Shows:
    """What a view shows of `value`.

    Returns:
        A data frame as a table, what shows itself as a picture as an image, all else as text.
    """
    found: Shows = {"type": _type_of(value), "text": ""}
    table = _table(value)
    if table is not None:
        found["shape"], found["table"] = table
        return found
    shape = _shape(value)
    data, text = _bundle(value)
    if data is not None:
        size, image = _picture(data)
        shape = size or shape
        if image:
            found["image"] = image
    if shape:
        found["shape"] = shape
    if "image" not in found:
        found["text"] = text or text_of(value)
    return found


def _type_of(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if isinstance(kind.__qualname__, str) else kind.__name__
    module = kind.__module__ if isinstance(kind.__module__, str) else ""
    whole = name if module in ("builtins", "__main__") else f"{module}.{name}"
    return plain(whole)[:100]


# ---- data frames and arrays


def _table(value: Any) -> tuple[str, list[list[str]]] | None:
    pandas: Any = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "DataFrame"):  # or it is being imported
        return None
    if isinstance(value, pandas.Series):
        head, rows = (
            ["", _cell(value.name) if value.name is not None else "value"],
            value.iloc[:ROWS],
        )
        body = [
            [_cell(label), _cell(one)] for label, one in zip(rows.index, rows.array, strict=True)
        ]
        size = f"{len(value):,} values, {value.dtype}"
        return size, [head, *body]
    if not isinstance(value, pandas.DataFrame):
        return None
    part = value.iloc[:ROWS, :COLUMNS]
    more = value.shape[1] > COLUMNS
    head = ["", *map(_cell, part.columns), *(["…"] if more else [])]
    columns = [part.iloc[:, place].array for place in range(part.shape[1])]
    body = [
        [_cell(label), *(_cell(column[row]) for column in columns), *(["…"] if more else [])]
        for row, label in enumerate(part.index)
    ]
    size = f"{value.shape[0]:,} rows, {value.shape[1]:,} columns"
    return size, [head, *body]


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else _spelled(value)
    text = plain(text[: 4 * CELL]).strip()
    return text if len(text) <= CELL else f"{text[: CELL - 1]}…"


def _spelled(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    known = type(value).__module__.partition(".")[0] in ("numpy", "pandas", "datetime", "decimal")
    return str(value) if known else Bounded(4 * CELL).repr(value)


def _shape(value: Any) -> str:
    kind: Any = getattr(sys.modules.get("numpy"), "ndarray", None)
    if kind is None or not isinstance(value, kind):
        return ""
    array: Any = value
    return f"{tuple(array.shape)} {array.dtype}"


# ---- pictures


def _bundle(value: Any) -> tuple[bytes | None, str]:
    """The picture and the text by which `value` shows itself in a notebook, as far as it does."""
    made: Any = _own(value, "_repr_mimebundle_", include={"image/png", "text/plain"}, exclude=set())
    if isinstance(made, tuple):
        made = made[0] if made else {}
    if isinstance(made, Mapping):
        picture, text = _bytes(made.get("image/png")), made.get("text/plain")
        if picture is not None:
            return picture, ""
        if isinstance(text, str):
            return None, printed(text[:TEXT])
    own = _bytes(_own(value, "_repr_png_"))
    return own if own is not None else _registered(value), ""


def _own(value: Any, name: str, **options: Any) -> Any:
    """What a method by which values show themselves gives; None if there is none, or it raises."""
    method = getattr(type(value), name, None)
    if not callable(method) or isinstance(value, type):
        return None
    try:
        return method(value, **options)
    except Exception:  # noqa: BLE001 - the user's own; its repr is left
        return None


def _registered(value: Any) -> bytes | None:
    """What a library has told IPython to show of values like this, such as a figure."""
    shell: Any = _shell()
    formatters = getattr(getattr(shell, "display_formatter", None), "formatters", {})
    try:
        return _bytes(formatters["image/png"].lookup(value)(value))
    except Exception:  # noqa: BLE001 - there is none, or it is the user's own and raises
        return None


def _shell() -> Any:
    core: Any = sys.modules.get("IPython.core.getipython")
    return None if core is None else core.get_ipython()


def _bytes(data: Any) -> bytes | None:
    if isinstance(data, tuple) and data:
        data = data[0]
    if isinstance(data, bytes):
        return data
    if isinstance(data, str) and len(data) <= 2 * LARGEST_PICTURE:
        try:
            return base64.b64decode(data)
        except ValueError:
            return None
    return None


def _picture(data: bytes) -> tuple[str, str]:
    """The size of the picture in a PNG's bytes, or why it is not shown; and the picture."""
    if len(data) > LARGEST_PICTURE:
        return f"a picture of {len(data):,} bytes, too large for a preview", ""
    if not data.startswith(_PNG) or len(data) < 24:  # noqa: PLR2004 - up to its height
        return "", ""
    width, height = struct.unpack(">II", data[16:24])
    if width * height > MOST_PIXELS:
        return f"a picture of {width:,} by {height:,} pixels, too large for a preview", ""
    return f"{width:,} by {height:,} pixels", base64.b64encode(data).decode("ascii")


def listed(names: Iterable[str], most: int) -> str:
    """Some names in a line, and how many more there are."""
    known = list(names)
    more = len(known) - most
    return ", ".join(known[:most]) + (f" and {more:,} more" if more > 0 else "")


__all__ = ["Bounded", "listed", "preview", "printed", "text_of"]
