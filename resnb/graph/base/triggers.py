"""Triggers: whether a task may run, given how its upstream tasks ended.

The built-in triggers need only a *tally* of the upstream states, so that a fan-in of 10,000 costs
a few additions. A user's function gets ``{Edge: State}``, as in Prefect 1.x. Skipped tasks count as
successful. A mapped task counts as its children, unless the task is mapped over it.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

from resnb.errors import OptionError
from resnb.graph.base.signals import SKIP, TRIGGERFAIL
from resnb.states import State


class Tally(NamedTuple):
    """The number of upstream tasks by how they ended."""

    total: int
    successful: int
    failed: int
    skipped: int


class Trigger:
    """A named rule over a tally.

    Raises:
        TRIGGERFAIL: when called, if the rule does not hold.
        SKIP: when called, if the task is to be skipped.
    """

    __slots__ = ("__name__", "_rule", "requirement")

    def __init__(self, name: str, requirement: str, rule: Callable[[Tally], bool]) -> None:
        self.__name__ = name
        self.requirement = requirement
        self._rule = rule

    def decide(self, tally: Tally) -> bool:
        """Whether the task runs, given `tally`."""
        if not self._rule(tally):
            message = f"trigger {self.__name__!r} wants {self.requirement}"
            raise TRIGGERFAIL(message)
        return True

    def __call__(self, upstream_states: Mapping[Any, State]) -> bool:
        """Whether the task runs, given the state of each upstream edge (as in Prefect)."""
        return self.decide(tally_of(upstream_states.values() if upstream_states else ()))

    def __repr__(self) -> str:
        """The name that it is imported by."""
        return f"triggers.{self.__name__}"


TriggerLike: TypeAlias = Trigger | Callable[[Mapping[Any, State]], bool]


def tally_of(upstream: Collection[State]) -> Tally:
    """Count the states, repeated ones once and mapped ones as their children."""
    total = successful = failed = skipped = 0
    for state in {id(one): one for one in upstream}.values():
        for one in getattr(state, "map_states", ()) or (state,):
            total += 1
            successful += one.is_successful()
            failed += one.is_failed()
            skipped += one.is_skipped()
    return Tally(total, successful, failed, skipped)


def _not_all_skipped(tally: Tally) -> bool:
    if tally.total and tally.skipped == tally.total:
        message = "all upstream tasks were skipped"
        raise SKIP(message)
    return tally.successful == tally.total


all_successful = Trigger(
    "all_successful", "all upstream tasks successful", lambda t: t.successful == t.total
)
all_failed = Trigger("all_failed", "all upstream tasks failed", lambda t: t.failed == t.total)
any_successful = Trigger(
    "any_successful",
    "at least one upstream task successful",
    lambda t: t.successful > 0 or not t.total,
)
any_failed = Trigger(
    "any_failed", "at least one upstream task failed", lambda t: t.failed > 0 or not t.total
)
all_finished = Trigger("all_finished", "all upstream tasks finished", lambda _: True)
always_run = all_finished
not_all_skipped = Trigger(
    "not_all_skipped", "all upstream tasks successful and not all skipped", _not_all_skipped
)


def some_failed(at_least: float | None = None, at_most: float | None = None) -> Any:
    """Run if the number of failed upstream tasks is within bounds.

    Args:
        at_least: lower bound: a count, or, below 1, a share of the upstream tasks.
        at_most: upper bound, a count or a share as well.
    """
    return _some("some_failed", "failed", lambda tally: tally.failed, at_least, at_most)


def some_successful(at_least: float | None = None, at_most: float | None = None) -> Any:
    """Run if the number of successful upstream tasks is within bounds.

    Args:
        at_least: lower bound: a count, or, below 1, a share of the upstream tasks.
        at_most: upper bound, a count or a share as well.
    """
    return _some("some_successful", "successful", lambda t: t.successful, at_least, at_most)


def _some(
    name: str,
    what: str,
    count: Callable[[Tally], int],
    at_least: Any,
    at_most: float | None,
) -> Any:
    if isinstance(at_least, Mapping):  # the function itself was given as trigger, and is called
        return _some(name, what, count, None, None)(at_least)
    for bound in (at_least, at_most):
        if bound is not None and bound < 0:
            message = f"{name}: a bound is a count or a share of the upstream tasks, not {bound!r}"
            raise OptionError(message)

    def absolute(bound: float, total: int) -> float:
        return bound * total if bound < 1 else bound

    def rule(tally: Tally) -> bool:
        if not tally.total:
            return True
        found = count(tally)
        low = at_least is None or found >= absolute(at_least, tally.total)
        return low and (at_most is None or found <= absolute(at_most, tally.total))

    bounds = [f"at least {at_least}"] * (at_least is not None)
    bounds += [f"at most {at_most}"] * (at_most is not None)
    return Trigger(name, f"{' and '.join(bounds) or 'any number of'} upstream tasks {what}", rule)
