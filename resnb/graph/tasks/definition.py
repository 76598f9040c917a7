"""Definitions of tasks: their code, their name and their options, apart from any flow."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, Self

from resnb.errors import GraphError
from resnb.graph.base.building import BUILDING
from resnb.graph.base.option_values import text
from resnb.graph.base.options import checked
from resnb.graph.base.ports import PORTS
from resnb.graph.base.signature import ShownSignature, Signature, signature_of
from resnb.graph.base.triggers import TriggerLike, all_successful

Hook = Callable[..., Any]

_NOT_COPIED: Final = frozenset({"home", "is_call"})
"""The attributes that say where a task stands in a flow."""
_KEPT_AS: Final = {"result": "kept_result"}
"""The attributes that have another name than their option."""
_RESERVED: Final = frozenset({"flow", "mapped", "task_args", "upstream_tasks"})


class Definition:
    """The part of a task that says what it does and how; see `resnb.Task` for the options."""

    name: str = "Task"
    tags: frozenset[str] = frozenset()
    max_retries: int = 0
    retry_delay: float | tuple[float, ...] | Callable[[int], Iterable[float]] | None = None
    retry_on: tuple[type[BaseException], ...] | None = None
    retry_condition_fn: Hook | None = None
    timeout: float | None = None
    trigger: TriggerLike = all_successful
    skip_on_upstream_skip: bool = True
    checkpoint: bool | None = None
    cache_for: float | None = None
    cache_key: str | None = None
    cache_validator: Hook | None = None
    target: str | Hook | None = None
    kept_result: Any = None
    nout: int | None = None
    log_stdout: bool = False
    state_handlers: tuple[Hook, ...] = ()
    on_running: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    on_completion: tuple[Hook, ...] = ()
    on_cancellation: tuple[Hook, ...] = ()
    thread: str = "worker"
    description: str | None = None

    _signature: Signature | None = None
    __signature__ = ShownSignature("run")

    def __init__(self, name: str | None = None, **options: Any) -> None:
        label = type(self).name
        self.name = label if name is None else text(f"task {label!r}", "name", name)
        if options:
            self._set(options)
        code = getattr(self.run, "__code__", None)
        if code is not None:  # else its signature is looked at when it is first called
            count = code.co_argcount + code.co_kwonlyargcount
            self._refuse_reserved(code.co_varnames[:count])
        around = BUILDING.get()
        if around.tags:
            self.tags = self.tags | around.tags
        if around.made is not None:
            around.made.append(self)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The task's code. A task without any does nothing and only marks a place in the graph."""

    @cached_property
    def logger(self) -> Any:
        """The logger for messages of a running task, the same as `resnb.get_run_logger`."""
        return PORTS.logger()

    @property
    def signature(self) -> Signature:
        """What ``run`` accepts."""
        found = self._signature
        if found is None:
            found = signature_of(self.run)
            self._refuse_reserved({*found.positional, *found.keyword_only})
            self._signature = found
        return found

    def _refuse_reserved(self, names: Iterable[str]) -> None:
        taken = _RESERVED.intersection(names)
        if taken:
            message = (
                f"task {self.name!r}: a parameter of run cannot be called {min(taken)!r}, which "
                "is an option of calling a task"
            )
            raise GraphError(message)

    def copy(self, **options: Any) -> Self:
        """A copy that is in no flow, with some options changed; None restores a default."""
        new = object.__new__(type(self))
        restored = {one for one, value in options.items() if value is None and one != "name"}
        left = _NOT_COPIED | {_KEPT_AS.get(one, one) for one in restored}
        for key, value in self.__dict__.items():
            # one by one, for `new.__dict__` would make a dictionary, several times as large
            if key not in left:
                setattr(new, key, value)
        if options:
            new._set(options)
        return new

    def _set(self, options: Mapping[str, Any]) -> None:
        for key, value in checked(f"task {self.name!r}", options).items():
            setattr(self, _KEPT_AS.get(key, key), value)

    def with_options(self, **options: Any) -> Self:
        """The same as `copy`, by its name in Prefect 2."""
        return self.copy(**options)
