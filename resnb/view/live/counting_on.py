"""What is known of a resource's times -> what they are later, without reading the run's record.

Pure. It is what the front end reckons while nothing changes, and a guess that the next reading
makes exact.
"""

from typing import NamedTuple

from resnb.states import PENDING, RUNNING
from resnb.view.wire.graph import ScopeTimes


class Look(NamedTuple):
    """What a snapshot says of a resource.

    Attributes:
        steps: the states of its init, set-up and clean-up.
        opened: how many are open.
        busy: whether a task in its block is running.
        is_mapped: whether there may be several.
    """

    steps: tuple[int, int, int]
    opened: int
    busy: bool
    is_mapped: bool


def counted_on(known: ScopeTimes, seconds: float, look: Look) -> ScopeTimes:
    """The times after `seconds` in which all was as `known` says, and then as `look` says.

    Args:
        known: the times before.
        seconds: how long ago that was.
        look: what is seen now.
    """
    opened, used = known["open"], known["used"]
    is_new = look.opened == 1 or look.steps[1] in (PENDING, RUNNING)
    if known["opened"] == 0 and is_new and not look.is_mapped:  # set up, maybe again
        opened = used = 0.0
    elif used is not None and known["busy"] and known["opened"]:
        used = round(used + seconds, 3)
    _, setup, cleanup = known["steps"]
    return {
        "steps": look.steps,
        "setup": _step(known["setup"], seconds, setup, look.steps[1]),
        "cleanup": _step(known["cleanup"], seconds, cleanup, look.steps[2]),
        "open": round(opened + seconds * known["opened"], 3),
        "opened": look.opened,
        "used": used,
        "busy": look.busy,
    }


def _step(known: float | None, seconds: float, before: int, now: int) -> float | None:
    """How long a set-up or clean-up has taken that was and is in these states."""
    if before == RUNNING:
        return round((known or 0.0) + seconds, 3)
    return 0.0 if now == RUNNING else known
