"""The notebook's variables, as a cell that may fail needs them: changed all at once, or not."""

from collections.abc import Iterable, Mapping
from typing import Any, Final


class _Missing:
    def __repr__(self) -> str:
        return "(not bound)"


MISSING: Final = _Missing()


class Restored:
    """Puts every name of a namespace back if the block raises; values are not copied.

    Names that mean what they meant stay untouched: a task of a running flow may be reading them.

    Args:
        namespace: the notebook's variables.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._before: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._before = dict(self._namespace)

    def __exit__(self, kind: object, error: object, tb: object) -> None:
        if kind is None:
            return
        for name in self._namespace.keys() - self._before.keys():
            del self._namespace[name]
        for name, value in self._before.items():
            if self._namespace.get(name, MISSING) is not value:
                self._namespace[name] = value


def values_of(namespace: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What `names` are bound to; MISSING where they are not."""
    return {name: namespace.get(name, MISSING) for name in names}


def bind(namespace: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Bind names to `values`; MISSING unbinds."""
    for name, value in values.items():
        if value is MISSING:
            namespace.pop(name, None)
        else:
            namespace[name] = value


__all__ = ["MISSING", "Restored", "bind", "values_of"]
