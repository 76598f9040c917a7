"""Where Prefect's names are in resnb, and what to do instead of those that are left out."""

from functools import cache
from importlib import import_module
from typing import Final

from resnb import unsupported

_ROOT = "resnb"
_MODULES: Final = {
    "prefect": _ROOT,
    "prefect.engine": _ROOT,
    "prefect.engine.cache_validators": "resnb.cache_validators",
    "prefect.engine.signals": "resnb.signals",
    "prefect.engine.state": "resnb.states",
    "prefect.states": "resnb.states",
    "prefect.orion.schemas.states": "resnb.states",
    "prefect.triggers": "resnb.triggers",
    **dict.fromkeys(
        (
            "prefect.core", "prefect.core.edge", "prefect.core.flow", "prefect.core.parameter",
            "prefect.core.task", "prefect.engine.executors", "prefect.engine.result",
            "prefect.engine.results", "prefect.engine.results.local_result",
            "prefect.engine.serializers", "prefect.executors",
            "prefect.executors.dask", "prefect.executors.local", "prefect.flows", "prefect.futures",
            "prefect.logging", "prefect.logging.loggers", "prefect.tasks",
            "prefect.tasks.control_flow", "prefect.tasks.control_flow.case",
            "prefect.tasks.control_flow.conditional", "prefect.tasks.control_flow.filter",
            "prefect.tasks.core.resource_manager", "prefect.utilities",
            "prefect.utilities.annotations", "prefect.utilities.context",
            "prefect.utilities.edges", "prefect.utilities.logging",
            "prefect.utilities.notifications", "prefect.utilities.notifications.notifications",
            "prefect.utilities.tasks",
        ),
        _ROOT,
    ),
}  # fmt: skip
_RENAMED: Final = {
    "prefect.engine.state": "resnb.states",
    "prefect.utilities.logging.get_logger": "resnb.get_run_logger",
    "prefect.logging.get_logger": "resnb.get_run_logger",
    "prefect.exceptions.PrefectSignal": "resnb.signals.Signal",
    "prefect.engine.signals.PrefectStateSignal": "resnb.signals.Signal",
    "prefect.tasks.core.function.FunctionTask": "resnb.task",
    "prefect.states.Completed": "resnb.states.Success",
    "prefect.orion.schemas.states.Completed": "resnb.states.Success",
}
_TABLES: Final = {
    _ROOT: unsupported.NAMES,
    "resnb.signals": unsupported.SIGNALS,
    "resnb.states": unsupported.STATES,
    "resnb.triggers": unsupported.TRIGGERS,
    "resnb.events": unsupported.EVENTS,
}


@cache
def _public(module: str) -> frozenset[str]:
    return frozenset(import_module(module).__all__)


def moved(name: str) -> str | None:
    """The full name in resnb of what is called `name` in Prefect; None if it is left out.

    Args:
        name: with all modules: ``prefect.engine.signals.SKIP``; attributes of it may follow.
    """
    if name in _RENAMED:
        return _RENAMED[name]
    head, _, last = name.rpartition(".")
    if not head:
        return _MODULES.get(name)
    if head == "prefect.context" and (last.startswith("get_") or last[0].isupper()):
        return None  # of the module; attributes of the object are lower case
    module = _MODULES.get(head)
    if module is not None and last in _public(module):
        return f"{module}.{last}"
    if name in _MODULES and _MODULES[name] != _ROOT:
        return _MODULES[name]
    above = None if head == "prefect" or head in _MODULES else moved(head)
    return None if above is None else f"{above}.{last}"


def is_renamed(name: str) -> bool:
    """Whether resnb has what is called `name` in Prefect under another name."""
    return name in _RENAMED


def moved_module(name: str) -> str | None:
    """The module of resnb that has the names of Prefect's module `name`; None if it is left out."""
    return _MODULES.get(name)


def stands(name: str) -> str:
    """What a line that uses `name`, which is left out, is to hold: an import gives the advice."""
    head, _, last = name.rpartition(".")
    module = _MODULES.get(head)
    known = module is not None and last in _TABLES.get(module, {})
    return f"{module}.{last}" if known else _ROOT + name.removeprefix("prefect")


def advice(name: str) -> str:
    """What to do instead of `name`, which is left out."""
    head, _, last = name.rpartition(".")
    module = _MODULES.get(head, _ROOT + head.removeprefix("prefect"))
    table = _TABLES.get(module, {})
    if last in table:
        return table[last]
    if last in unsupported.NAMES:
        return unsupported.NAMES[last]
    top = name.split(".")[1] if "." in name else ""
    remedy = unsupported.CONTEXT_OBJECT if top == "context" else unsupported.MODULES.get(top)
    return remedy or "resnb has nothing like it"
