"""Flows in notebooks whose resources never leak.

The names are those of Prefect 0.15/1.x; ``%load_ext resnb`` adds the notebook's magics.
Everything is imported when it is first used, so that ``import resnb`` costs next to nothing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnb.graph.apply_map import apply_map as apply_map
    from resnb.graph.base.callbacks import callback_factory as callback_factory
    from resnb.graph.base.callbacks import exponential_backoff as exponential_backoff
    from resnb.graph.base.defaults import defaults_from_attrs as defaults_from_attrs
    from resnb.graph.base.inputs import allow_failure as allow_failure
    from resnb.graph.base.inputs import flatten as flatten
    from resnb.graph.base.inputs import mapped as mapped
    from resnb.graph.base.inputs import unmapped as unmapped
    from resnb.graph.flow import Flow as Flow
    from resnb.graph.function import flow as flow
    from resnb.graph.resources.decorators import resource as resource
    from resnb.graph.resources.decorators import resource_manager as resource_manager
    from resnb.graph.resources.resource import ResourceManager as ResourceManager
    from resnb.graph.tasks.control import FilterTask as FilterTask
    from resnb.graph.tasks.control import case as case
    from resnb.graph.tasks.control import ifelse as ifelse
    from resnb.graph.tasks.control import merge as merge
    from resnb.graph.tasks.control import switch as switch
    from resnb.graph.tasks.edge import Edge as Edge
    from resnb.graph.tasks.function_task import task as task
    from resnb.graph.tasks.parameter import DateTimeParameter as DateTimeParameter
    from resnb.graph.tasks.parameter import Parameter as Parameter
    from resnb.graph.tasks.task import Task as Task

__version__ = "0.1.0"

_HOMES = {
    "DaskExecutor": "resnb.dask.executor",
    "DateTimeParameter": "resnb.graph.tasks.parameter",
    "FilterTask": "resnb.graph.tasks.control",
    "Flow": "resnb.graph.flow",
    "Edge": "resnb.graph.tasks.edge",
    "LocalDaskExecutor": "resnb.dask.local",
    "LocalExecutor": "resnb.run.executors.local",
    "LocalResult": "resnb.run.caching.results",
    "Parameter": "resnb.graph.tasks.parameter",
    "ResourceManager": "resnb.graph.resources.resource",
    "Task": "resnb.graph.tasks.task",
    "ThreadExecutor": "resnb.run.executors.threads",
    "allow_failure": "resnb.graph.base.inputs",
    "apply_map": "resnb.graph.apply_map",
    "as_completed": "resnb.run.functions.futures",
    "callback_factory": "resnb.graph.base.callbacks",
    "case": "resnb.graph.tasks.control",
    "context": "resnb.run.context",
    "defaults_from_attrs": "resnb.graph.base.defaults",
    "exponential_backoff": "resnb.graph.base.callbacks",
    "flatten": "resnb.graph.base.inputs",
    "flow": "resnb.graph.function",
    "get_run_logger": "resnb.run.output.logs",
    "ifelse": "resnb.graph.tasks.control",
    "mapped": "resnb.graph.base.inputs",
    "merge": "resnb.graph.tasks.control",
    "resource": "resnb.graph.resources.decorators",
    "resource_manager": "resnb.graph.resources.decorators",
    "switch": "resnb.graph.tasks.control",
    "tags": "resnb.graph.base.building",
    "task": "resnb.graph.tasks.function_task",
    "unmapped": "resnb.graph.base.inputs",
    "wait": "resnb.run.functions.futures",
}
_MODULES = {
    "cache_validators": "resnb.cache_validators",
    "signals": "resnb.signals",
    "states": "resnb.states",
    "triggers": "resnb.triggers",
}

__all__ = sorted([*_HOMES, *_MODULES])  # noqa: PLE0605 - a sorted list of texts


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(_MODULES[name])
    elif name in _HOMES:
        _plug_in()
        value = getattr(import_module(_HOMES[name]), name)
    else:
        unsupported = import_module("resnb.unsupported")
        unsupported.refuse_name("resnb", name, unsupported.NAMES, __all__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__", "load_ipython_extension"]


class _LeftOutModules:
    """Says what to do instead of importing one of Prefect's modules as resnb's.

    It comes last among the finders, so that it is asked only for what nobody has found.
    """

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> None:
        """Raise `ModuleNotFoundError` for Prefect's modules; nothing is ever found here."""
        del path, target
        if fullname.startswith("resnb."):
            import_module("resnb.unsupported").refuse_module(fullname)


if not any(getattr(one, "__qualname__", "") == "_LeftOutModules" for one in sys.meta_path):
    sys.meta_path.append(_LeftOutModules)


def _plug_in() -> None:
    """Give flows the parts that run and draw them, imported when they are first asked for."""
    from resnb.graph.base.ports import PORTS

    PORTS.runner = lambda: import_module("resnb.run.runner").RUNNER
    PORTS.function_runner = lambda: import_module("resnb.run.functions.runner").RUNNER
    PORTS.holder = lambda: import_module("resnb.run.held.resource").HeldResource
    PORTS.context = lambda: import_module("resnb.run.context").context
    PORTS.logger = lambda: import_module("resnb.run.output.logs").get_run_logger()
    PORTS.painter = lambda: import_module("resnb.view.painter").PAINTER
    PORTS.clusters = lambda: import_module("resnb.dask.clusters").Clusters


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext resnb``: magics, kernel hooks and display; prints nothing."""
    _plug_in()
    import_module("resnb.notebook.extension").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext resnb``: take the magics and hooks away; open resources stay registered."""
    import_module("resnb.notebook.extension").unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """The Jupyter server's extension; asked for by the server only."""
    app = import_module("resnb.server.extension").ResnbServer
    return [{"module": "resnb.server.extension", "app": app}]
