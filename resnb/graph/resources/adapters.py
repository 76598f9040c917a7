"""Turning every accepted form of a resource manager into a class with setup and cleanup.

The forms are a generator function with one ``yield``, an object of any library that can be ended
(see `resnb.graph.resources.ending`), a class or function that makes one, and the async form of
each. The code that runs them sees only the class.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from resnb.errors import GraphError
from resnb.graph.base.stand_in import StandIn
from resnb.graph.resources.adapter import Adapter
from resnb.graph.resources.ending import METHODS, Ending, begin, can_be_ended, end
from resnb.graph.resources.generators import AsyncGeneratorAdapter, GeneratorAdapter

_NO_ENDING = (
    f"it is no context manager, and has no method {', '.join(METHODS[:-1])} or {METHODS[-1]}"
)
_CALLED = ("setup", "ready", "cleanup", "find", "attach", "handle")
"""The methods of a manager."""


class ObjectAdapter(Adapter):
    """Makes an object of any library, enters it if it is a context manager, and ends it."""

    _makes: type | None = None  # its class, if that is known before
    _was_async = False

    def setup(self) -> Any:
        """Make the object, and enter it; returns an awaitable if that takes one."""
        import inspect

        try:
            made = self._call()
        except RuntimeError:  # some can be made only where a loop is running
            if not hasattr(self._makes, "__aenter__"):
                raise
            made = self._called_later()
        if inspect.isawaitable(made) and not can_be_ended(type(made)):
            return self._awaited(made)
        return self._begun(made)

    def cleanup(self, resource: Any) -> Any:
        """End the object."""
        del resource
        return end(self._live, self._was_async, self.failure)

    async def _called_later(self) -> Any:
        return self._call()

    async def _awaited(self, made: Any) -> Any:
        resource = self._begun(await made)
        return await resource if self._was_async else resource

    def _begun(self, made: Any) -> Any:
        kind = type(made)
        if not can_be_ended(kind):
            message = (
                f"resource {type(self).__name__!r} made {kind.__name__!r}, which "
                f"nothing ends: {_NO_ENDING}; write a generator with one yield, or a class with "
                "setup and cleanup"
            )
            raise GraphError(message)
        self._live = made
        resource, self._was_async = begin(made)
        return resource

    # ---- for the ledger

    @classmethod
    def _fault(cls) -> str:
        import inspect

        function = inspect.unwrap(cls._function)  # of contextlib's decorators
        is_split = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
        return super()._fault() if is_split else ""

    @classmethod
    def __resnb_protection__(cls) -> tuple[str | None, str | None]:
        """See `Adapter`; it also depends on what is known of `__resnb_makes__`."""
        fault = cls._fault() or None
        return fault, fault

    @classmethod
    def __resnb_makes__(cls) -> type | None:
        """The class of the object that it makes, if that is known before."""
        return cls._makes

    def __resnb_made__(self) -> Any:
        """The object that it has made; set-up may return something else."""
        return self._live

    def __resnb_recipe__(self) -> Any:
        """See `Adapter`."""
        return super().__resnb_recipe__() if self._fault() else Ending()


def renewed(manager: Any) -> Any:
    """The manager for another try of set-up; a used adapter is replaced, as it holds that try."""
    is_used = isinstance(manager, Adapter) and manager.lease is not None
    return manager.renewed() if is_used else manager


def is_object(value: Any) -> bool:
    """Whether `value` itself is what a clean-up ends, rather than what makes such a thing."""
    return not isinstance(value, type | StandIn) and can_be_ended(type(value))


def manager_class(definition: Any, name: str) -> type:
    """The class with setup and cleanup for a definition of any accepted form.

    Raises:
        GraphError: `definition` has none of the accepted forms.
    """
    import inspect

    if is_object(definition):
        return _adapted(ObjectAdapter, lambda: definition, name, type(definition))
    if isinstance(definition, type):
        return _class_of(definition, name)
    if inspect.isgeneratorfunction(definition):
        return _adapted(GeneratorAdapter, definition, name)
    if inspect.isasyncgenfunction(definition):
        return _adapted(AsyncGeneratorAdapter, definition, name)
    if callable(definition) and not isinstance(definition, StandIn):
        return _adapted(ObjectAdapter, definition, name)
    message = (
        f"{name!r} is no resource: {_NO_ENDING}; pass a class with setup and cleanup, a generator "
        "function with one yield, or what makes an object that can be ended"
    )
    raise GraphError(message)


def _class_of(definition: type, name: str) -> type:
    """The same for a class: a manager, or of objects that can be ended."""
    fault = _fault_of_cleanup(definition)
    if fault is None:
        return definition
    is_manager = hasattr(definition, "setup") and hasattr(definition, "cleanup")
    if can_be_ended(definition) and not is_manager:
        return _adapted(ObjectAdapter, definition, name, definition)
    message = f"resource manager {definition.__name__!r}{fault}"
    raise GraphError(message)


def _fault_of_cleanup(definition: type) -> str | None:
    """Why its clean-up cannot be called; None if it can. Told before the clean-up is needed."""
    import inspect

    if not callable(getattr(definition, "cleanup", None)):
        return " has no cleanup: define cleanup(self, resource), which undoes what setup did"
    static = inspect.getattr_static(definition, "cleanup")
    bound = isinstance(static, staticmethod | classmethod)
    try:
        signature = inspect.signature(definition.cleanup)  # type: ignore[attr-defined]
        signature.bind(*(("resource",) if bound else ("self", "resource")))
    except TypeError:
        return ": cleanup must take the resource and nothing else: define cleanup(self, resource)"
    except ValueError:  # no signature to inspect
        return None
    for name in _CALLED:
        method = getattr(definition, name, None)
        if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
            return (
                f": {name} has a yield, so a call of it runs nothing: let it return what it gives"
            )
    return None


def _adapted(
    base: type[Adapter], function: Callable[..., Any], name: str, makes: type | None = None
) -> type:
    import inspect

    attributes: dict[str, Any] = {
        "_function": staticmethod(function),
        "_makes": makes,
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
