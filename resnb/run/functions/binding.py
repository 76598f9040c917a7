"""A call of a task in a ``@flow`` function: its arguments, and what it depends on."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.errors import GraphError, OptionError
from resnb.graph.base.building import BUILDING
from resnb.graph.base.inputs import allow_failure, flat, is_sequence, unwrapped
from resnb.graph.base.triggers import all_successful, tally_of
from resnb.graph.tasks.task import Task
from resnb.run.functions.call_arguments import CallArguments, futures_in, search
from resnb.run.functions.futures import TaskFuture
from resnb.states import State

if TYPE_CHECKING:
    from resnb.graph.base.signature import Signature
    from resnb.run.functions.provenance import Provenance


class BoundCall(NamedTuple):
    """One call of a task.

    Attributes:
        task: the task, which is new.
        arguments: what its code is called with.
        inputs: the rows that each argument comes from, and whether it is the whole result of one.
        control: rows that only have to end first.
        returns_state: whether the caller wants the state rather than the value.
    """

    task: Task
    arguments: CallArguments
    inputs: dict[str, tuple[list[int], bool]]
    control: list[int]
    returns_state: bool = False

    def upstream(self) -> list[int]:
        """All rows that it depends on."""
        if not self.inputs and not self.control:
            return []
        rows = [row for found, _ in self.inputs.values() for row in found]
        return list(dict.fromkeys([*rows, *self.control]))


def bound(
    task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any], provenance: "Provenance"
) -> BoundCall:
    """The call of `task` with these arguments and options.

    Raises:
        OptionError: an argument is missing or surplus, or an option is of the wrong kind.
    """
    options, given = _options(task.signature, kwargs)
    new = task._use(options.get("task_args"))  # noqa: SLF001 - a call is the definition's business
    tags = BUILDING.get().tags
    if tags:
        new.tags = new.tags | tags
    named, _ = task.signature.assign(f"task {task.name!r}", args, given)
    allowed = [value for value in named.values() if type(value) is allow_failure]
    if allowed:
        named, given = (
            {k: _bare(v) for k, v in named.items()},
            {k: _bare(v) for k, v in given.items()},
        )
        args = tuple(_bare(one) for one in args)
        new.trigger = _unless_allowed({one.task for one in futures_in(allowed)})
    inputs, has_futures = _inputs(named, provenance)
    control: list[int] = []
    for option in ("wait_for", "upstream_tasks"):
        if option in options:
            control += _control(task, option, options[option], provenance)
    returns_state = bool(options.get("return_state"))
    return BoundCall(new, CallArguments(args, given, has_futures), inputs, control, returns_state)


def _bare(value: Any) -> Any:
    return value.value if type(value) is allow_failure else value


def _unless_allowed(allowed: set[Task]) -> Callable[[Mapping[Any, State]], bool]:
    """A trigger that asks for success of all upstream tasks but these."""

    def may_fail(upstream: Mapping[Any, State]) -> bool:
        judged = [state for edge, state in upstream.items() if edge.upstream_task not in allowed]
        return all_successful.decide(tally_of(judged))

    return may_fail


def bound_resource(
    owner: str, named: Mapping[str, Any], provenance: "Provenance"
) -> dict[str, tuple[list[int], bool]]:
    """The rows that the arguments of a resource come from.

    Raises:
        OptionError: one of them is a future.
    """
    inputs, has_futures = _inputs(named, provenance)
    if has_futures:
        message = f"{owner}: a future is no argument of a resource: pass its .result()"
        raise OptionError(message)
    return inputs


def _inputs(
    named: Mapping[str, Any], provenance: "Provenance"
) -> tuple[dict[str, tuple[list[int], bool]], bool]:
    inputs: dict[str, tuple[list[int], bool]] = {}
    has_futures = False
    for key, value in named.items():
        rows, futures = search(value, provenance)
        if rows:
            whole = type(value) is TaskFuture or provenance.row_of(value) is not None
            inputs[key] = rows, whole
            has_futures = has_futures or futures
    return inputs, has_futures


def _options(
    signature: "Signature", kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The options among the keywords of a call, and the rest; a parameter hides an option."""
    names = _CALL_OPTIONS & kwargs.keys()
    if not names:
        return {}, kwargs
    own = signature.keyword_only.union(signature.positional)
    options = {name: kwargs[name] for name in names - own}
    return options, {key: value for key, value in kwargs.items() if key not in options}


_CALL_OPTIONS = frozenset({"task_args", "wait_for", "upstream_tasks", "return_state"})


def _control(task: Task, option: str, value: Any, provenance: "Provenance") -> Iterator[int]:
    if value is None:
        return
    if isinstance(value, TaskFuture | str) or not isinstance(value, Iterable):
        message = f"task {task.name!r}: {option} takes a list of futures; put brackets around it"
        raise OptionError(message)
    for one in value:
        rows, _ = search(one, provenance)
        yield from rows


def items(
    task: Task, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of each child of a mapped call; each gets the whole of a number or text.

    Raises:
        GraphError: an argument is no sequence, or none is mapped over.
    """
    options, given = _options(task.signature, kwargs)
    named = [*enumerate(args), *given.items()]
    each: dict[Any, list[Any]] = {}
    whole: dict[Any, Any] = {}
    for key, value in named:
        inner, mapped, flattened = unwrapped(_bare(value), mapped=True)
        if not mapped or isinstance(inner, str | bytes) or not hasattr(type(inner), "__iter__"):
            whole[key] = flat(inner) if flattened else inner
            continue
        if not is_sequence(inner) and not isinstance(inner, Iterator | range | set | frozenset):
            message = (
                f"task {task.name!r} cannot be mapped over {key}={inner!r}, which is no "
                "sequence: wrap it in unmapped(...) to pass it to every child"
            )
            raise GraphError(message)
        each[key] = list(flat(inner) if flattened else inner)
        if type(value) is allow_failure:
            each[key] = [allow_failure(one) for one in each[key]]
    if not each:
        message = (
            f"task {task.name!r} is mapped over nothing: submit it, or give it at least one list "
            "that is not unmapped(...)"
        )
        raise GraphError(message)
    for index in range(min(len(found) for found in each.values())):
        child = {**whole, **{key: found[index] for key, found in each.items()}}
        keywords = {key: child[key] for key in given}
        yield tuple(child[place] for place in range(len(args))), {**keywords, **options}
