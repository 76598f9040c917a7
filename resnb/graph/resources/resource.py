"""Resource managers: definitions of temporary resources, and their use in a flow."""

from collections.abc import Mapping
from typing import Any, NoReturn

from resnb.errors import GraphError, GraphTypeError, HandleError, OptionError, OutsideFlowError
from resnb.graph.base.active_function import active_function
from resnb.graph.base.building import flow_being_built
from resnb.graph.base.options import checked, refuse_unknown
from resnb.graph.base.ports import PORTS
from resnb.graph.base.roles import Flow
from resnb.graph.base.signature import ShownSignature, Signature, signature_of
from resnb.graph.base.triggers import all_finished
from resnb.graph.resources.adapters import is_object, manager_class
from resnb.graph.resources.scope import Scope, ScopeOptions
from resnb.graph.tasks.task import Task

_STEPS = ("init", "setup", "cleanup")
_TASK_KWARGS = tuple(f"{step}_task_kwargs" for step in _STEPS)


class ScopeTask(Task):
    """A task of a scope, which is made with its scope and stands for nothing that can be called."""

    scope: Scope

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse a call, which the user means for what set-up returns.

        Raises:
            HandleError: always.
        """
        raise HandleError(
            f"resource {self.scope.name!r} cannot be called here: there is none before the flow "
            "runs; call it in a task"
        )

    map = __call__


class InitTask(ScopeTask):
    """Creates the manager object."""

    kind = "init"

    def __init__(self, manager: "ResourceManager", **options: Any) -> None:
        self.run = manager.resource_class  # type: ignore[method-assign]
        self._signature = manager.signature
        super().__init__(**options)


class SetupTask(ScopeTask):
    """Sets the resource up. The task is also the handle of the resource."""

    kind = "setup"

    def run(self, manager: Any) -> Any:
        """Call the manager's setup, if it has one."""
        setup = getattr(manager, "setup", None)
        return setup() if setup is not None else None


class CleanupTask(ScopeTask):
    """Cleans the resource up."""

    kind = "cleanup"

    def run(self, manager: Any, resource: Any = None) -> Any:
        """Call the manager's cleanup."""
        return manager.cleanup(resource)


