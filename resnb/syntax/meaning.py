"""What a rebuilt resource means to a clean-up that stands alone: which of its variables it gives.

One rule for what ``find`` found, ``attach`` rebuilt and ``lease.record`` was given: a dictionary
whose keys are variables of the clean-up gives those; anything else is the value that was yielded
(``yield process, folder`` takes a pair), or the only variable that set-up makes for the clean-up.
"""

from collections.abc import Mapping
from typing import Any

from resnb.errors import CleanupError
from resnb.syntax.body import Halves


def meant(
    name: str, halves: Halves, value: Any, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The variables of the clean-up that `value` gives.

    Args:
        name: what the resource is called, for errors.
        halves: the body.
        value: the rebuilt resource.
        known: variables that are known otherwise.

    Raises:
        CleanupError: it leaves variables out that set-up makes for the clean-up.
    """
    known = known or {}
    wanted = halves.split.variables - {"lease"}
    rest = [one for one in halves.made if one not in known]
    found: Mapping[str, Any] = {}
    if isinstance(value, dict) and value and value.keys() <= wanted:
        found = value
    elif halves.yielded:
        found = _yielded(name, halves, value)
    elif len(rest) == 1:
        found = {rest[0]: value}
    variables = {**known, **{one: found[one] for one in wanted & found.keys()}}
    if missing := [one for one in halves.made if one not in variables]:
        shape = ", ".join(f"{one!r}: {one}" for one in halves.made)
        raise CleanupError(
            f"resource {name!r}: its clean-up uses {', '.join(missing)}, too: let find, attach "
            f"and lease.record give {{{shape}}}"
        )
    return variables


def _yielded(name: str, halves: Halves, value: Any) -> dict[str, Any]:
    names = halves.yielded
    if not halves.unpacked:
        return {names[0]: value}
    try:
        return dict(zip(names, value, strict=True))
    except (TypeError, ValueError):
        raise CleanupError(
            f"resource {name!r}: it yields {', '.join(names)}: let find, attach and lease.record "
            "give as many values"
        ) from None


__all__ = ["meant"]
