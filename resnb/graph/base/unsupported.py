"""What Prefect has and resnb does not, on purpose, and what to do instead.

``docs/coming-from-prefect.md`` has the same as a table.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from resnb.errors import OptionError

_LATER = "run the notebook later or often with cron, papermill or a CI job"
_KEEP = "write what you want to keep to a file or a database in the task"
_HERE = "a flow runs where its notebook runs; choose executor=... for where its tasks run"

TASK_OPTIONS = {
    "cache_for": "keep the value in the task, or pass task_states=... to flow.run",
    "cache_validator": "keep the value in the task, or pass task_states=... to flow.run",
    "cache_key": "keep the value in the task, or pass task_states=... to flow.run",
    "result": _KEEP,
    "target": "let the task itself look whether its file is there",
    "task_run_name": "use name=..., or task_args={'name': ...} where the task is called",
    "slug": "use name=...",
}
FLOW_OPTIONS = {
    "schedule": _LATER,
    "run_config": _HERE,
    "storage": "a flow lives in its notebook or module, which git keeps",
    "result": _KEEP,
    "terminal_state_handler": "use state_handlers=[...], which may give another final state",
}
FUNCTION_OPTIONS = {
    "task_runner": "use executor=ThreadExecutor(max_workers=...)",
    "flow_run_name": "runs have no names of their own; use name=...",
    "validate_parameters": "values are passed as they are; check them in the function",
    "version": "leave it out: flows are not registered anywhere",
    "on_crashed": "a kernel that dies is the reaper's business; use `with resource(...)`",
    "on_running": "log the beginning in the function with get_run_logger()",
    "persist_result": "results are not persisted; write them in a task",
    "result_storage": "results are not persisted; write them in a task",
    "result_serializer": "results are not persisted; write them in a task",
    "cache_result_in_memory": "leave it out: results are kept until the next run",
}
FLOW_METHODS = {
    "register": "there is no server: run the flow with flow.run()",
    "run_agent": "there are no agents: run the flow with flow.run()",
    "serialize": "keep the notebook or the module that builds the flow",
    "save": "keep the notebook or the module that builds the flow",
    "load": "run the notebook or import the module that builds the flow",
    "slugs": "use the tasks themselves, or flow.get_tasks(name=...)",
    "diagnostics": "look at repr(flow), flow.tasks and flow.edges",
}
RUN_OPTIONS = {
    "run_on_schedule": f"leave it out, for a run begins at once; to repeat it, {_LATER}",
    "runner_cls": "choose executor=...",
    "return_tasks": "leave it out, for state.result has every task",
    "task_contexts": "pass what a task needs as its argument",
    "context": "pass what a task needs as its argument, or use a Parameter",
    "state": "pass the state of an earlier run as task_states=...",
    "task_runner_state_handlers": "give the tasks state_handlers=[...]",
}
SIGNALS = {
    "LOOP": "write a loop in the task, or raise RETRY to be called again",
    "PAUSE": "let the flow end there, and start the next one when you are ready",
    "VALIDATIONFAIL": "raise FAIL",
}
TRIGGERS = {"manual_only": "let the flow end there, and start the next one when you are ready"}


def refuse(owner: str, given: Iterable[str], table: Mapping[str, str]) -> None:
    """Raise `OptionError` for the first of `given` that is in `table`, with what to do instead."""
    for name in given:
        if name in table:
            message = f"{owner} has no option {name!r}, which Prefect has: {table[name]}"
            raise OptionError(message)


def refuse_name(module: str, name: str, table: Mapping[str, str]) -> NoReturn:
    """Raise `AttributeError` for a module or object, with what to do instead."""
    message = f"{module} has no {name!r}"
    if name in table:
        message += f", which Prefect has: {table[name]}"
    raise AttributeError(message)


class LeftOut:
    """An attribute of Prefect's flows: reading or setting it raises, with what to do instead."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy

    def __set_name__(self, owner: type, name: str) -> None:
        self._message = f"a flow has no {name!r}, which Prefect has: {self._remedy}"

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError(self._message)

    def __set__(self, instance: object, value: object) -> None:
        raise OptionError(self._message)
