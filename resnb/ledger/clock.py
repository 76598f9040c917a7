"""Time for leases: durations go by the boot clock, whatever is done to the wall clock meanwhile.

Standard library only.
"""

import time
from collections.abc import Callable

from resnb.ledger.owner import this_boot

AGREED = 2.0
"""By how much clocks may differ and count as the same, in seconds."""
_LOOKS = 100


def since_boot() -> float:
    """Seconds since the boot, including those that the system slept where it counts them."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


class Clock:
    """A clock that shows the wall clock's time when it was made, and goes on with the boot clock.

    Args:
        wall: the wall clock, in seconds since the epoch.
        steady: the boot clock, in seconds.
        boot: tells this boot's clock from those of other boots; empty if nothing does.

    Attributes:
        base: what this clock shows, less the boot clock; that stays as it is.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = since_boot,
        boot: str | None = None,
    ) -> None:
        self.wall = wall
        self.steady = steady
        self.boot = this_boot() if boot is None else boot
        self.base = self.wall_base()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.base + self.steady()

    def wall_base(self) -> float:
        """What the wall clock shows now, less the boot clock.

        The process may have stood still between the looks at the two; then it looks again.
        """
        for _ in range(_LOOKS):
            before = self.steady()
            found = self.wall() - before
            if self.steady() - before < AGREED / 10:
                break
        return found


CLOCK = Clock()
"""This process's clock."""
now = CLOCK.now


def on_the_wall(when: float) -> float:
    """A time of this process's clock as the wall clock has it now, for people."""
    return when + time.time() - now()


def begun_anew(wall: float, seen: float, ahead: float) -> float:
    """The ledger's time when it is first used after a boot, in seconds since the epoch.

    Nobody has counted since the last boot. The wall clock may have been wrong then, or may be now,
    so of the times that it may be, this is the earliest which is not before what was seen.

    Args:
        wall: the wall clock.
        seen: the latest time in the ledger.
        ahead: how far the ledger was ahead of the wall clock in the last boot.
    """
    return min((one for one in (wall, wall + ahead) if one >= seen), default=seen)
