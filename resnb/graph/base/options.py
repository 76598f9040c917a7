"""The options of a task, checked when they are given rather than when the task fails."""

from collections.abc import Callable, Iterable
from typing import Any

from resnb.durations import seconds
from resnb.errors import OptionError
from resnb.graph.base import unsupported

TASK_OPTIONS = (
    "name", "tags", "max_retries", "retry_delay", "retry_on", "timeout", "trigger",
    "skip_on_upstream_skip", "checkpoint", "nout", "log_stdout", "state_handlers", "on_failure",
    "on_completion", "on_cancellation", "thread",
)  # fmt: skip

ALIASES = {
    "retries": "max_retries",
    "retry_delay_seconds": "retry_delay",
    "timeout_seconds": "timeout",
    "log_prints": "log_stdout",
}
"""Options by the names of Prefect 2 and 3, and what they are called here."""


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `OptionError` for the first of `given` that is not in `known`, naming the nearest."""
    known = tuple(known)
    for name in given:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            message = f"{owner} has no option {name!r}; {hint}"
            raise OptionError(message)


def checked(owner: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options` as a task keeps them: durations in seconds, hooks and exceptions as tuples.

    An option that is None is left out: it stands for the default.

    Args:
        owner: the task's name, for errors.
        options: the options as given.

    Raises:
        OptionError: an option is unknown or its value of the wrong kind.
    """
    options = _renamed(owner, options)
    unsupported.refuse(f"task {owner!r}", options, unsupported.TASK_OPTIONS)
    refuse_unknown(f"task {owner!r}", options, TASK_OPTIONS)
    kept = {key: value for key, value in options.items() if value is not None}
    if "name" in kept:
        kept["name"] = checked_name(owner, kept["name"])
    for name in ("retry_delay", "timeout"):
        if name in kept:
            kept[name] = seconds(kept[name], f"task {owner!r}: {name}")
    if kept.get("timeout") == 0:
        message = f"task {owner!r}: timeout=0 leaves no time to run; use None for no limit"
        raise OptionError(message)
    for name in ("state_handlers", "on_failure", "on_completion", "on_cancellation"):
        if name in kept:
            kept[name] = hooks(f"task {owner!r}", name, kept[name])
    if "tags" in kept:
        kept["tags"] = _tags(owner, kept["tags"])
    count(f"task {owner!r}", kept, "max_retries")
    count(f"task {owner!r}", kept, "nout")
    if "retry_on" in kept:
        kept["retry_on"] = _exceptions(owner, kept["retry_on"])
    _check_choices(owner, kept)
    return kept


def count(owner: str, options: dict[str, Any], name: str) -> None:
    """Refuse option `name` if it is there and no whole number of at least 0.

    Raises:
        OptionError: it is not.
    """
    value = options.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"{owner}: {name}={value!r} must be a whole number of at least 0"
        raise OptionError(message)


def _renamed(owner: str, options: dict[str, Any]) -> dict[str, Any]:
    """`options` by the names of Prefect 1.x; those of Prefect 2 and 3 are understood, too."""
    if options.keys().isdisjoint(ALIASES):
        return options
    found: dict[str, Any] = {}
    for name, value in options.items():
        known = ALIASES.get(name, name)
        if known in found:
            message = f"task {owner!r}: {known} was given twice, as {name}, too"
            raise OptionError(message)
        found[known] = value
    return found


def _check_choices(owner: str, options: dict[str, Any]) -> None:
    trigger = options.get("trigger", print)
    if not callable(trigger):
        message = f"task {owner!r}: trigger={trigger!r} is not callable; see resnb.triggers"
        raise OptionError(message)
    thread = options.get("thread", "worker")
    if thread not in ("worker", "setup"):
        message = f"task {owner!r}: thread={thread!r} must be 'worker' or 'setup'"
        raise OptionError(message)


def checked_name(owner: str, value: object) -> str:
    """`value` if it can be a task's name.

    Raises:
        OptionError: it is no text, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        message = f"task {owner!r}: name={value!r} must be a text that is not empty"
        raise OptionError(message)
    return value


def hooks(owner: str, name: str, value: Any) -> tuple[Callable[..., Any], ...]:
    """`value` (nothing, a function, or several) as a tuple of functions.

    Args:
        owner: whose hooks they are, for errors.
        name: the option, likewise.
        value: the option's value.

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
    """The elements of `value`; `value` itself if it is one element (or nothing usable)."""
    if value is None:
        return ()
    if is_one(value) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _tags(owner: str, value: Any) -> frozenset[str]:
    if isinstance(value, str):
        message = f"task {owner!r}: tags takes a list of texts; write tags=[{value!r}]"
        raise OptionError(message)
    for tag in _several(value, lambda one: isinstance(one, str)):
        if not isinstance(tag, str):
            message = f"task {owner!r}: tags takes a list of texts, not {tag!r}"
            raise OptionError(message)
    return frozenset(value)


def _exceptions(owner: str, value: Any) -> tuple[type[BaseException], ...]:
    kinds = value if isinstance(value, tuple | list) else (value,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            message = f"task {owner!r}: retry_on takes exception classes, not {kind!r}"
            raise OptionError(message)
    return tuple(kinds)


__all__ = [
    "ALIASES",
    "TASK_OPTIONS",
    "checked",
    "checked_name",
    "count",
    "hooks",
    "refuse_unknown",
]
