"""What Prefect has and resnb does not, on purpose, and what to do instead.

``docs/coming-from-prefect.md`` has the same as a table. `None` and `False` for an option that is
left out are accepted, since they ask for nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from resnb.errors import OptionError, nearest, shown_without_ours
from resnb.instructions import is_import

_LATER = "run the notebook later or often with cron, papermill or a CI job"
_KEEP = "use result=LocalResult(...), or write what you want to keep in the task"
_ELSEWHERE = "use LocalResult, or any object with exists, read and write"
_HERE = "a flow runs where its notebook runs; choose executor=... for where its tasks run"
_AGAIN = "use cache_for='7d', and cache_key='...' to tell values apart"
_NEXT = "let the flow end there, and start the next one when you are ready"
_NAMED = "use name=..., or task_args={'name': ...} where the task is called"
_KEYRING = "read os.environ, or the keyring you use, in the task"
_ERASED = "results are not persisted; write them in a task"
_GIT = "a flow lives in its notebook or module, which git keeps"
_NO_SERVER = "there is no server: run the flow where its notebook runs"
_NO_VERSION = "leave it out: flows are not registered anywhere"
_LIBRARY = "write a task of a few lines that calls the library itself"

TASK_OPTIONS = {
    **dict.fromkeys(
        ("cache_key_fn", "cache_expiration", "cache_policy", "refresh_cache"), _AGAIN
    ),
    "task_run_name": _NAMED,
    "result_handler": _KEEP,
    "slug": "use name=...",
    **dict.fromkeys(
        (
            "persist_result", "result_storage", "result_storage_key", "result_serializer",
            "cache_result_in_memory",
        ),
        _ERASED,
    ),
    "version": _NO_VERSION,
    "viz_return_value": "leave it out: the graph is drawn as it unfolds",
    "on_commit": "do it at the end of the task",
    "on_rollback": "use `with resource(...)`, whose clean-up always runs",
    "retry_jitter_factor": "give retry_delay a list, or a function of the number of the try",
}  # fmt: skip
FLOW_OPTIONS = {
    "schedule": _LATER,
    "run_config": _HERE,
    "environment": _HERE,
    "storage": _GIT,
    "result_handler": _KEEP,
    "terminal_state_handler": "use state_handlers=[...], which may give another final state",
}
FUNCTION_OPTIONS = {
    "task_runner": "use executor=ThreadExecutor(max_workers=...) or executor=DaskExecutor(...)",
    "validate_parameters": "values are passed as they are; check them in the function",
    "version": _NO_VERSION,
    "on_crashed": "a kernel that dies is the reaper's business; use `with resource(...)`",
    **dict.fromkeys(("persist_result", "result_storage", "result_serializer"), _ERASED),
    "cache_result_in_memory": "leave it out: results are kept until the next run",
}
FLOW_METHODS = {
    "register": "there is no server: run the flow with flow.run()",
    "run_agent": "there are no agents: run the flow with flow.run()",
    "serialize": "keep the notebook or the module that builds the flow",
    "serialized_hash": "keep the notebook or the module that builds the flow",
    "save": "keep the notebook or the module that builds the flow",
    "load": "run the notebook or import the module that builds the flow",
    "slugs": "use the tasks themselves, or flow.get_tasks(name=...)",
    "diagnostics": "look at repr(flow), flow.tasks and flow.edges",
    "serve": _LATER,
    "deploy": _LATER,
    "from_source": _GIT,
    "to_deployment": _LATER,
    "version": "flows are not registered anywhere",
}
RUN_OPTIONS = {
    "run_on_schedule": f"leave it out, for a run begins at once; to repeat it, {_LATER}",
    "runner_cls": "choose executor=...",
    "start_tasks": "pass the state of an earlier run as task_states=...",
    "context": "write `with context(x=1):` around the run",
    "task_contexts": "pass what a task needs as its argument",
    "state": "pass the state of an earlier run as task_states=...",
    "task_runner_state_handlers": "give the tasks state_handlers=[...]",
    "flow_run_name": "runs have no names of their own; use the flow's name",
}
EXECUTOR_OPTIONS = {
    "performance_report_path": "use `with dask.distributed.performance_report(filename=...)`",
    "disable_cancellation_event": "leave it out: a cancelled task is told to stop",
    "watch_worker_status": "leave it out: workers are always watched",
}
NEEDLESS = frozenset({"return_tasks", "return_failed"})
"""Options of a run that are accepted, for what they ask for is so in any case."""
SIGNALS = {
    "PAUSE": _NEXT,
    "VALIDATIONFAIL": "raise FAIL",
    "PrefectStateSignal": "use Signal, the base of all signals",
    "signal_from_state": "raise the signal itself",
}
STATES = {
    **dict.fromkeys(("Paused", "Resume"), _NEXT),
    **dict.fromkeys(("Scheduled", "Submitted", "Queued", "ClientFailed"), _NO_SERVER),
    "Looped": "raise LOOP; until the last round, the state is Retrying",
    "ValidationFailed": "use Failed",
    "Cancelling": "use Cancelled",
    "Crashed": "a kernel that dies is the reaper's business",
    "Completed": "use Success, or return a value",
    "Late": _NO_SERVER,
}
TRIGGERS = {"manual_only": _NEXT}
EVENTS = {
    **dict.fromkeys(
        ("emit_event", "DeploymentEventTrigger", "DeploymentCompoundTrigger"), _NO_SERVER
    ),
    "Event": "use RunBegan, RunEnded or StructureChanged, and EVENTS.listen",
}
CONTEXT = {
    "config": "read os.environ, or import a module of your own",
    "secrets": _KEYRING,
    "caches": _AGAIN,
    **dict.fromkeys(("flow_id", "flow_run_version", "task_id", "task_run_version"), _NO_SERVER),
    "task_slug": "use context.task_name",
    "task_run_name": "use context.task_full_name",
    "resume": _NEXT,
    "checkpointing": "leave it out: result and target always write",
    "backend": _NO_SERVER,
    "project_name": _NO_SERVER,
    "project_id": _NO_SERVER,
    "scheduled_flow_run": _LATER,
}
MODULES = {
    "tasks": f"{_LIBRARY}; case, switch, ifelse, merge and FilterTask are in resnb itself",
    "schedules": _LATER,
    "storage": _GIT,
    "run_configs": _HERE,
    "environments": _HERE,
    "client": _NO_SERVER,
    "agent": _NO_SERVER,
    "backend": _NO_SERVER,
    "artifacts": "print it, or display it in the notebook",
    "serialization": "keep the notebook or the module that builds the flow",
    "config": "read os.environ, or import a module of your own",
    "configuration": "read os.environ, or import a module of your own",
    "core": "use `from resnb import Flow, Task, Parameter`",
    "engine": "use `from resnb import signals, states, cache_validators, LocalResult`",
    "executors": "use `from resnb import LocalExecutor, ThreadExecutor, DaskExecutor`",
    "utilities": "use `from resnb import task, tags, unmapped, flatten, apply_map, context`",
    "exceptions": "use `from resnb.errors import ...`, or `from resnb import signals`",
    "task_runners": FUNCTION_OPTIONS["task_runner"],
    "futures": "use `from resnb import wait, as_completed`",
    "logging": "use `from resnb import get_run_logger`",
    "deployments": _LATER,
    "blocks": _KEYRING,
    "filesystems": "use fsspec in the task",
    "runtime": "use `from resnb import context`",
    "variables": "read os.environ, or use a parameter",
    "cache_policies": _AGAIN,
    "flows": "use `from resnb import flow`",
    "orion": _NO_SERVER,
    "concurrency": "use executor=ThreadExecutor(max_workers=...)",
    "transactions": "use `with resource(...)`, whose clean-up always runs",
    "results": _ERASED,
    "input": _NEXT,
    "docker": _HERE,
    "workers": _NO_SERVER,
    "settings": "read os.environ, or import a module of your own",
    **dict.fromkeys(("automations", "flow_runs", "manifests", "plugins", "telemetry"), _NO_SERVER),
    **dict.fromkeys(("flow_runners", "infrastructure", "bundles"), _HERE),
    "assets": "print it, or display it in the notebook",
    "types": "use Python's own types",
}
"""Prefect's modules, as far as resnb has none of that name."""
CONTEXT_OBJECT = "use `from resnb import context`, an object with what is known of the run"
INTEGRATIONS = {
    "prefect_dask": "use executor=DaskExecutor(...)",
    "prefect_ray": "use executor=ThreadExecutor(max_workers=...) or executor=DaskExecutor(...)",
}
"""Packages that extend Prefect; for any other the advice is that for a library."""
NAMES = {
    **MODULES,
    "Client": _NO_SERVER,
    "get_client": _NO_SERVER,
    "Secret": _KEYRING,
    "pause_task": _NEXT,
    "Constant": "pass the value itself",
    **dict.fromkeys(
        ("List", "Tuple", "Set", "Dict"), "pass a list, tuple, set or dict with tasks inside"
    ),
    "CompareValue": "use `with case(task, value):`",
    "raise_on_exception": "call state.raise_for_failure() after the run",
    **dict.fromkeys(("PrefectSecret", "EnvVarSecret"), _KEYRING),
    "LocalResultHandler": "use result=LocalResult(dir=...)",
    "GetAttr": "write a task that returns the attribute",
    "StartFlowRun": "call the other notebook's or module's flow",
    "create_flow_run": "call the other notebook's or module's flow",
    "models": _NO_SERVER,
    "api": _NO_SERVER,
    "Manifest": _NO_SERVER,
    "State": "use `from resnb.states import State`",
    **dict.fromkeys(("get_run_context", "FlowRunContext", "TaskRunContext"), CONTEXT_OBJECT),
    "serve": _LATER,
    "deploy": _LATER,
    "pause_flow_run": _NEXT,
    "suspend_flow_run": _NEXT,
    "resume_flow_run": _NEXT,
    **dict.fromkeys(
        ("ConcurrentTaskRunner", "SequentialTaskRunner", "ThreadPoolTaskRunner", "DaskTaskRunner"),
        FUNCTION_OPTIONS["task_runner"],
    ),
    **dict.fromkeys(
        (
            "AzureResult",
            "ConstantResult",
            "GCSResult",
            "MySQLResult",
            "PrefectResult",
            "Result",
            "S3Result",
            "SecretResult",
        ),
        _ELSEWHERE,
    ),
    **dict.fromkeys(
        (
            "CompressedSerializer",
            "DateTimeSerializer",
            "JSONSerializer",
            "PandasSerializer",
            "Serializer",
        ),
        "give LocalResult a serializer=, any object with serialize and deserialize",
    ),
    "PickleSerializer": "leave it out: LocalResult pickles",
    "slack_notifier": "use callback_factory, or a function that posts to your webhook",
    "gmail_notifier": "use callback_factory, or a function that sends the mail",
}


