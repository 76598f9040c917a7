"""The preview of a value: text, a small table, a picture; plain data, all of it bounded.

Nothing is consumed or computed: containers show their first items, everything else its repr, or its
picture if it has one. HTML is never used. The user's code that is called here may hang or raise:
`resnb.notebook.widget.previews` calls it with a time limit.
"""

import base64
import reprlib
import struct
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from resnb.ledger.admin.listing import plain
from resnb.notebook.cells.steps import StepValues
from resnb.view.wire.inspector import Shows

TEXT = 1_500
"""Maximum number of characters of a value's text."""
CELL = 40
"""Maximum number of characters of a table's cell."""
ROWS = 12
COLUMNS = 8
LARGEST_PICTURE = 200 * 1024
"""Bytes."""
MOST_PIXELS = 16_000_000
"""Maximum size of a picture: a small file may hold one that no browser can show."""
_LARGEST_NUMBER = 2_000
"""Maximum number of bits of an integer that is written out."""
_PNG = b"\x89PNG\r\n\x1a\n"


def printed(text: str) -> str:
    """`text` without what a view cannot show: control characters and lone surrogates."""
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return plain(text, keep="\n\t\r")


class Bounded(reprlib.Repr):
    """A repr that shows only the first items of Python's own containers."""

    def __init__(self, limit: int = TEXT) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = limit
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 20
        self.maxdeque = self.maxarray = 20

    def repr1(self, x: Any, level: int) -> str:
        """As `reprlib` does it, but by module too: a user's type may have a built-in's name."""
        kind = type(x)
        if kind.__module__ in ("builtins", "collections", "array"):
            return super().repr1(x, level)
        return self.repr_instance(x, level)

    def repr_int(self, x: int, level: int) -> str:
        """The size of a large number in place of its digits."""
        if x.bit_length() > _LARGEST_NUMBER:
            return f"<int of {x.bit_length():,} bits>"
        return super().repr_int(x, level)

    def repr_bytes(self, x: bytes, _: int) -> str:
        """The first bytes."""
        more = f"… ({len(x):,} bytes)" if len(x) > self.maxstring else ""
        return f"{bytes(x[: self.maxstring])!r}{more}"

    def repr_bytearray(self, x: bytearray, level: int) -> str:
        """The first bytes."""
        return f"bytearray({self.repr_bytes(bytes(x[: self.maxstring + 1]), level)})"

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """The first items, in the dictionary's order."""
        if level <= 0 and x:
            return "{...}"
        parts = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        return "{" + ", ".join([*parts, *(["..."] if len(x) > self.maxdict else [])]) + "}"

    def repr_instance(self, x: Any, level: int) -> str:
        """The object's own repr, or the error that it raises."""
        del level
        try:
            text = repr(x)
        except Exception as error:  # noqa: BLE001 - the user's own __repr__
            return f"<{type(x).__name__}: its repr raises {type(error).__name__}>"
        return text if len(text) <= self.maxother else f"{text[: self.maxother]}…"


def text_of(value: Any, limit: int = TEXT) -> str:
    """The repr of a value, bounded and without what a view cannot show."""
    text = printed(Bounded(limit).repr(value))
    return text if len(text) <= limit else f"{text[:limit]}…"


def preview(value: Any) -> Shows:
    """A data frame as a table, what shows itself as a picture as an image, all else as text."""
    if isinstance(value, StepValues):
        return _of_step(value)
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


def _of_step(values: StepValues) -> Shows:
    """What a step has bound; a single value as it would be by itself, below its name."""
    if len(values) != 1:
        return {"type": "", "text": text_of(values)}
    ((name, value),) = values.items()
    found = preview(value)
    return {**found, "type": f"{name}: {found['type']}"}


def _type_of(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if isinstance(kind.__qualname__, str) else kind.__name__
    module = kind.__module__ if isinstance(kind.__module__, str) else ""
    whole = name if module in ("builtins", "__main__") else f"{module}.{name}"
    return plain(whole)[:100]


# ---- data frames and arrays


def _table(value: Any) -> tuple[str, list[list[str]]] | None:
    """The size and first cells of a series or data frame; None for anything else."""
    pandas: Any = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "DataFrame"):  # or it is being imported
        return None
    if isinstance(value, pandas.Series):
        heads = ["value" if value.name is None else value.name]
        columns, more = [value.iloc[:ROWS].array], []
        size = f"{len(value):,} values, {value.dtype}"
    elif isinstance(value, pandas.DataFrame):
        part = value.iloc[:ROWS, :COLUMNS]
        heads = list(part.columns)
        columns = [part.iloc[:, place].array for place in range(part.shape[1])]
        more = ["…"] if value.shape[1] > COLUMNS else []
        size = f"{value.shape[0]:,} rows, {value.shape[1]:,} columns"
    else:
        return None
    rows = [
        [_cell(label), *(_cell(column[row]) for column in columns), *more]
        for row, label in enumerate(value.index[:ROWS])
    ]
    return size, [["", *map(_cell, heads), *more], *rows]


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
    """The picture and the text that `value` has for a notebook, if any."""
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
    """What a display method of `value` returns; None if there is none, or it raises."""
    method = getattr(type(value), name, None)
    if not callable(method) or isinstance(value, type):
        return None
    try:
        return method(value, **options)
    except Exception:  # noqa: BLE001 - the user's own code; the repr is shown instead
        return None


def _registered(value: Any) -> bytes | None:
    """The picture by a formatter that a library registered with IPython, such as a figure's."""
    shell: Any = _shell()
    formatters = getattr(getattr(shell, "display_formatter", None), "formatters", {})
    try:
        return _bytes(formatters["image/png"].lookup(value)(value))
    except Exception:  # noqa: BLE001 - there is none, or the user's own code raises
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
    """The size of a PNG, or why it is not shown; and the picture."""
    if len(data) > LARGEST_PICTURE:
        return f"a picture of {len(data):,} bytes, too large for a preview", ""
    if not data.startswith(_PNG) or len(data) < 24:  # noqa: PLR2004 - up to its height
        return "", ""
    width, height = struct.unpack(">II", data[16:24])
    if width * height > MOST_PIXELS:
        return f"a picture of {width:,} by {height:,} pixels, too large for a preview", ""
    return f"{width:,} by {height:,} pixels", base64.b64encode(data).decode("ascii")


def listed(names: Iterable[str], most: int) -> str:
    """The first names in one line, and the number of the others."""
    known = list(names)
    more = len(known) - most
    return ", ".join(known[:most]) + (f" and {more:,} more" if more > 0 else "")
