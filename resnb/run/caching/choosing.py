"""Which keepers a task has in a run, and the keys of what they find values by."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from resnb.cache_validators import never_use
from resnb.graph.arguments import Constant
from resnb.graph.node import Node
from resnb.graph.tasks.task import Task
from resnb.run.caching.calls import say_once
from resnb.run.caching.code_keys import NoKeyError
from resnb.run.caching.keepers import ByKey, ByValidator, Context, Keeper, counted
from resnb.run.caching.lasting import lasting, result_of
from resnb.run.caching.results import LocalResult
from resnb.run.caching.targets import AtResult, AtTarget
from resnb.run.caching.value_keys import code_key, digest, value_key

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

UNKNOWN = "an input is not known yet"


class CodeKeys:
    """What makes tasks' values, as keys; the code of one function is looked at once in a run."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str | None], str] = {}

    def __call__(self, task: Task) -> str:
        """The key of a task's code and its `cache_key`; with a validator, of that alone if given.

        Raises:
            NoKeyError: the code refers to a value that has no key.
        """
        if task.cache_validator is not None and task.cache_key is not None:
            return digest(("cache_key", task.cache_key))
        code = id(task.__dict__.get("run", task))
        found = self._known.get((code, task.cache_key))
        if found is None:
            if (code, None) not in self._known:
                self._known[code, None] = code_key(task)
            found = self._known[code, None]
            if task.cache_key is not None:
                found = self._known[code, task.cache_key] = digest((found, task.cache_key))
        return found


class Keepers:
    """Where the values of a flow's tasks may be kept in one run.

    Attributes:
        parameters: their values, by name.
        keys: the keys of tasks' values, as far as they are known.
        codes: the keys of tasks' codes.
    """

    def __init__(self, flow: "Flow", parameters: Mapping[str, Any]) -> None:
        self._flow = flow
        tasks = [one for one in flow.parameter_names.values() if one in flow.nodes]
        self.parameters = {one.name: parameters.get(one.name, one.default) for one in tasks}
        self.codes = CodeKeys()
        self.keys: dict[Task, str | None] = {}
        for one in tasks:
            with suppress(NoKeyError):
                self.keys[one] = value_key(self.parameters[one.name])

    def of(self, node: Node, context: Context) -> Iterator[Keeper]:
        """Where the value of one task may be kept.

        Raises:
            NoKeyError: the task's code has no key.
        """
        flow, task = self._flow, node.task
        if task.kind != "task":
            return
        result, writes = result_of(flow, task), task.checkpoint is not False
        if task.target is not None:
            result = result or LocalResult()
            yield AtTarget(task.name, task.target, result, context, writes=writes)
            return
        age, validator = lasting(flow, task), task.cache_validator
        if age is None and validator is not None:
            say_once(task.name, "has a cache_validator, but no cache_for: its value is not kept")
        if age is not None and validator is not never_use:
            yield self._in_store(node, age)
        if result is not None and writes:
            yield AtResult(result, context)

    def _in_store(self, node: Node, age: float) -> Keeper:
        task = node.task
        names, made_by = (self._flow.name, task.name), self.codes(task)
        counts = counted(task.cache_validator)
        if counts is None:
            return ByValidator(task, names, made_by, age, self.parameters)
        fixed = {
            name: self.of_resource(one)
            for name, one in node.inputs.items()
            if isinstance(one, Task)
            and one.kind == "setup"  # a live thing has no key
            and (counts.inputs is None or name in counts.inputs)
        }
        return ByKey(names, made_by, age, counts, self.parameters, fixed)

    def of_resource(self, setup: Task) -> str:
        """What a scope's variable is to a value: its definition and its arguments, not the thing.

        Raises:
            NoKeyError: an argument is the value of a task.
        """
        made = setup.scope.init_task
        inputs = self._flow.nodes[made].inputs.items()
        keys = {name: self.of_input(one) for name, one in inputs}
        return digest(("resource", code_key(made), sorted(keys.items())))

    def of_input(self, value: Any) -> str:
        """The key of an input.

        Raises:
            NoKeyError: it is not known.
        """
        if isinstance(value, Constant):
            return value_key(value.value)
        found = self.keys.get(value) if isinstance(value, Task) else None
        if found is None:
            raise NoKeyError(UNKNOWN)
        return found
