"""The notebook's variables: changed all at once, or not, and read by the Python of magic lines."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from resnb.errors import MagicError, ResnbError, described


class _Missing:
    def __repr__(self) -> str:
        return "(not bound)"


MISSING: Final = _Missing()


@contextmanager
def restored_on_error(namespace: dict[str, Any]) -> Iterator[None]:
    """Restore every name of a namespace if the block raises; values are not copied.

    Names whose value has not changed stay untouched: a task of a running flow may be reading them.
    """
    before = dict(namespace)
    try:
        yield
    except BaseException:
        for name in namespace.keys() - before.keys():
            del namespace[name]
        for name, value in before.items():
            if namespace.get(name, MISSING) is not value:
                namespace[name] = value
        raise


def bind(namespace: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Bind names to `values`; MISSING unbinds."""
    for name, value in values.items():
        if value is MISSING:
            namespace.pop(name, None)
        else:
            namespace[name] = value


def evaluated(source: str, namespace: dict[str, Any], where: str) -> Any:
    """The value of an expression that stands on a magic line.

    Args:
        source: the expression, which compiles.
        namespace: the notebook's variables.
        where: the part of the line that it stands in, for errors.

    Raises:
        MagicError: the expression itself fails, as by a name that is not defined.
        BaseException: whatever a function that it calls raises.
    """
    try:
        return eval(source, namespace)  # noqa: S307 - the user's own code
    except ResnbError:
        raise
    except Exception as error:
        own = error.__traceback__ and error.__traceback__.tb_next
        if own is None or own.tb_next is not None:  # the user's function has lines to show
            raise
        why = str(error) if isinstance(error, NameError) else described(error)
        raise MagicError(f"{where}: {why}") from None
