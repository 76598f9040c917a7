"""The three tasks of a scope: init makes the manager, set-up the resource, clean-up removes it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from resnb.errors import GraphError, HandleError
from resnb.graph.base.options import checked
from resnb.graph.base.signature import Signature
from resnb.graph.base.triggers import all_finished
from resnb.graph.resources.scope import Scope
from resnb.graph.tasks.task import Task

STEPS: Final = ("init", "setup", "cleanup")
TASK_KWARGS: Final = tuple(f"{step}_task_kwargs" for step in STEPS)

_ALWAYS: Final[Mapping[str, Any]] = {"trigger": all_finished, "skip_on_upstream_skip": False}
"""What makes a clean-up run whatever has happened."""

TaskOptions: TypeAlias = dict[str, dict[str, Any]]
"""The options of the task for each step."""


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
    """Creates the manager object.

    Args:
        resource_class: the class of the manager.
        signature: what the class accepts.
        **options: see `Task`.
    """

    kind = "init"

    def __init__(
        self, resource_class: Callable[..., Any], signature: Signature, **options: Any
    ) -> None:
        self.run = resource_class  # type: ignore[method-assign]
        self._signature = signature
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


def check_options(name: str, options: Mapping[str, Mapping[str, Any]]) -> None:
    """Check the options of the tasks of the resource called `name`.

    Raises:
        OptionError: an option is unknown or of the wrong kind.
        GraphError: an option would keep the clean-up from running.
    """
    for step in STEPS:
        checked(f"task '{name}.{step}'", options[step])
        if "thread" in options[step]:
            message = (
                f"resource manager {name!r}: {step}_task_kwargs cannot set 'thread', because init, "
                "set-up and clean-up share the lease's thread; a task inside runs there, too, with "
                "@task(thread='setup')"
            )
            raise GraphError(message)
    refused = {"trigger", "skip_on_upstream_skip"} & options["cleanup"].keys()
    if refused:
        message = (
            f"resource manager {name!r}: cleanup_task_kwargs cannot set {min(refused)!r}, because "
            "a clean-up always runs; use on='success' or on='failure' to put it off"
        )
        raise GraphError(message)


def furnish(scope: Scope, signature: Signature, options: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a new scope its three tasks.

    Args:
        scope: the scope.
        signature: what the definition of the resource accepts.
        options: the options of each task.
    """
    manager = scope.manager
    init = {"name": manager.name, **options["init"]}
    setup = {"name": f"{manager.name}.setup", **options["setup"]}
    cleanup = {"name": f"{manager.name}.cleanup", **options["cleanup"], **_ALWAYS}
    tasks = (
        InitTask(manager.resource_class, signature, **init),
        SetupTask(**setup),
        CleanupTask(**cleanup),
    )
    for one in tasks:
        one.scope = scope
    scope.init_task, scope.setup_task, scope.cleanup_task = tasks
