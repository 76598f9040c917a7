"""What runs in the fresh kernel in which a conversion is checked.

The plain cells run first. Their values are put aside, their variables are unbound, and the same
notebook runs as a flow.
"""

import json
from collections.abc import Iterable, Mapping
from types import FunctionType
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
        self._before: dict[str, Any] = {}
        self._made: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    def plain_made(self, names: Iterable[str]) -> None:
        """The last plain cell of what is one step has run: put what it has bound aside."""
        self._plain |= {one: self._namespace[one] for one in names if one in self._namespace}

    def plain_ended(self) -> None:
        """The plain cells have run: unbind all variables."""
        for name in self._namespace.keys() - self._own:
            if not name.startswith("_"):
                del self._namespace[name]

    def begin_again(self) -> None:
        """The plain cells will run once more: put what they gave aside, and unbind all."""
        self._before, self._plain = self._plain, {}
        self.plain_ended()

    def compare_plain(self) -> None:
        """Print how the values of both runs of the plain cells differ."""
        names = self._plain.keys() & self._before.keys()
        print(json.dumps({name: self._fault(name, self._before) for name in names}))  # noqa: T201

    def step_ended(self, names: Iterable[str]) -> None:
        """A step has run: note what it gave, and print what of earlier steps it has changed."""
        changed = [one for one, key in self._keys.items() if _key(self._made[one]) != key]
        self._made |= {one: self._namespace[one] for one in names if one in self._namespace}
        for name in {*changed, *names} & self._made.keys():
            self._keys[name] = _key(self._made[name])
        print(json.dumps(changed))  # noqa: T201

    def compare(self, whole: bool = False) -> None:
        """Print how each value differs; null for one that cannot be compared.

        Args:
            whole: whether the flow has just run as a whole, and bound its names; else what the
                steps have given counts, as cells beside the flow may have bound their names anew.
        """
        found = self._namespace if whole else self._made
        print(json.dumps({name: self._fault(name, found) for name in self._plain}))  # noqa: T201

    def _fault(self, name: str, found: Mapping[str, Any]) -> str | None:
        if name not in found:
            return "the flow has not bound it"
        try:
            return difference(self._plain[name], found[name])
        except NotComparableError:
            return None


def _key(value: Any) -> str:
    """The key of what may be changed in place; code means something else once others are there."""
    if isinstance(value, FunctionType | type):
        return ""
    try:
        return value_key(value)
    except ResnbError:
        return ""