class ResourceManager:
    """The definition of a temporary resource; calling it returns what can be entered.

    Inside a flow's block that is a scope, in a ``@flow`` function a block of it, and anywhere else
    a resource that the ``with`` block sets up and cleans up itself, or that ``.open()`` opens.

    Args:
        definition: a class with ``setup`` and ``cleanup``, a generator function with one yield,
            a class or function that makes objects which can be ended, or the async form of these.
        name: the resource's name; by default that of the definition.
        init_task_kwargs: options of the init task; see `Task`.
        setup_task_kwargs: options of the set-up task.
        cleanup_task_kwargs: options of the clean-up task.
        **options: see `ScopeOptions`.

    Raises:
        GraphError: the definition has no cleanup, or none of the accepted forms.
        OptionError: an option is unknown or of the wrong kind.

    Attributes:
        shared: the open resource that scopes of this manager join; None if they open their own.

    Example:
        >>> class Folder:
        ...     def setup(self):
        ...         return tempfile.mkdtemp()
        ...     def cleanup(self, path):
        ...         os.rmdir(path)
        >>> with ResourceManager(Folder, name="folder")() as path:
        ...     os.path.isdir(path)
        True
        >>> os.path.isdir(path)
        False
    """

    __signature__ = ShownSignature("resource_class")

    def __init__(
        self,
        definition: Any,
        name: str | None = None,
        init_task_kwargs: Mapping[str, Any] | None = None,
        setup_task_kwargs: Mapping[str, Any] | None = None,
        cleanup_task_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.name = name or _name_of(definition)
        self.definition = definition
        self.resource_class = manager_class(definition, self.name)
        given = (init_task_kwargs, setup_task_kwargs, cleanup_task_kwargs)
        self.task_options = {step: dict(one or {}) for step, one in zip(_STEPS, given, strict=True)}
        self._check_task_options()
        self.scope_options = self._checked(ScopeOptions(), options)
        self.__doc__ = getattr(definition, "__doc__", None)
        self.shared: Any = None
        self._signature: Signature | None = None

    @property
    def signature(self) -> Signature:
        """What the definition accepts."""
        if self._signature is None:
            self._signature = signature_of(self.resource_class)
        return self._signature

    def options(self, **options: Any) -> "ResourceManager":
        """A copy with other scope or task options: ``Cluster.options(ttl="2h")(n=2)``."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.task_options = {
            step: {**self.task_options[step], **(options.pop(f"{step}_task_kwargs", None) or {})}
            for step in _STEPS
        }
        new._check_task_options()
        new.name = options.pop("name", None) or self.name
        new.scope_options = self._checked(self.scope_options, options)
        return new

    def _checked(self, before: ScopeOptions, options: dict[str, Any]) -> ScopeOptions:
        """`before` with other options.

        Raises:
            OptionError: an option is unknown, of the wrong kind, or contradicts the definition.
        """
        found = before.replaced(f"resource manager {self.name!r}", options)
        if found.keep and getattr(self.resource_class, "dies_with_kernel", False) is True:
            message = (
                f"resource manager {self.name!r}: keep contradicts dies_with_kernel = True: what "
                "lives in the kernel cannot survive it"
            )
            raise OptionError(message)
        return found

    def __call__(self, *args: Any, flow: Flow | None = None, **kwargs: Any) -> Any:
        """One use of the resource: ``with Cluster(n=2) as client:``.

        Args:
            *args: arguments of the definition; in a flow's block they may be tasks.
            flow: the flow; by default the one that is being built, if any.
            **kwargs: like `args`.

        Returns:
            A `Scope` of the flow; outside of flows a `resnb.run.held.resource.HeldResource`.

        Raises:
            OptionError: an argument is missing or surplus.
        """
        if flow is None and (running := active_function()) is not None:
            return running.use(self, args, kwargs)
        if flow is None and flow_being_built() is None:
            return PORTS.holder()(self, args, kwargs)
        return self.use(args, kwargs, flow=flow)

    def __enter__(self) -> NoReturn:
        """Refuse ``with Cluster as client:``.

        Raises:
            GraphTypeError: always: a definition is called first.
        """
        message = (
            f"resource {self.name!r} is a definition, which is called first, also without "
            f"arguments: write `with {self.name}(...) as x:`"
        )
        raise GraphTypeError(message)

    def __exit__(self, *_: object) -> None: ...

    async def __aenter__(self) -> NoReturn:
        """Refuse ``async with Cluster as client:``, like `__enter__`."""
        self.__enter__()

    async def __aexit__(self, *_: object) -> None: ...

    def accept(self, signature: Signature) -> None:
        """Accept these arguments instead of those of the definition."""
        self._signature = signature

    def map(self, *args: Any, flow: Flow | None = None, **kwargs: Any) -> Scope:
        """A new scope with a resource for each item: ``with Database.map(urls) as db:``.

        Each resource has its own lease. ``load.map(db)`` passes one of them to each child; a task
        that is not mapped over `db` gets the list.

        Args:
            *args: mapped over unless inside `unmapped`, as in `Task.map`.
            flow: the flow; by default the one that is being built.
            **kwargs: like `args`.

        Raises:
            OutsideFlowError: no flow is being built.
            OptionError: an argument is missing or surplus.
            GraphError: there is nothing to map over, or a ``@flow`` function is running.
        """
        if not args and not kwargs:
            message = f"resource {self.name!r}: map() needs at least one argument to map over"
            raise GraphError(message)
        if flow is None and active_function() is not None:
            message = (
                f"resource {self.name!r}: a @flow function has no mapped resources; write "
                f"`with ExitStack() as stack:` and in it `stack.enter_context({self.name}(...))` "
                "for each item"
            )
            raise GraphError(message)
        return self.use(args, kwargs, flow=flow, mapped=True)

    def use(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        flow: Flow | None = None,
        name: str | None = None,
        mapped: bool = False,
    ) -> Scope:
        """A new scope called `name`; see `__call__`, and `map` if `mapped`."""
        flow = flow or flow_being_built()
        if flow is None:
            message = (
                f"resource {self.name!r} was mapped outside a flow: do that inside "
                "`with Flow(...)`, with --with in a %%flow cell, or pass flow=..."
            )
            raise OutsideFlowError(message)
        inputs, positional = self.signature.assign(f"resource {self.name!r}", args, kwargs)
        scope = self.furnish(Scope(self, flow, self.scope_options, name or self.name))
        flow.add_scope(scope, inputs, positional, mapped)
        return scope

    def furnish(self, scope: Scope) -> Scope:
        """Create the three tasks of a new scope."""
        init, setup, cleanup = self.task_options.values()
        always = {"trigger": all_finished, "skip_on_upstream_skip": False}
        tasks = (
            InitTask(self, **{"name": self.name, **init}),
            SetupTask(**{"name": f"{self.name}.setup", **setup}),
            CleanupTask(**{"name": f"{self.name}.cleanup", **cleanup, **always}),
        )
        for one in tasks:
            one.scope = scope
        scope.init_task, scope.setup_task, scope.cleanup_task = tasks
        return scope

    def _check_task_options(self) -> None:
        for step in _STEPS:
            checked(f"task '{self.name}.{step}'", self.task_options[step])
        refused = {"trigger", "skip_on_upstream_skip"} & self.task_options["cleanup"].keys()
        if refused:
            message = (
                f"resource manager {self.name!r}: cleanup_task_kwargs cannot set "
                f"{min(refused)!r}, for a clean-up always runs; use on='success' or "
                "on='failure' to put it off"
            )
            raise GraphError(message)

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<ResourceManager: {self.name}>"


def _name_of(definition: Any) -> str:
    definition = getattr(definition, "func", definition)  # of functools.partial
    return str(getattr(definition, "__name__", None) or type(definition).__name__)


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
    refuse_unknown(owner, options, ("name", *_TASK_KWARGS, *ScopeOptions._fields))
