"""Turning every accepted form of a resource manager into a class with setup and cleanup.

The forms are a generator function with one ``yield``, a function that returns a context manager, a
context manager itself, and the async form of each. The code that runs them sees only the class.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from resnb.errors import GraphError
from resnb.graph.base.stand_in import StandIn
from resnb.graph.resources.adapter import Adapter
from resnb.graph.resources.generators import AsyncGeneratorAdapter, GeneratorAdapter


class ContextManagerAdapter(Adapter):
    """Enters the context manager that the function returns, which may be an async one."""

    def setup(self) -> Any:
        """Enter the context manager."""
        self._live = self._call()
        if hasattr(self._live, "__enter__"):
            return self._live.__enter__()
        if hasattr(self._live, "__aenter__"):
            return self._live.__aenter__()
        message = (
            f"resource {type(self).__name__!r}: its function returned {type(self._live).__name__}, "
            "which is no context manager"
        )
        raise GraphError(message)

    def cleanup(self, resource: Any) -> Any:
        """Leave the context manager."""
        del resource
        if hasattr(self._live, "__exit__"):
            return self._live.__exit__(None, None, None)
        return self._live.__aexit__(None, None, None)


def renewed(manager: Any) -> Any:
    """The manager for another try of set-up. An adapter is replaced, for it holds the last try."""
    is_used = isinstance(manager, Adapter) and manager.lease is not None
    return manager.renewed() if is_used else manager


def is_context_manager(value: Any) -> bool:
    """Whether `value` itself, not its class, can be entered by ``with`` or ``async with``."""
    kind = type(value)
    return not isinstance(value, type | StandIn) and (
        (hasattr(kind, "__enter__") and hasattr(kind, "__exit__"))
        or (hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__"))
    )


def manager_class(definition: Any, name: str) -> type:
    """The class with setup and cleanup for a definition of any accepted form.

    Raises:
        GraphError: `definition` has none of the accepted forms.
    """
    import inspect

    if is_context_manager(definition):
        return _adapted(ContextManagerAdapter, lambda: definition, name)
    if isinstance(definition, type) and callable(getattr(definition, "cleanup", None)):
        _check_cleanup(definition)
        return definition
    if isinstance(definition, type):
        if is_context_manager_class(definition):
            return _adapted(ContextManagerAdapter, definition, name)
        message = (
            f"resource manager {definition.__name__!r} has no cleanup: "
            "define cleanup(self, resource), which undoes what setup did"
        )
        raise GraphError(message)
    if inspect.isgeneratorfunction(definition):
        return _adapted(GeneratorAdapter, definition, name)
    if inspect.isasyncgenfunction(definition):
        return _adapted(AsyncGeneratorAdapter, definition, name)
    if inspect.isroutine(definition) and hasattr(definition, "__wrapped__"):
        return _adapted(ContextManagerAdapter, definition, name)
    message = (
        f"{name!r} is no resource: pass a class with setup and cleanup, a generator function with "
        "one yield, or a context manager"
    )
    raise GraphError(message)


def _check_cleanup(definition: type) -> None:
    """Refuse a clean-up that cannot be called, before it is needed."""
    import inspect

    static = inspect.getattr_static(definition, "cleanup")
    bound = isinstance(static, staticmethod | classmethod)
    try:
        signature = inspect.signature(definition.cleanup)  # type: ignore[attr-defined]
        signature.bind(*(("resource",) if bound else ("self", "resource")))
    except TypeError:
        message = (
            f"resource manager {definition.__name__!r}: cleanup must take the resource and nothing "
            "else: define cleanup(self, resource)"
        )
        raise GraphError(message) from None
    except ValueError:  # no signature to inspect
        return


def is_context_manager_class(kind: type) -> bool:
    """Whether instances of `kind` are context managers."""
    return hasattr(kind, "__enter__") or hasattr(kind, "__aenter__")


def _adapted(base: type[Adapter], function: Callable[..., Any], name: str) -> type:
    import inspect

    attributes: dict[str, Any] = {
        "_function": staticmethod(function),
        "__doc__": getattr(function, "__doc__", None),
        "__module__": getattr(function, "__module__", __name__),
    }
    with suppress(TypeError, ValueError):
        signature = inspect.signature(function)
        own = signature.parameters.get("lease")
        if own is not None and own.kind is own.KEYWORD_ONLY:  # passed by set-up
            attributes["_wants_lease"] = True
            others = [one for one in signature.parameters.values() if one is not own]
            signature = signature.replace(parameters=others)
        attributes["__signature__"] = signature
    return type(name, (base,), attributes)
