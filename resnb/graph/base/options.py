"""The options of tasks, functions and scopes, checked when they are given.

An error thus points at the line with the option, and not at a task that fails much later.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike, fspath
from typing import Any, TypeAlias

from resnb.durations import seconds
from resnb.errors import OptionError, nearest
from resnb.unsupported import TASK_OPTIONS as UNSUPPORTED
from resnb.unsupported import refuse, without

Check: TypeAlias = Callable[[str, str, Any], Any]
"""Takes owner, name and value of an option; returns the value as it is kept, or raises."""

_RESULT_METHODS = ("exists", "read", "write")
HOOKS = ("state_handlers", "on_running", "on_failure", "on_completion", "on_cancellation")

TASK_OPTIONS = (
    "name", "tags", "max_retries", "retry_delay", "retry_on", "retry_condition_fn", "timeout",
    "trigger", "skip_on_upstream_skip", "checkpoint", "nout", "log_stdout", *HOOKS, "thread",
    "description", "cache_for", "cache_key", "cache_validator", "target", "result",
)  # fmt: skip

SCOPE_OPTIONS = (
    "cleanup_timeout", "cleanup_retries", "ttl", "idle_timeout", "keep", "on", "lifetime",
    "cost_per_hour", "setup", "find_for",
)  # fmt: skip

FLOW_OPTIONS = (
    "executor", "cache_for", "result", "keep_values", "tasks", "edges", "reference_tasks", *HOOKS,
    "validate",
)  # fmt: skip

FUNCTION_OPTIONS = (
    "name", "retries", "retry_delay", "timeout", "executor", "keep_values", *HOOKS, "description",
    "log_prints", "flow_run_name",
)  # fmt: skip

_RUN_OPTIONS = ("executor", "task_states")
_HOMES = {
    "@task({}=...)": TASK_OPTIONS,
    "Flow(..., {}=...)": FLOW_OPTIONS,
    "@flow({}=...)": FUNCTION_OPTIONS,
    "{manager}.options({}=...)(...)": SCOPE_OPTIONS,
    "flow.run({}=...)": _RUN_OPTIONS,
}
"""Where each option is given."""

ALIASES = {
    "retries": "max_retries",
    "retry_delay_seconds": "retry_delay",
    "timeout_seconds": "timeout",
    "log_prints": "log_stdout",
}
"""The names that options have in Prefect 2 and 3."""


def refuse_unknown(
    owner: str, given: Iterable[str], known: Iterable[str], manager: str = "Manager"
) -> None:
    """Raise `OptionError` for the first of `given` that is not `known`, with what may be meant.

    Args:
        owner: whose options they are.
        given: the names that were given.
        known: the names of all options.
        manager: the resource manager's name, if there is one.
    """
    known = tuple(known)
    for name in given:
        if name not in known:
            near = nearest(name, known)
            meant = [*([repr(near)] if near else []), *elsewhere(name, owner, manager)]
            hint = did_you_mean(meant) or f"known: {', '.join(known)}"
            message = f"{owner} has no option {name!r}; {hint}"
            raise OptionError(message)


def elsewhere(name: str, owner: str = "", manager: str = "Manager") -> list[str]:
    """Where an option is given that `owner` does not have; empty if nothing has it."""
    if owner.startswith("resource") and name == "thread":
        return ["@task(thread='setup') for each task that must run where set-up ran"]
    if owner.startswith("resource") and name in TASK_OPTIONS:
        return [f"@resource_manager(setup_task_kwargs={{{name!r}: ...}})"]
    return [form.format(name, manager=manager) for form, known in _HOMES.items() if name in known]


def did_you_mean(names: Sequence[str]) -> str:
    """The question whether one of `names` was meant; empty if there are none."""
    *most, last = names or [""]
    return last and f"did you mean {', '.join(most)}{' or ' if most else ''}{last}?"


def checked(
    owner: str,
    options: Mapping[str, Any],
    known: Iterable[str] = TASK_OPTIONS,
    aliases: Mapping[str, str] = ALIASES,
    unsupported: Mapping[str, str] = UNSUPPORTED,
) -> dict[str, Any]:
    """The options as they are kept: durations in seconds, hooks as tuples.

    An option that is None is left out, since None stands for the default.

    Args:
        owner: whose options they are, for errors.
        options: the options as given.
        known: the names of all options.
        aliases: other names of some of them.
        unsupported: options that only Prefect has, with what to do instead.

    Raises:
        OptionError: an option is unknown, given twice, or its value of the wrong kind.
    """
    refuse(owner, options, unsupported)
    renamed: dict[str, Any] = {}
    for name, value in without(options, unsupported).items():
        option = aliases.get(name, name)
        if option in renamed:
            message = f"{owner}: {option} was given twice, as {name}, too"
            raise OptionError(message)
        renamed[option] = value
    refuse_unknown(owner, renamed, known)
    kept = {key: value for key, value in renamed.items() if value is not None}
    return {name: checked_value(owner, name, value) for name, value in kept.items()}


def checked_value(owner: str, name: str, value: Any) -> Any:
    """The value of option `name` as it is kept.

    Raises:
        OptionError: the value is of the wrong kind.
    """
    return _CHECKS[name](owner, name, value) if name in _CHECKS else value


def _count(owner: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"{owner}: {name}={value!r} must be a whole number of at least 0"
        raise OptionError(message)
    return value


def _duration(owner: str, name: str, value: Any) -> float | None:
    return seconds(value, f"{owner}: {name}")


def _limit(owner: str, name: str, value: Any) -> float | None:
    limit = _duration(owner, name, value)
    if limit == 0:
        message = f"{owner}: {name}={value!r} leaves no time; leave it out for the default"
        raise OptionError(message)
    return limit


def _amount(owner: str, name: str, value: Any) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        amount = float(value) if is_number or isinstance(value, str) else -1.0
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        message = f"{owner}: {name}={value!r} must be a number of at least 0, such as 0.52"
        raise OptionError(message)
    return amount


def _delay(owner: str, name: str, value: Any) -> Any:
    """A duration, one for each try, or a function of their number that gives these."""
    if callable(value):
        return value
    if isinstance(value, list | tuple):
        if not value:
            message = f"{owner}: {name}=[] has no duration; leave it out for none"
            raise OptionError(message)
        return tuple(seconds(one, f"{owner}: {name}") for one in value)
    return seconds(value, f"{owner}: {name}")


def _timeout(owner: str, name: str, value: Any) -> float | None:
    limit = _duration(owner, name, value)
    if limit == 0:
        message = f"{owner}: timeout=0 leaves no time to run; use None for no limit"
        raise OptionError(message)
    return limit


def _function(owner: str, name: str, value: Any) -> Any:
    if not callable(value):
        message = f"{owner}: {name} takes a function, not {value!r}"
        raise OptionError(message)
    return value


def _target(owner: str, name: str, value: Any) -> Any:
    """A template of a path, or a function that gives a path."""
    if callable(value):
        return value
    return text(owner, name, fspath(value) if isinstance(value, PathLike) else value)


def kept_result(owner: str, name: str, value: Any) -> Any:
    """What keeps values as files, None for nothing.

    Raises:
        OptionError: it cannot do that.
    """
    if value is None or value is False:
        return None
    if isinstance(value, type) or not all(hasattr(value, one) for one in _RESULT_METHODS):
        message = (
            f"{owner}: {name} takes a LocalResult, or another object with "
            f"{', '.join(_RESULT_METHODS)}, not {value!r}"
        )
        raise OptionError(message)
    return value


def kept_values(owner: str, value: Any) -> str:
    """The option `keep_values`.

    Raises:
        OptionError: it is neither "all" nor "terminal".
    """
    found: str = _one_of("'all' or 'terminal'", "all", "terminal")(owner, "keep_values", value)
    return found


def _trigger(owner: str, name: str, value: Any) -> Any:
    if not callable(value):
        message = f"{owner}: {name}={value!r} is not callable; see resnb.triggers"
        raise OptionError(message)
    return value


def _one_of(shown: str, *known: str) -> Check:
    def check(owner: str, name: str, value: Any) -> Any:
        if value not in known:
            message = f"{owner}: {name}={value!r} must be {shown}"
            raise OptionError(message)
        return value

    return check


def text(owner: str, name: str, value: Any) -> str:
    """`value` if it is a text that is not empty.

    Raises:
        OptionError: it is not.
    """
    if not isinstance(value, str) or not value.strip():
        message = f"{owner}: {name}={value!r} must be a text that is not empty"
        raise OptionError(message)
    return value


def hooks(owner: str, name: str, value: Any) -> tuple[Callable[..., Any], ...]:
    """`value` (None, a function, or several) as a tuple of functions.

    Raises:
        OptionError: something in `value` cannot be called.
    """
    found = _several(value, callable)
    for hook in found:
        if not callable(hook):
            message = f"{owner}: {name} takes functions, not {hook!r}"
            raise OptionError(message)
    return found


def _several(value: Any, is_one: Callable[[Any], bool]) -> tuple[Any, ...]:
    """The elements of `value`, or `value` alone if it is one element or no iterable."""
    if value is None:
        return ()
    if is_one(value) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _tags(owner: str, name: str, value: Any) -> frozenset[str]:
    if isinstance(value, str):
        message = f"{owner}: {name} takes a list of texts; write {name}=[{value!r}]"
        raise OptionError(message)
    for tag in _several(value, lambda one: isinstance(one, str)):
        if not isinstance(tag, str):
            message = f"{owner}: {name} takes a list of texts, not {tag!r}"
            raise OptionError(message)
    return frozenset(value)


def _exceptions(owner: str, name: str, value: Any) -> tuple[type[BaseException], ...]:
    kinds = _several(value, lambda one: isinstance(one, type | str))
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            message = f"{owner}: {name} takes exception classes, not {kind!r}"
            raise OptionError(message)
    return kinds


_CHECKS: dict[str, Check] = {
    "name": text,
    "cache_key": text,
    "cache_validator": _function,
    "target": _target,
    "result": kept_result,
    "retry_delay": _delay,
    "retry_condition_fn": _function,
    **dict.fromkeys(("idle_timeout", "keep", "find_for", "cache_for"), _duration),
    **dict.fromkeys(("cleanup_timeout", "ttl"), _limit),
    "timeout": _timeout,
    **dict.fromkeys(HOOKS, hooks),
    "tags": _tags,
    **dict.fromkeys(("max_retries", "retries", "nout", "cleanup_retries"), _count),
    "retry_on": _exceptions,
    "trigger": _trigger,
    "thread": _one_of("'worker' or 'setup'", "worker", "setup"),
    "on": _one_of("one of always, success, failure", "always", "success", "failure"),
    "cost_per_hour": _amount,
    "setup": _one_of("one of eager, lazy", "eager", "lazy"),
    "lifetime": _one_of("one of block, flow, kernel", "block", "flow", "kernel"),
}
