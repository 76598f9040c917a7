"""What a run calls for a task whose values are kept: it looks for the value first."""

from collections.abc import Iterable, Mapping
from typing import Any

from resnb.errors import CacheError
from resnb.graph.base.signals import Signal
from resnb.graph.tasks.task import Task
from resnb.run.caching.code_keys import NoKeyError
from resnb.run.caching.keepers import Keeper
from resnb.run.caching.printed import Printed, print_again, recorded
from resnb.run.output.notices import notice
from resnb.states import FOUND, Cached

_said: set[str] = set()


class CacheHit(Signal):
    """Ends a task with a value that was kept."""

    state_class = Cached


class CachedCall:
    """The call of such a task; it pickles, for workers of a cluster.

    Args:
        task: the task.
        keepers: where its value may be, in the order in which to look.
        fault: why it is computed each time; empty if it is not.
    """

    def __init__(self, task: Task, keepers: Iterable[Keeper], fault: str) -> None:
        self._task, self._fault = task.name, fault
        self._keepers = tuple(keepers)
        self._code = task.run if "run" in task.__dict__ else task.copy().run
        signature = task.signature
        self._positional, self._rest = signature.positional, signature.var_positional

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Find the value, or compute and keep it."""
        places = self._look(args, kwargs)
        with recorded() as recording:
            value = self._code(*args, **kwargs)
        self._keep(places, value, recording.printed)
        return value

    async def run_async(self, *args: Any, **kwargs: Any) -> Any:
        """The same for a coroutine."""
        places = self._look(args, kwargs)
        with recorded() as recording:
            value = await self._code(*args, **kwargs)
        self._keep(places, value, recording.printed)
        return value

    def _look(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[Keeper, Any]]:
        """Where the value of this call is to be kept.

        Raises:
            CacheHit: it is there.
        """
        if self._fault:
            say_once(self._task, f"is computed each time: {self._fault}")
        extra = len(args) - len(self._positional)
        names = [*self._positional, *(f"{self._rest}[{i}]" for i in range(extra))]
        inputs = {**dict(zip(names, args, strict=False)), **kwargs}
        places = []
        for keeper in self._keepers:
            try:
                place = keeper.place(inputs)
                found = keeper.find(place)
            except (NoKeyError, CacheError) as error:
                say_once(self._task, f"is computed each time: {error}")
                continue
            if found is not None:
                print_again(found.printed)
                raise CacheHit(FOUND, found.value)
            places.append((keeper, place))
        return places

    def _keep(self, places: list[tuple[Keeper, Any]], value: Any, printed: Printed) -> None:
        for keeper, place in places:
            try:
                keeper.keep(place, value, printed)
            except CacheError as error:
                say_once(self._task, f"is not kept: {error}")


def say_once(task: str, fault: str) -> None:
    """Tell once what cannot be kept."""
    line = f"task {task!r} {fault}"
    if line not in _said:
        _said.add(line)
        notice(line)
