"""What runs in the fresh kernel in which a conversion is checked.

The plain cells run first. Their values are put aside, their variables are unbound, and the same
notebook runs as a flow.
"""

import json
from collections.abc import Iterable
from typing import Any

from resnb.errors import ResnbError
from resnb.notebook.conversion.comparing import NotComparableError, difference
from resnb.run.caching.value_keys import value_key


class Check:
    """Plain values, and those of the flow.

    Args:
        namespace: the variables of the kernel.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._own = set(namespace)
        self._plain: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    def plain_ended(self, names: Iterable[str]) -> None:
        """The plain cells have run: put the values of `names` aside, and unbind all variables."""
        self._plain = {one: self._namespace[one] for one in names if one in self._namespace}
        for name in self._namespace.keys() - self._own:
            if not name.startswith("_"):
                del self._namespace[name]

    def step_ended(self, names: Iterable[str]) -> None:
        """A step has run: note what it gave, and print what of earlier steps it has changed."""
        changed = [one for one, key in self._keys.items() if _key(self._namespace.get(one)) != key]
        for name in (*changed, *names):
            self._keys[name] = _key(self._namespace.get(name))
        print(json.dumps(changed))  # noqa: T201

    def compare(self) -> None:
        """Print how each value differs; null for one that cannot be compared."""
        print(json.dumps({name: self._fault(name) for name in self._plain}))  # noqa: T201

    def _fault(self, name: str) -> str | None:
        if name not in self._namespace:
            return "the flow has not bound it"
        try:
            return difference(self._plain[name], self._namespace[name])
        except NotComparableError:
            return None


def _key(value: Any) -> str:
    try:
        return value_key(value)
    except ResnbError:
        return ""
