"""Tasks whose values are kept: found before a run, found while it runs, and kept.

Before a run, what depends only on parameters, constants and other values that are kept is looked
up, so that a scope in which nothing has to run is not set up. Every other one looks for its value
when it is called with its inputs.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from time import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.elsewhere import LetGo
from resnb.errors import ResnbError
from resnb.graph.arguments import Constant
from resnb.graph.base.ports import PORTS
from resnb.graph.base.triggers import all_successful
from resnb.graph.node import Node
from resnb.graph.tasks.task import Task
from resnb.run.caching.calls import CachedCall
from resnb.run.caching.choosing import UNKNOWN, Keepers
from resnb.run.caching.code_keys import NoKeyError
from resnb.run.caching.keepers import Found, counted, input_keys, key_of, key_or_none
from resnb.run.caching.lasting import lasting
from resnb.run.caching.printed import Printed
from resnb.run.caching.store import ValueStore
from resnb.run.engine.surroundings import facts_of_flow, facts_of_task
from resnb.run.resume import is_over
from resnb.states import FOUND, Cached, State

if TYPE_CHECKING:
    from resnb.graph.flow import Flow


class FoundBefore(NamedTuple):
    """What was found before a run."""

    states: dict[Task, State]  # of tasks that need not run
    printed: dict[Task, Printed]  # what some of them have printed


def found_before(
    flow: "Flow",
    kept: Collection[Task],
    parameters: Mapping[str, Any],
    given: Mapping[Task, State],
) -> FoundBefore:
    """Tasks that need not run, since their values are kept.

    Args:
        flow: the flow.
        kept: its tasks whose values may be kept.
        parameters: values by parameter name.
        given: states that are given to the run.
    """
    look = _LookAhead(flow, parameters)
    known = {*kept, *(one.setup_task for one in flow.scopes)}
    lets_go = flow.keep_values == "terminal"
    for task in flow.sorted_tasks() if lets_go else filter(known.__contains__, flow.sorted_tasks()):
        if task in known:
            with suppress(ResnbError):  # it is said when the task runs
                look.at(task, is_given=task in given)
        if lets_go:
            look.let_go_above(task, given)
    return FoundBefore(look.states, look.printed)


def looking_first(
    flow: "Flow",
    nodes: Iterable[Node],
    parameters: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Callable[..., Any] | None]:
    """What a run calls for each of `nodes`: it looks for the value first. None if none is kept."""
    keepers, context = Keepers(flow, parameters), PORTS.context().copy
    for node in nodes:
        fault, found = "", []
        try:
            found = list(keepers.of(node, context))
        except NoKeyError as error:
            fault = str(error)
        if not found and not fault:
            yield None
            continue
        call = CachedCall(node.task, found, fault)
        yield call.run_async if node.task.signature.asynchronous else call.run


class _LookAhead:
    """What is found before a run, from what is known of inputs then."""

    def __init__(self, flow: "Flow", parameters: Mapping[str, Any]) -> None:
        self.states: dict[Task, State] = {}
        self.printed: dict[Task, Printed] = {}
        self._readers: dict[Task, set[Task]] = {}
        self._chosen = flow.reference_tasks() if flow.has_reference_tasks else frozenset()
        self._flow, self._store = flow, ValueStore()
        self._keepers = Keepers(flow, parameters)
        self._facts = facts_of_flow(flow.name, self._keepers.parameters, time())

    def at(self, task: Task, *, is_given: bool) -> None:
        """Look at the next task; those that it depends on have been looked at.

        Raises:
            NoKeyError: too little is known of it.
        """
        node, keys = self._flow.nodes[task], self._keepers.keys
        if task.kind == "setup":
            keys[task] = self._keepers.of_resource(task)
        elif not is_given and _is_decided(node, keys):
            found = self._value(task, node)
            if found is not None:
                self.states[task] = Cached(FOUND, found.value)
                if found.printed:
                    self.printed[task] = found.printed
                keys[task] = found.value_key or None

    def let_go_above(self, task: Task, given: Mapping[Task, State]) -> None:
        """Let go of what was found for `task` to be looked up, if all that reads it was found."""
        flow = self._flow
        if task not in self.states and not is_over(given.get(task)):
            return  # it is to run, or some of its children are, and reads them
        for upstream in flow.nodes[task].upstream:
            if upstream not in self.states or upstream in self._chosen:
                continue
            if upstream not in self._readers:
                after = flow.nodes[upstream].downstream
                self._readers[upstream] = {one for one in after if one.kind != "cleanup"}
            self._readers[upstream].discard(task)
            if not self._readers[upstream] and self.states[upstream].kept is not None:
                self.states[upstream] = Cached(FOUND, self._gone(upstream))

    def _gone(self, task: Task) -> LetGo:
        return LetGo(partial(self._flow.label_of, task), self._flow.name)

    def _value(self, task: Task, node: Node) -> Found | None:
        keepers = self._keepers
        age, counts = lasting(self._flow, task), counted(task.cache_validator)
        if task.target is None and age is not None and counts is not None:
            inputs = {
                name: keepers.of_input(one)
                for name, one in node.inputs.items()
                if counts.inputs is None or name in counts.inputs
            }
            by_parameters = input_keys(keepers.parameters, counts.parameters)
            key = key_of(keepers.codes(task), inputs, by_parameters)
            found = self._store.find(key, age)
            return None if found is None else Found.of(*found)
        facts = {**self._facts, **facts_of_task(task, None)}
        for keeper in keepers.of(node, lambda: facts):
            value = keeper.find(keeper.place(self._inputs(node)))
            if value is not None:
                return value._replace(value_key=value.value_key or key_or_none(value.value))
        return None

    def _inputs(self, node: Node) -> dict[str, Any]:
        """The values of inputs.

        Raises:
            NoKeyError: one is not known.
        """
        return {name: self._input(one) for name, one in node.inputs.items()}

    def _input(self, one: Any) -> Any:
        if isinstance(one, Constant):
            return one.value
        if isinstance(one, Task) and one in self.states:
            return self.states[one].result
        if isinstance(one, Task) and one.kind == "parameter":
            return self._keepers.parameters[one.name]
        raise NoKeyError(UNKNOWN)


def _is_decided(node: Node, keys: Mapping[Task, str | None]) -> bool:
    """Whether all that the task depends on is known before the run."""
    is_plain = not node.is_mapped and not node.flattened and node.task.trigger is all_successful
    return is_plain and all(keys.get(one) is not None for one in node.upstream)
