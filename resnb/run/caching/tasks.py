"""Tasks whose values last: found before a run, found while it runs, and stored.

Before a run, what depends only on parameters, constants and other values that are kept is looked
up, so that a scope in which nothing has to run is not set up. Whatever else has ``cache_for`` looks
for its value when it is called with its inputs.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from resnb.errors import CacheError
from resnb.graph.arguments import Constant
from resnb.graph.base.signals import Signal
from resnb.graph.base.triggers import all_successful
from resnb.graph.node import Node
from resnb.graph.tasks.task import Task
from resnb.run.caching.lasting import lasting
from resnb.run.caching.store import ValueStore
from resnb.run.caching.value_keys import NoKeyError, code_key, digest, value_key
from resnb.states import Cached, State

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

FOUND = "its value was kept"
_said: set[str] = set()


class CacheHit(Signal):
    """Ends a task with a value that was kept."""

    state_class = Cached


def found_before(
    flow: "Flow", parameters: Mapping[str, Any], given: Mapping[Task, State]
) -> dict[Task, State]:
    """The states of tasks that need not run, since their values are kept.

    Args:
        flow: the flow.
        parameters: values by parameter name.
        given: states that are given to the run.
    """
    store, keys, codes = ValueStore(), _parameter_keys(flow, parameters), CodeKeys()
    states: dict[Task, State] = {}
    for task in flow.sorted_tasks():
        node = flow.nodes[task]
        try:
            if task.kind == "setup":
                keys[task] = _resource_key(flow, task, keys)
            elif task not in given and _is_decided(node, keys):
                age = lasting(flow, task)
                inputs = {name: _input_key(one, keys) for name, one in node.inputs.items()}
                found = None if age is None else store.find(_key(codes(task), inputs), age)
                if found is not None:
                    states[task] = Cached(FOUND, found[1])
                    keys[task] = found[0].value_key or None
        except (NoKeyError, CacheError):
            continue  # it is said when the task runs
    return states


def looking_first(
    flow: "Flow",
    nodes: Iterable[Node],
    parameters: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Callable[..., Any] | None]:
    """What a run calls for each task whose value lasts, as it looks for that first; else None."""
    codes, keys = CodeKeys(), _parameter_keys(flow, parameters)
    for node in nodes:
        age = lasting(flow, node.task)
        if age is None:
            yield None
            continue
        call = _CachedCall(flow, node, age, codes, keys)
        yield call.run_async if node.task.signature.asynchronous else call.run


class _CachedCall:
    """The call of a task whose value lasts; it pickles, for workers of a cluster."""

    def __init__(
        self,
        flow: "Flow",
        node: Node,
        age: float,
        codes: "CodeKeys",
        keys: Mapping[Task, str | None],
    ) -> None:
        task = node.task
        self._names = flow.name, task.name
        self._age = age
        self._code = task.run if "run" in task.__dict__ else task.copy().run
        signature = task.signature
        self._positional, self._rest = signature.positional, signature.var_positional
        self._fixed: dict[str, str] = {}
        self._fault = self._made_by = ""
        try:
            self._made_by = codes(task)
            for name, one in node.inputs.items():
                if isinstance(one, Task) and one.kind == "setup":  # a live thing has no key
                    self._fixed[name] = _resource_key(flow, one, keys)
        except NoKeyError as error:
            self._fault = str(error)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Find the value, or compute and store it."""
        key = self._look(args, kwargs)
        value = self._code(*args, **kwargs)
        self._keep(key, value)
        return value

    async def run_async(self, *args: Any, **kwargs: Any) -> Any:
        """The same for a coroutine."""
        key = self._look(args, kwargs)
        value = await self._code(*args, **kwargs)
        self._keep(key, value)
        return value

    def _look(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """The key of this call, None if it has none.

        Raises:
            CacheHit: its value is kept.
        """
        if self._fault:
            self._say(f"is computed each time: {self._fault}")
            return None
        extra = len(args) - len(self._positional)
        names = [*self._positional, *(f"{self._rest}[{i}]" for i in range(extra))]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        try:
            inputs = {n: self._fixed.get(n) or value_key(value) for n, value in given.items()}
            key = _key(self._made_by, inputs)
            found = ValueStore().find(key, self._age)
        except (NoKeyError, CacheError) as error:
            self._say(f"is computed each time: {error}")
            return None
        if found is not None:
            raise CacheHit(FOUND, found[1])
        return key

    def _keep(self, key: str | None, value: Any) -> None:
        if key is None:
            return
        try:
            own = value_key(value)
        except NoKeyError:
            own = ""
        flow, task = self._names
        try:
            ValueStore().save(key, value, flow=flow, task=task, value_key=own)
        except CacheError as error:
            self._say(f"is not kept: {error}")

    def _say(self, fault: str) -> None:
        """Tell once what cannot be kept."""
        line = f"task {self._names[1]!r} {fault}"
        if line not in _said:
            _said.add(line)
            print(line, file=sys.stderr)  # noqa: T201


class CodeKeys:
    """The keys of tasks' codes; those of one function are looked at once in a run."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def __call__(self, task: Task) -> str:
        """The key of a task's code, and its own `cache_key`.

        Raises:
            NoKeyError: the code refers to a value that has no key.
        """
        code = id(task.__dict__.get("run", task))
        if code not in self._known:
            self._known[code] = code_key(task)
        return digest((self._known[code], task.cache_key or ""))


def _key(made_by: str, inputs: Mapping[str, str]) -> str:
    return digest((made_by, sorted(inputs.items())))


def _is_decided(node: Node, keys: Mapping[Task, str | None]) -> bool:
    """Whether all that the task depends on is known before the run."""
    is_plain = not node.is_mapped and not node.flattened and node.task.trigger is all_successful
    return is_plain and all(keys.get(one) is not None for one in node.upstream)


def _input_key(value: Any, keys: Mapping[Task, str | None]) -> str:
    if isinstance(value, Constant):
        return value_key(value.value)
    found = keys.get(value) if isinstance(value, Task) else None
    if found is None:
        message = "an input is not known yet"
        raise NoKeyError(message)
    return found


def _parameter_keys(flow: "Flow", parameters: Mapping[str, Any]) -> dict[Task, str | None]:
    keys: dict[Task, str | None] = {}
    for one in flow.parameters():
        with suppress(NoKeyError):
            keys[one] = value_key(parameters.get(one.name, one.default))
    return keys


def _resource_key(flow: "Flow", setup: Task, keys: Mapping[Task, str | None]) -> str:
    """What a scope's variable is to a value: its definition and its arguments, not the thing.

    Raises:
        NoKeyError: an argument is the value of a task.
    """
    made = setup.scope.init_task
    inputs = {name: _input_key(one, keys) for name, one in flow.nodes[made].inputs.items()}
    return digest(("resource", code_key(made), sorted(inputs.items())))
