"""Timeline -> DOT: every rectangle and text has its position, so that engines only paint.

Invariant: what users wrote reaches Graphviz only as a quoted, escaped label. Lengths are in points
from the upper left corner; y is turned around only where it is written.
"""

from typing import Final

from resnb.states import FIRST_UNSUCCESSFUL
from resnb.view import palette, wording
from resnb.view.dot import FONT
from resnb.view.names import counted, shown
from resnb.view.palette import LEASE, TASK, Look
from resnb.view.timeline.bands import Band, Interval, band_text
from resnb.view.timeline.bars import Bar
from resnb.view.timeline.chart import Lane, Timeline
from resnb.view.timeline.scale import duration_text

PLOT: Final = 640.0
_SIDE: Final = 10.0
_GAP: Final = 8.0
_TOP: Final = 30.0
_SCOPE: Final = 35.0
_WORKER: Final = 18.0
_BAR: Final = 13.0
_AXIS: Final = 24.0
_LEGEND: Final = 20.0
_SMALL: Final = 8.0
_NORMAL: Final = 9.0
_LABEL: Final = 24
"""The longest name of a lane, in characters."""
_NAME: Final = 32
"""The longest name on a bar."""
_FEWEST: Final = 8
"""Characters of a long name that say something."""
_LEAST: Final = 1.5
"""The least width of a bar, so that it can be seen."""
_TEXT: Final = 160
_STRIPE: Final = 4.0
_STEPS: Final = {"setup": "set-up", "cleanup": "clean-up"}


def timeline_dot(timeline: Timeline) -> str:
    """The picture of `timeline` in the DOT language, for ``nop2``, which keeps positions."""
    drawing = _Drawing(timeline)
    drawing.draw()
    return str(drawing.picture.source)


def width_of(text: str, size: float) -> float:
    """Roughly how wide `text` is in the picture's font."""
    wide = sum(ord(character) > 0x2E80 for character in text)  # noqa: PLR2004 - Chinese and so on
    return size * (0.54 * (len(text) - wide) + wide)


