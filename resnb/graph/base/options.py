"""The options of tasks, flows, functions and scopes: their names, and hints for a wrong one.

Options are checked when they are given, so that the error points at that line, and not at a task
that fails much later.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from resnb.errors import OptionError, nearest
from resnb.graph.base.option_values import HOOKS, checked_value
from resnb.unsupported import TASK_OPTIONS as UNSUPPORTED
from resnb.unsupported import refuse, without

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
    """Raise `OptionError` for the first of `given` that is not `known`, with a hint.

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
    """Where to give an option that `owner` does not have; empty if nothing has it."""
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
