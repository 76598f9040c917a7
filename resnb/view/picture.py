"""A picture of a flow, as a notebook shows it and as a file.

Invariant: a notebook gets ``image/png`` beside stable ``text/plain`` and nothing else, since nbval
compares SVG and HTML; if no engine can draw, the text says so and the cell does not fail.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from resnb.errors import ResnbError
from resnb.view.dot import dot_source
from resnb.view.engines import render
from resnb.view.folding import folded
from resnb.view.snapshot import Snapshot
from resnb.view.text import flow_text


def bundle(text: str, draw: Callable[[], bytes]) -> dict[str, Any]:
    """``text/plain`` and, if an engine can draw it, ``image/png``; else the text says why not."""
    try:
        return {"text/plain": text, "image/png": draw()}
    except ResnbError as error:
        return {"text/plain": f"{text}\n(no picture: {error})"}


def alt_text(text: str) -> dict[str, Any]:
    """The metadata by which readers are told what a picture shows: the flow's state, what failed.

    Args:
        text: the ``text/plain`` beside it.
    """
    first, _, rest = text.partition("\n")
    failed = [line for line in rest.splitlines() if line.startswith("✗ ") and ": " in line]
    return {"image/png": {"alt": "; ".join((f"Graph of {first}", *failed))}}


class Picture:
    """What ``flow.visualize()`` returns: an object that a notebook shows as the graph.

    Args:
        snapshot: what it shows.
        format: the format of `data`: ``png``, ``svg`` or ``pdf``.
        caption: a line to add, such as the time of the run; a stable picture has none.
        in_words: what its text is of, if not of the same.

    Attributes:
        format: see above.
        text: the same in words.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        format: str = "png",  # noqa: A002 - Prefect's name
        caption: str = "",
        in_words: Snapshot | None = None,
    ) -> None:
        self.format = format
        self.text = "\n".join(filter(None, (flow_text(in_words or snapshot), caption)))
        self._snapshot = snapshot
        self._caption = caption

    @cached_property
    def source(self) -> str:
        """The graph in the DOT language; large flows are folded."""
        return dot_source(folded(self._snapshot), self._caption)

    @cached_property
    def data(self) -> bytes:
        """The picture in its format.

        Raises:
            DrawingError: no engine can draw it.
        """
        return render(self.source, self.format)

    def save(self, filename: str | Path) -> Path:
        """Write `data` to a file; the format's ending is added if it is missing.

        Raises:
            DrawingError: no engine can draw it.
        """
        path = Path(filename)
        if path.suffix != f".{self.format}":
            path = path.with_name(f"{path.name}.{self.format}")
        path.write_bytes(self.data)
        return path

    def mimebundle(self) -> dict[str, Any]:
        """What a notebook shows: text, and a PNG if there is something to see."""
        if not self._snapshot.outline.nodes:
            return {"text/plain": self.text}
        is_png = self.format == "png"
        return bundle(self.text, lambda: self.data if is_png else render(self.source, "png"))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.mimebundle(), alt_text(self.text)

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<Picture of {self._snapshot.outline.name!r}: {self.format}>"
