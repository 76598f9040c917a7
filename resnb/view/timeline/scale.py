"""The axis of a timeline: its ticks, and durations in words. Pure."""

from typing import Final, NamedTuple

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_DECIMALS: Final = (1, 2, 5)
_LONG: Final = (
    30, 60, 120, 300, 600, 900, 1800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY,
)  # fmt: skip
_SHORTEST: Final = 1e-6


class Tick(NamedTuple):
    """A mark on the axis."""

    at: float  # seconds since the run began
    label: str  # that in words


def ticks(span: float, most: int = 8) -> tuple[Tick, ...]:
    """Round times from 0 to `span` seconds, `most` at most, evenly spaced."""
    step = _step(max(span, _SHORTEST) / max(most - 1, 1))
    number = int(span / step + 1e-9) + 1
    return tuple(Tick(place * step, _label(place * step, step)) for place in range(number))


def _step(least: float) -> float:
    """The smallest round number of seconds that is not below `least`."""
    if least > _LONG[-1]:
        return _DAY * _decimal(least / _DAY)
    if least > 20:  # noqa: PLR2004 - seconds; beyond that nobody counts by tens
        return next(float(one) for one in _LONG if one >= least)
    return _decimal(least)


def _decimal(least: float) -> float:
    steps = (digit * 10.0**power for power in range(-7, 12) for digit in _DECIMALS)
    return next(step for step in steps if step >= least * (1 - 1e-9))


def _label(seconds: float, step: float) -> str:
    if step >= _HOUR:
        return f"{seconds / _HOUR:g} h"
    if step >= _MINUTE:
        return f"{seconds / _MINUTE:g} min"
    if step >= 1:
        return f"{seconds:.0f} s"
    if step >= 0.1:  # noqa: PLR2004 - a tenth of a second
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:g} ms" if step >= 0.001 else f"{1e6 * seconds:.4g} µs"  # noqa: PLR2004 - a millisecond


def duration_text(seconds: float) -> str:
    """A duration in a few characters: ``380 ms``, ``12.4 s``, ``2 min 05 s``, ``1 h 10 min``."""
    if seconds < 0.001:  # noqa: PLR2004 - a millisecond
        return "under 1 ms"
    if seconds < 0.9995:  # noqa: PLR2004 - what is rounded to a second
        return f"{1000 * seconds:.3g} ms"
    if seconds < 10:  # noqa: PLR2004 - seconds
        return f"{seconds:.2f} s"
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"
