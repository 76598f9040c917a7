"""How to begin and end an object of any library: as its own ``with`` does, if that is enough.

The same code ends an object that another process has found again.
"""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final

from resnb.graph.resources.known_endings import is_of, known_ending

METHODS: Final = (
    *("quit", "close", "aclose"),  # first: the `shutdown` of a client may be that of its server
    *("terminate", "destroy", "delete", "remove"),  # what is only stopped may cost money
    *("shutdown", "stop", "disconnect", "dispose", "release"),
)
"""The methods that end an object without ``with``; the first that needs no argument is called."""
_CONNECTION: Final = ("cursor", "commit", "rollback", "close")
"""What every connection to a database has, see PEP 249."""


def can_be_entered(kind: type) -> bool:
    """Whether instances of `kind` are context managers, plain or async ones."""
    return hasattr(kind, "__enter__") or hasattr(kind, "__aenter__")


def can_be_ended(kind: type) -> bool:
    """Whether there is a way to end instances of `kind`."""
    return can_be_entered(kind) or bool(known_ending(kind) or ending_method(kind))


def ending_method(kind: type) -> str:
    """The method that ends instances of `kind`; empty if there is none."""
    if kind.__module__ == "builtins":  # containers, functions, modules
        return ""
    return next((name for name in METHODS if _needs_nothing(kind, name)), "")


def begin(made: Any) -> tuple[Any, bool]:
    """Enter `made`, or start it if it is a process.

    Returns:
        The resource, or an awaitable of it, and whether it was entered by ``async with``.
    """
    kind = type(made)
    if is_of(kind, "multiprocessing.process", "BaseProcess") and made.pid is None:
        made.start()
    if hasattr(kind, "__enter__"):
        try:
            return made.__enter__(), False
        except TypeError:  # some have it to say that they are async ones
            if not hasattr(kind, "__aenter__"):
                raise
    return (made.__aenter__(), True) if hasattr(kind, "__aenter__") else (made, False)


def end(made: Any, was_async: bool = False, error: BaseException | None = None) -> Any:
    """End `made`; gives None, or an awaitable.

    Args:
        made: what is to be ended.
        was_async: what `begin` gave.
        error: what has ended its block. Its own ``__exit__`` is told, so that a transaction is
            rolled back; a generator of contextlib is not, as it would skip what follows its yield.
    """
    kind = type(made)
    told = None if hasattr(made, "gen") else error
    given = (None if told is None else type(told), told, told and told.__traceback__)
    if was_async:
        return _but_for(error, made.__aexit__(*given))
    if own := known_ending(kind):
        return own(made)
    if not hasattr(kind, "__exit__"):
        return getattr(made, ending_method(kind))()
    try:
        made.__exit__(*given)
    except BaseException as raised:
        if raised is not error:
            raise
    if all(hasattr(kind, name) for name in _CONNECTION) and not getattr(made, "closed", False):
        with suppress(Exception):  # its `with` may have closed it, and most refuse a second time
            made.close()
    return None


async def _but_for(error: BaseException | None, ending: Awaitable[Any]) -> None:
    """Await `ending`; it may let out the error that it was told of."""
    try:
        await ending
    except BaseException as raised:
        if raised is not error:
            raise


class Ending:
    """The recipe for an object that another process has found again."""

    def cleanup(self, resource: Any) -> Any:
        """End the object."""
        return end(resource)


def _needs_nothing(kind: type, name: str) -> bool:
    import inspect

    method = getattr(kind, name, None)
    if not callable(method):
        return False
    bound = isinstance(inspect.getattr_static(kind, name), staticmethod | classmethod)
    try:
        inspect.signature(method).bind(*([] if bound else ["self"]))
    except TypeError:
        return False
    except ValueError:  # it is not written in Python, and does not say
        return True
    return True
