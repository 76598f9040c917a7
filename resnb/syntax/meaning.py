"""Which variables of a clean-up a rebuilt resource provides, when the clean-up runs by itself.

The same rule applies to what ``find`` found, ``attach`` rebuilt and ``lease.record`` recorded. A
dictionary whose keys are variables of the clean-up provides those. Anything else is the yielded
value (a pair for ``yield process, folder``), or else the only variable that set-up makes for the
clean-up.
"""

from collections.abc import Mapping
from typing import Any

from resnb.errors import CleanupError
from resnb.syntax.body import SplitBody


def variables_from(
    name: str, split: SplitBody, value: Any, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The variables of the clean-up that `value` provides.

    Args:
        name: the resource's name, for errors.
        split: the resource's body.
        value: the rebuilt resource.
        known: variables that are known already.

    Raises:
        CleanupError: a variable that set-up makes for the clean-up is missing.
    """
    known = known or {}
    wanted = split.parts.variables - {"lease"}
    rest = [one for one in split.made if one not in known]
    found: Mapping[str, Any] = {}
    if isinstance(value, dict) and value and value.keys() <= wanted:
        found = value
    elif split.yielded:
        found = _yielded(name, split, value)
    elif len(rest) == 1:
        found = {rest[0]: value}
    variables = {**known, **{one: found[one] for one in wanted & found.keys()}}
    if missing := [one for one in split.made if one not in variables]:
        shape = ", ".join(f"{one!r}: {one}" for one in split.made)
        raise CleanupError(
            f"resource {name!r}: its clean-up uses {', '.join(missing)}, too: let find, attach "
            f"and lease.record give {{{shape}}}"
        )
    return variables


def _yielded(name: str, split: SplitBody, value: Any) -> dict[str, Any]:
    names = split.yielded
    if not split.unpacked:
        return {names[0]: value}
    try:
        return dict(zip(names, value, strict=True))
    except (TypeError, ValueError):
        raise CleanupError(
            f"resource {name!r}: it yields {', '.join(names)}: let find, attach and lease.record "
            "give as many values"
        ) from None
