"""Resource managers: definitions of temporary resources, and their use in a flow."""

from collections.abc import Mapping
from typing import Any, NoReturn

from resnb.errors import GraphError, GraphTypeError, OptionError, OutsideFlowError
from resnb.graph.base.active_function import active_function
from resnb.graph.base.building import flow_being_built
from resnb.graph.base.ports import PORTS
from resnb.graph.base.roles import Flow
from resnb.graph.base.signature import ShownSignature, Signature, signature_of
from resnb.graph.resources.adapters import manager_class
from resnb.graph.resources.scope import Scope, ScopeOptions
from resnb.graph.resources.scope_tasks import STEPS, TaskOptions, check_options, furnish


class ResourceManager:
    """The definition of a temporary resource; calling it gives something for a ``with`` line.

    Inside a flow's block that is a scope, and in a ``@flow`` function a block of the function.
    Anywhere else it is a resource that the ``with`` block sets up and cleans up itself, or that
    ``.open()`` opens.

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
        self.task_options: TaskOptions = {
            step: dict(one or {}) for step, one in zip(STEPS, given, strict=True)
        }
        check_options(self.name, self.task_options)
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
        """A copy with some scope or task options changed: ``Cluster.options(ttl="2h")(n=2)``."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.task_options = {
            step: {**self.task_options[step], **(options.pop(f"{step}_task_kwargs", None) or {})}
            for step in STEPS
        }
        check_options(new.name, new.task_options)
        new.name = options.pop("name", None) or self.name
        new.scope_options = self._checked(self.scope_options, options)
        return new

    def _checked(self, before: ScopeOptions, options: dict[str, Any]) -> ScopeOptions:
        """`before` with `options` changed.

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
            f"resource {self.name!r} is a definition, which has to be called first, even without "
            f"arguments: write `with {self.name}(...) as x:`"
        )
        raise GraphTypeError(message)

    def __exit__(self, *_: object) -> None: ...

    async def __aenter__(self) -> NoReturn:
        """Refuse ``async with Cluster as client:``, like `__enter__`."""
        self.__enter__()

    async def __aexit__(self, *_: object) -> None: ...

    def accept(self, signature: Signature) -> None:
        """Let calls take the arguments of `signature` instead of those of the definition."""
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
        """Give a new scope its three tasks."""
        furnish(scope, self.signature, self.task_options)
        return scope

    def __repr__(self) -> str:
        """A stable text, without times or addresses."""
        return f"<ResourceManager: {self.name}>"


def _name_of(definition: Any) -> str:
    definition = getattr(definition, "func", definition)  # of functools.partial
    return str(getattr(definition, "__name__", None) or type(definition).__name__)