class _Drawing:
    def __init__(self, timeline: Timeline) -> None:
        import graphviz

        self.picture = graphviz.Graph(
            graph_attr={
                "bgcolor": palette.PAPER, "dpi": "96", "layout": "nop2",
                "outputorder": "nodesfirst", "pad": "0",
            },
            node_attr={
                "fixedsize": "true", "fontcolor": palette.INK, "fontname": FONT, "label": "",
                "margin": "0", "shape": "box", "style": "filled",
            },
        )  # fmt: skip
        self._timeline = timeline
        self._tops: list[float] = []
        top = _TOP
        for lane in timeline.lanes:
            self._tops.append(top)
            top += _SCOPE if lane.kind == "scope" else _WORKER
        self._bottom = top + 2
        labels = [width_of(shown(lane.label, _LABEL), _NORMAL) for lane in timeline.lanes]
        self._left = _SIDE + max(labels, default=0.0) + _GAP
        self._right = self._left + PLOT
        self._height = self._bottom + _AXIS + _LEGEND
        self._number = 0

    # ---- where and what

    def _x(self, seconds: float) -> float:
        timeline = self._timeline
        part = (seconds - timeline.first) / (timeline.last - timeline.first)
        return self._left + PLOT * min(max(part, 0.0), 1.0)

    def _box(self, left: float, top: float, right: float, bottom: float, **look: str) -> None:
        width, height = max(right - left, 0.8), max(bottom - top, 0.8)
        place = f"{left + width / 2:.2f},{self._height - top - height / 2:.2f}"
        size = {"width": f"{width / 72:.4f}", "height": f"{height / 72:.4f}"}
        self._number += 1
        self.picture.node(f"n{self._number}", pos=place, **size, **({"penwidth": "0"} | look))

    def _text(
        self, text: str, left: float, top: float, *, size: float = _NORMAL, ink: str, at: str = "l"
    ) -> None:
        """Write `text` right of `left`, left of it (``at="r"``), or around it (``at="c"``)."""
        import graphviz

        text = shown(text, _TEXT)
        width = width_of(text, size) * 1.3 + 4
        start = {"l": left, "r": left - width, "c": left - width / 2}[at]
        escaped = graphviz.escape(text.replace("&", "&amp;"))
        label = graphviz.nohtml(f"{escaped}\\{at}" if at != "c" else escaped)
        place = {"style": "", "fontsize": f"{size:g}", "fontcolor": ink, "label": label}
        self._box(start, top, start + width, top + size + 4, **place)

    # ---- the parts

    def draw(self) -> None:
        timeline = self._timeline
        self._box(0, 0, self._right + 2 * _SIDE, self._height, fillcolor=palette.PAPER)
        title = (timeline.name, wording.of_code(timeline.code), duration_text(timeline.seconds))
        self._text(wording.SEPARATOR.join(title), _SIDE, 6, size=11, ink=palette.INK)
        self._grid()
        scopes = [place for place, one in enumerate(timeline.lanes) if one.kind == "scope"]
        homes = [place for place in scopes if timeline.lanes[place].label in self._bands]
        for place in homes:
            self._shade(self._bands[timeline.lanes[place].label], self._tops[place])
        for place, lane in enumerate(timeline.lanes):
            self._lane(lane, self._tops[place])
        self._legend()

    @property
    def _bands(self) -> dict[str, Band]:
        return {band.label: band for band in self._timeline.bands}

    def _grid(self) -> None:
        for tick in self._timeline.ticks:
            at = self._x(tick.at)
            self._box(at - 0.3, _TOP - 4, at + 0.3, self._bottom + 3, fillcolor="#e6e9ed")
            ink = {"size": _SMALL, "ink": palette.FAINT}
            self._text(tick.label, at, self._bottom + 4, at="c", **ink)  # type: ignore[arg-type]
        for top in (*self._tops, self._bottom):
            self._box(self._left, top - 0.25, self._right, top + 0.25, fillcolor="#eef0f2")

    def _shade(self, band: Band, top: float) -> None:
        """The time that the resource was open, behind the lanes below its own."""
        if band.open is None:
            return
        line = LEASE[band.lease].line
        start, end = self._x(band.open[0]), self._x(band.open[1])
        low = top + _SCOPE - 5
        self._box(start, low, end, self._bottom, fillcolor=f"{line}1c")
        for at, is_seen in ((start, band.open[0] >= 0), (end, not self._is_cut(band.open))):
            if is_seen:
                self._box(at - 0.35, low, at + 0.35, self._bottom, fillcolor=f"{line}70")

    def _is_cut(self, interval: Interval) -> bool:
        return interval[1] > self._timeline.last

    def _lane(self, lane: Lane, top: float) -> None:
        label, ink = shown(lane.label, _LABEL), palette.INK
        band = self._bands.get(lane.label) if lane.kind == "scope" else None
        height = _SCOPE if lane.kind == "scope" else _WORKER
        low = top + height - _BAR - (4 if lane.kind == "scope" else (_WORKER - _BAR) / 2)
        if band is not None:
            ink = LEASE[band.lease].ink
            self._strip(band, {self._timeline.kind_of(bar) for bar in lane.bars}, top + 2, low)
        self._text(label, _SIDE, low, ink=ink)
        for bar in lane.bars:
            self._bar(bar, low)

    def _strip(self, band: Band, kinds: set[str], top: float, low: float) -> None:
        """The band itself, and its set-up and clean-up unless the run has bars for them."""
        look, said = LEASE[band.lease], band_text(band)
        intervals = [one for one in (band.setup, band.open, band.cleanup) if one is not None]
        start = self._x(min((one[0] for one in intervals), default=0.0))
        at = min(start, self._right - width_of(said, _SMALL))
        self._text(said, at, top, size=_SMALL, ink=look.ink)
        for kind, step in (("setup", band.setup), ("cleanup", band.cleanup)):
            if step is not None and kind not in kinds and step[0] < self._timeline.last:
                left, right = self._x(step[0]), self._x(step[1])
                pen = {"color": look.line, "penwidth": "0.8"}
                self._box(
                    left, low + 1, right, low + _BAR - 1, **pen, **_striped(look, right - left)
                )
        if band.open is None:
            return
        left, right = self._x(band.open[0]), self._x(band.open[1])
        line = {"color": look.line, "penwidth": "0.8", "fillcolor": look.fill}
        self._box(left, low + 1, right, low + _BAR - 1, **line)
        for used in band.used:
            place = (self._x(used[0]), low + 1, self._x(used[1]), low + _BAR - 1)
            self._box(*place, fillcolor=f"{look.line}80")
        for at, is_cut in ((left + 9, band.open[0] < 0), (right - 9, self._is_cut(band.open))):
            if is_cut:  # the band goes on beyond the picture
                self._box(at - 2, low - 1, at + 2, low + _BAR + 1, fillcolor=palette.PAPER)

    def _bar(self, bar: Bar, low: float) -> None:
        timeline, look = self._timeline, TASK[bar.code]
        left, right = self._x(bar.start), self._x(bar.end)
        kind, is_wide = timeline.kind_of(bar), right - left >= 3  # noqa: PLR2004 - points
        pen = f"{min(look.strength, 1.6):g}" if is_wide else "0"
        narrow = look.line if bar.code >= FIRST_UNSUCCESSFUL else f"{look.line}90"
        style = {"color": look.line, "penwidth": pen, "fillcolor": look.fill if is_wide else narrow}
        if kind in _STEPS and is_wide:
            style |= _striped(look, right - left)
        elif look.style not in ("solid", "bold"):
            style["style"] = f"filled,{look.style}"
        self._box(left, low, max(right, left + _LEAST), low + _BAR, **style)
        text = "" if kind in _STEPS else _fitting(timeline.label_of(bar), right - left - 6)
        if text:
            middle = (left + right) / 2
            self._text(text, middle, low + 0.5, size=_SMALL, ink=look.ink, at="c")

    def _legend(self) -> None:
        """The meaning of the colours in this picture."""
        timeline, at, top = self._timeline, self._left, self._bottom + _AXIS
        bars = [(timeline.kind_of(bar), bar.code) for lane in timeline.lanes for bar in lane.bars]
        for code in sorted({code for kind, code in bars if kind not in _STEPS}):
            look = TASK[code]
            style = {"color": look.line, "penwidth": "0.8", "fillcolor": look.fill}
            at = self._entry(TASK[code].word, at, top, style)
        steps = [TASK[code] for kind, code in bars if kind in _STEPS]
        if steps:
            line = {"color": steps[0].line, "penwidth": "0.8"}
            at = self._entry("set-up, clean-up", at, top, line | _striped(steps[0], 14))
        bands = [band for band in timeline.bands if band.open is not None]
        if bands:
            look = LEASE[bands[0].lease]
            line = {"color": look.line, "penwidth": "0.8"}
            at = self._entry("resource in use", at, top, line | {"fillcolor": f"{look.line}80"})
            at = self._entry("idle", at, top, line | {"fillcolor": look.fill})
            if any(one.open and (one.open[0] < 0 or self._is_cut(one.open)) for one in bands):
                start, words = at, "open before or after this run"
                at = self._entry(words, at, top, line | {"fillcolor": look.fill})
                self._box(start + 5, top + 1, start + 9, top + 11, fillcolor=palette.PAPER)
        if timeline.more_bands:
            rest = f"{counted(timeline.more_bands, 'more resource')} not shown"
            self._text(rest, at, top, size=_SMALL, ink=palette.FAINT)

    def _entry(self, text: str, left: float, top: float, style: dict[str, str]) -> float:
        self._box(left, top + 2, left + 14, top + 10, **style)
        self._text(text, left + 17, top, size=_SMALL, ink=palette.FAINT)
        return left + 17 + width_of(text, _SMALL) + 14


def _fitting(name: str, room: float) -> str:
    """As much of a name as there is room for; empty if that would say nothing."""
    text = shown(name, _NAME)
    if width_of(text, _SMALL) >= room:
        most = int(room / width_of("n", _SMALL))
        text = shown(name, most) if most >= _FEWEST else ""
    return text if width_of(text, _SMALL) < room else ""


def _striped(look: Look, width: float) -> dict[str, str]:
    """Upright stripes in the colours of `look`."""
    pairs = max(1, min(60, round(width / (2 * _STRIPE))))
    return {"style": "striped", "fillcolor": ":".join([look.fill, f"{look.line}90"] * pairs)}
