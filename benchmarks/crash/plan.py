"""Which trials a run consists of."""

import itertools
import random
from collections.abc import Collection, Iterator, Sequence

from .cells import MOMENTS
from .ends import ENDS
from .kinds import KINDS
from .rows import Spec


def whole(
    *,
    trials: int,
    seed: int,
    ends: Sequence[str] = tuple(ENDS),
    moments: Sequence[str] = MOMENTS,
    kinds: Sequence[str] = tuple(KINDS),
    reaper: bool = True,
) -> list[Spec]:
    """At least `trials` trials for each end and moment, spread evenly over `kinds`.

    The first trial of everything comes first, so that a run cut short has seen all ends; otherwise
    they are mixed, since some wait and some compute. Kinds of which nothing is claimed are tried
    once in set-up.
    """
    claimed = [kind for kind in kinds if KINDS[kind].claimed]
    each = -(-trials // max(1, len(claimed)))
    specs = [
        Spec(end, moment, kind, number, seed, reaper)
        for number, kind, moment, end in itertools.product(range(each), kinds, moments, ends)
        if KINDS[kind].claimed or (moment == "set-up" and number == 0)
    ]
    chance = random.Random(seed)  # noqa: S311 - no secret
    return sorted(specs, key=lambda spec: (spec.number, chance.random()))


def sample(*, seed: int) -> Iterator[Spec]:
    """Every end once, at moments and with kinds that take turns."""
    moments = itertools.cycle(("task", "set-up", "idle", "cleanup"))
    kinds = itertools.cycle(("folder", "popen", "late"))
    for end, moment, kind in zip(ENDS, moments, kinds, strict=False):
        yield Spec(end, moment, kind, 0, seed)


def without(done: Collection[str], specs: Sequence[Spec]) -> list[Spec]:
    """What is left to do of `specs`."""
    return [spec for spec in specs if spec.name not in done]
