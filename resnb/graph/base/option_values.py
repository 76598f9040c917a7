"""The values of options: checked, and turned into the form in which they are kept."""

from collections.abc import Callable, Iterable
from os import PathLike, fspath
from typing import Any, TypeAlias

from resnb.durations import seconds
from resnb.errors import OptionError

Check: TypeAlias = Callable[[str, str, Any], Any]
"""Takes owner, name and value of an option; returns the value as it is kept, or raises."""

HOOKS = ("state_handlers", "on_running", "on_failure", "on_completion", "on_cancellation")
"""The options that are hooks."""
_RESULT_METHODS = ("exists", "read", "write")


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
    """A duration, one for each try, or a function that makes these from the number of tries."""
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
    """A template of a path, or a function that returns a path."""
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