def refuse(owner: str, given: Mapping[str, Any], table: Mapping[str, str]) -> None:
    """Raise `OptionError` for the first option in `given` that is left out, with what to do.

    Those that are None or False pass.
    """
    for name, value in given.items():
        if name in table and not asks_nothing(value):
            message = f"{owner} has no option {name!r}, which Prefect has: {table[name]}"
            raise OptionError(message)


def asks_nothing(value: Any) -> bool:
    """Whether an option that is left out may have `value`."""
    return value is None or value is False


def without(given: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    """`given` without the options that are left out."""
    return {name: value for name, value in given.items() if name not in table}


def refuse_name(
    module: str, name: str, table: Mapping[str, str], known: Iterable[str] = ()
) -> NoReturn:
    """Raise for a name that a module or object does not have, with what to do instead.

    Args:
        module: the module or object, as errors call it.
        name: the name.
        table: what Prefect has there, and what to do instead.
        known: the names that it has, one of which may have been meant.

    Raises:
        ImportError: the name was to be imported.
        AttributeError: it was read as an attribute.
    """
    message = f"{module} has no {name!r}"
    if name in table:
        message += f", which Prefect has: {table[name]}"
        if is_import(2):  # Python would hide an AttributeError behind a message of its own
            raise shown_without_ours(ImportError(message, name=module))
    elif not name.startswith("_") and (near := nearest(name, known)):
        message += f"; did you mean {near!r}?"
    raise shown_without_ours(AttributeError(message))


def refuse_module(name: str) -> None:
    """Raise for one of Prefect's modules, with what to do instead; pass for any other name.

    Args:
        name: of the module, as part of resnb: ``resnb.tasks.shell``.

    Raises:
        ModuleNotFoundError: Prefect has such a module, and resnb, on purpose, has not.
    """
    top = name.split(".")[1]
    remedy = CONTEXT_OBJECT if top == "context" else MODULES.get(top)
    if remedy is not None:
        message = f"resnb has no {name!r}, which Prefect has: {remedy}"
        raise shown_without_ours(ModuleNotFoundError(message, name=name))


def of_integration(module: str) -> str:
    """What to do instead of a package that extends Prefect, such as ``prefect_dask``."""
    return INTEGRATIONS.get(module.partition(".")[0], _LIBRARY)


class LeftOut:
    """An option of Prefect's flows as an attribute: None, and nothing else can be set."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy

    def __set_name__(self, owner: type, name: str) -> None:
        self._message = f"a flow has no {name!r}, which Prefect has: {self._remedy}"

    def __get__(self, instance: object, owner: type) -> None:
        return None

    def __set__(self, instance: object, value: object) -> None:
        if not asks_nothing(value):
            raise OptionError(self._message)
