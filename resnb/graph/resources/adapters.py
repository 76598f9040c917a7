"""Every accepted form of a resource manager, brought to one: a class with setup and cleanup.

A generator function with one ``yield``, a function that gives a context manager, a context
manager itself, and the async form of each become classes here; what runs them need not know.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from typing import Any

from resnb.errors import GraphError
from resnb.graph.resources.adapter import Held
from resnb.graph.resources.generators import FromAsyncGenerator, FromGenerator


class _FromContextManager(Held):
    def setup(self) -> Any:
        self._live = self._made_of(AbstractContextManager)
        return self._live.__enter__()

    def cleanup(self, resource: Any) -> None:
        del resource
        self._live.__exit__(None, None, None)


class _FromAsyncContextManager(Held):
    async def setup(self) -> Any:
        self._live = self._made_of(AbstractAsyncContextManager)
        return await self._live.__aenter__()

    async def cleanup(self, resource: Any) -> None:
        del resource
        await self._live.__aexit__(None, None, None)


class _FromFactory(Held):
    """The function's result decides, at set-up, whether it is entered the async way."""

    def setup(self) -> Any:
        self._live = self._made()
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
        del resource
        if hasattr(self._live, "__exit__"):
            return self._live.__exit__(None, None, None)
        return self._live.__aexit__(None, None, None)


def renewed(manager: Any) -> Any:
    """The manager for one more try of set-up: an adapted form holds what one try has made."""
    return manager.renewed() if isinstance(manager, Held) and manager.lease is not None else manager


def is_context_manager(value: Any) -> bool:
    """Whether `value` itself (not its class) can be entered with ``with`` or ``async with``."""
    kind = type(value)
    return not isinstance(value, type) and (
        (hasattr(kind, "__enter__") and hasattr(kind, "__exit__"))
        or (hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__"))
    )


def manager_class(definition: Any, name: str) -> type:
    """The class with setup and cleanup for any accepted form of definition.

    Raises:
        GraphError: `definition` has none of the accepted forms.
    """
    import inspect

    if is_context_manager(definition):
        function: Callable[..., Any] = lambda: definition  # noqa: E731 - has no name of its own
        asynchronous = not hasattr(definition, "__enter__")
        base = _FromAsyncContextManager if asynchronous else _FromContextManager
        return _adapted(base, function, name)
    if isinstance(definition, type) and callable(getattr(definition, "cleanup", None)):
        _check_cleanup(definition)
        return definition
    if isinstance(definition, type):
        if is_context_manager_class(definition):
            return _adapted(_FromFactory, definition, name)
        message = (
            f"resource manager {definition.__name__!r} has no cleanup: "
            "define cleanup(self, resource), which undoes what setup did"
        )
        raise GraphError(message)
    if inspect.isgeneratorfunction(definition):
        return _adapted(FromGenerator, definition, name)
    if inspect.isasyncgenfunction(definition):
        return _adapted(FromAsyncGenerator, definition, name)
    if inspect.isroutine(definition) and hasattr(definition, "__wrapped__"):
        return _adapted(_FromFactory, definition, name)
    message = (
        f"{name!r} is no resource: pass a class with setup and cleanup, a generator function with "
        "one yield, or a context manager"
    )
    raise GraphError(message)


def _check_cleanup(definition: type) -> None:
    """Refuse a clean-up that cannot be called, for it would be missed only when it is needed."""
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
    except ValueError:  # it cannot be inspected
        return


def is_context_manager_class(kind: type) -> bool:
    """Whether instances of `kind` are context managers."""
    return hasattr(kind, "__enter__") or hasattr(kind, "__aenter__")


def _adapted(base: type[Held], function: Callable[..., Any], name: str) -> type:
    import inspect

    attributes: dict[str, Any] = {
        "_function": staticmethod(function),
        "__doc__": getattr(function, "__doc__", None),
        "__module__": getattr(function, "__module__", __name__),
    }
    with suppress(TypeError, ValueError):
        signature = inspect.signature(function)
        own = signature.parameters.get("lease")
        if own is not None and own.kind is own.KEYWORD_ONLY:  # filled in by set-up
            attributes["_wants_lease"] = True
            others = [one for one in signature.parameters.values() if one is not own]
            signature = signature.replace(parameters=others)
        attributes["__signature__"] = signature
    return type(name, (base,), attributes)


__all__ = ["is_context_manager", "manager_class", "renewed"]
