"""The notebook's variables, as a cell that may fail needs them: changed all at once, or not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final


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


__all__ = ["MISSING", "bind", "restored_on_error"]
