"""The functions that make resource managers: `resource_manager` and `resource`."""

from collections.abc import Mapping
from typing import Any

from resnb.errors import GraphError
from resnb.graph.base.options import refuse_unknown
from resnb.graph.resources.adapters import is_object
from resnb.graph.resources.resource import ResourceManager
from resnb.graph.resources.scope import Scope, ScopeOptions
from resnb.graph.resources.scope_tasks import TASK_KWARGS


def resource_manager(definition: Any = None, **options: Any) -> Any:
    """Make a resource manager from a class: ``@resource_manager``, with or without options.

    Args:
        definition: a class with ``setup`` and ``cleanup``, or another form; see `resource`.
        **options: ``name``, ``init_task_kwargs``, ``setup_task_kwargs``,
            ``cleanup_task_kwargs``, and those of `ScopeOptions`.

    Returns:
        The `ResourceManager`, or a decorator if only options are given.

    Example:
        >>> @resource_manager
        ... class Folder:
        ...     def setup(self):
        ...         return tempfile.mkdtemp()
        ...     def cleanup(self, path):
        ...         os.rmdir(path)
        >>> with Flow("files") as flow:
        ...     with Folder() as path:
        ...         there = task(os.path.isdir)(path)
        >>> state = flow.run()
        >>> there.value
        True
    """
    _refuse_options("resource_manager", options)
    if definition is None:
        return lambda decorated: ResourceManager(decorated, **options)
    return ResourceManager(definition, **options)


def resource(definition: Any = None, **options: Any) -> Any:
    """Make a resource from any accepted form.

    Args:
        definition: a generator function with one yield, a class with setup and cleanup, or a class
            or function of any library whose objects can be ended (context managers, processes,
            and what has a method such as ``close``, ``terminate``, ``shutdown`` or ``stop``), for
            which the result is a `ResourceManager`; or such an object itself, which is used at
            once: ``with resource(Client()) as client:``.
        **options: the same as for `resource_manager`.

    Example:
        >>> @resource
        ... def folder():
        ...     path = tempfile.mkdtemp()
        ...     yield path
        ...     os.rmdir(path)
        >>> with folder() as path:
        ...     os.path.isdir(path)
        True
        >>> os.path.isdir(path)
        False
    """
    _refuse_options("resource", options)
    if definition is None:
        return lambda decorated: resource(decorated, **options)
    if isinstance(definition, Scope) or getattr(type(definition), "is_use", False):
        if options:
            message = (
                f"resource {definition.name!r} is in use already: give it options with "
                f"{definition.manager.name}.options(...) before it is called"
            )
            raise GraphError(message)
        return definition
    if isinstance(definition, ResourceManager):
        return definition.options(**options) if options else definition
    manager = ResourceManager(definition, **options)
    return manager() if is_object(definition) else manager


def _refuse_options(owner: str, options: Mapping[str, Any]) -> None:
    refuse_unknown(owner, options, ("name", *TASK_KWARGS, *ScopeOptions._fields))
