"""Which trials a run consists of."""

import itertools
import random
from collections.abc import Collection, Iterator, Sequence

from .cells import MOMENTS
from .ends import ENDS
from .kinds import KINDS
from .process_ends import PROCESS_ENDS
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
    """At least `trials` trials for each end and moment, spread evenly over the kinds that fit it.

    The first trial of everything comes first, so that a run cut short has seen all ends; otherwise
    they are mixed, since some wait and some compute. Kinds of which nothing is claimed are tried
    once in set-up.
    """
    specs = []
    for end in ends:
        fitting = [kind for kind in kinds if fits(end, kind)]
        claimed = sum(KINDS[kind].claimed for kind in fitting)
        each = -(-trials // max(1, claimed))
        specs += [
            Spec(end, moment, kind, number, seed, reaper)
            for number, kind, moment in itertools.product(range(each), fitting, moments)
            if KINDS[kind].claimed or (moment == "set-up" and number == 0)
        ]
    chance = random.Random(seed)  # noqa: S311 - no secret
    return sorted(specs, key=lambda spec: (spec.number, chance.random()))


def fits(end: str, kind: str) -> bool:
    """Whether things of a kind are tried with an end: what outlives a container is outside it.

    A warden cleans up by kind only, and a clean-up whose length an end chooses is none of a kind.
    """
    own, known = ENDS[end], KINDS[kind]
    if known.by_kind and own.cleanup is not None:
        return False
    return own.is_whole == known.outside and (known.by_kind or not own.is_shared)


def sample(*, seed: int) -> Iterator[Spec]:
    """Every end of a process once, at moments and with kinds that take turns."""
    moments = itertools.cycle(("task", "set-up", "idle", "cleanup"))
    kinds = itertools.cycle(("folder", "popen", "late", "by-kind", "folder"))
    for end, moment, kind in zip(PROCESS_ENDS, moments, kinds, strict=False):
        yield Spec(end, moment, kind, 0, seed)


def without(done: Collection[str], specs: Sequence[Spec]) -> list[Spec]:
    """What is left to do of `specs`."""
    return [spec for spec in specs if spec.name not in done]
