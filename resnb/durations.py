"""Durations as users write them: ``"30s"``, ``"10m"``, ``"2h"``, seconds, or a timedelta."""

from typing import TYPE_CHECKING, TypeAlias

from resnb.errors import OptionError

if TYPE_CHECKING:
    from datetime import timedelta

    Duration: TypeAlias = "str | float | timedelta"

UNITS = (("d", 86400), ("h", 3600), ("m", 60))
"""The larger units with their seconds, the largest first."""
LONGEST = 100 * 365 * 86400
"""No duration is longer, in seconds: the system's clocks cannot count to what is much longer."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def seconds(value: "Duration | None", option: str) -> float | None:
    """`value` in seconds.

    Args:
        value: a text such as ``"90s"``, ``"1.5h"`` or ``"2d"``, a number of seconds, a timedelta,
            or None.
        option: the option's name, for errors.

    Raises:
        OptionError: `value` is none of these, negative, or longer than 100 years.
    """
    if value is None:
        return None
    total = _parse(value)
    if total is None or not 0 <= total < float("inf"):
        message = (
            f"{option}={value!r} is no duration: write '30s', '10m', '2h', a number of seconds "
            "or a timedelta"
        )
        raise OptionError(message)
    if total > LONGEST:
        message = f"{option}={value!r} is longer than 100 years; leave it out for no limit"
        raise OptionError(message)
    return total


def _parse(value: "Duration") -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str):
        text = value.strip().lower()
        number = text.rstrip("smhd")
        unit = text[len(number) :]
        try:
            return float(number) * _UNITS[unit]
        except (ValueError, KeyError):
            return None
    total = getattr(value, "total_seconds", None)
    return float(total()) if total is not None else None


__all__ = ["seconds"]


def span(seconds: float) -> str:
    """A number of seconds in its largest unit, such as ``5m``."""
    whole = max(0, int(seconds))
    for unit, size in UNITS:
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"
