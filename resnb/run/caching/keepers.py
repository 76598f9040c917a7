"""Where the value of one task may be kept, and by what it is found again there.

A keeper is asked twice for each call: before, whether it has the value, and after, to keep the one
that was computed, at the place that it has given before. It pickles, for workers of a cluster.
"""

import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeAlias

from resnb.cache_validators import (
    PartialValidator,
    Validator,
    all_inputs,
    all_parameters,
    duration_only,
)
from resnb.run.caching.code_keys import NoKeyError
from resnb.run.caching.printed import Printed
from resnb.run.caching.store import Entry, ValueStore
from resnb.run.caching.value_keys import digest, value_key
from resnb.states import FOUND, Cached

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task

Context: TypeAlias = Callable[[], Mapping[str, Any]]
"""Gives what the running code may know of itself and its run."""


class Found(NamedTuple):
    """A value that was kept, its key if that is known, and what its task printed."""

    value: Any
    value_key: str = ""
    printed: Printed = ()

    @classmethod
    def of(cls, entry: Entry, value: Any) -> Self:
        """What the store says of a value."""
        return cls(value, entry.value_key, entry.printed)


class Keeper(Protocol):
    """Keeps the values of one task."""

    def place(self, inputs: Mapping[str, Any]) -> Any:
        """What stands for the value of a call with these inputs; None if it cannot be kept.

        Raises:
            NoKeyError: an input has no key.
            OptionError: an option of the task says nothing sensible for these inputs.
        """

    def find(self, place: Any) -> Found | None:
        """The value at a place.

        Raises:
            CacheError: the store cannot be used.
            OptionError: there is a file that is no value.
        """

    def keep(self, place: Any, value: Any, printed: Printed) -> None:
        """Keep `value`, and with it what its task printed, unless a file of the user's is kept.

        Raises:
            CacheError: it cannot be stored.
        """


class Counted(NamedTuple):
    """Which inputs and parameters a value is found by; None stands for all."""

    inputs: frozenset[str] | None = None
    parameters: frozenset[str] | None = frozenset()


def counted(validator: Validator | None) -> Counted | None:
    """What a validator compares; None if only the validator itself can tell."""
    nothing: frozenset[str] = frozenset()
    if validator is None or validator is all_inputs:
        return Counted()
    if validator is duration_only:
        return Counted(nothing)
    if validator is all_parameters:
        return Counted(nothing, None)
    if isinstance(validator, PartialValidator):
        names = validator.names
        return Counted(names) if validator.of_inputs else Counted(nothing, names)
    return None


def input_keys(values: Mapping[str, Any], names: frozenset[str] | None) -> dict[str, str]:
    """The keys of those values that count.

    Raises:
        NoKeyError: a value has none.
    """
    return {
        name: value_key(value) for name, value in values.items() if names is None or name in names
    }


def key_of(made_by: str, inputs: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    """The key of a value: what made it, and from what."""
    of_parameters = [("parameters", sorted(parameters.items()))] if parameters else []
    return digest((made_by, sorted(inputs.items()), *of_parameters))


class ByKey:
    """Finds values by the code that made them, and what counts of inputs and parameters.

    Args:
        names: of the flow and the task, for lists.
        made_by: the key of the code, or what stands for it.
        fixed: the keys of inputs that are live things, by name.
    """

    def __init__(  # noqa: PLR0917 - all of them are needed
        self,
        names: tuple[str, str],
        made_by: str,
        age: float,
        counts: Counted,
        parameters: Mapping[str, Any],
        fixed: Mapping[str, str],
    ) -> None:
        self._names, self._made_by, self._age = names, made_by, age
        self._counts, self._fixed = counts, fixed
        self._parameters = input_keys(parameters, counts.parameters)

    def place(self, inputs: Mapping[str, Any]) -> str:
        """The value's key."""
        names, fixed = self._counts.inputs, self._fixed
        keys = {
            name: fixed.get(name) or value_key(value)
            for name, value in inputs.items()
            if names is None or name in names
        }
        return key_of(self._made_by, keys, self._parameters)

    def find(self, place: str) -> Found | None:
        """The value of that key."""
        found = ValueStore().find(place, self._age)
        return None if found is None else Found.of(*found)

    def keep(self, place: str, value: Any, printed: Printed) -> None:
        """Keep `value` by that key."""
        ValueStore().save(place, value, *self._names, key_or_none(value), printed)


class KeptState(Cached):
    """The state of a value that was kept, as validators see it, with Prefect's names."""

    __slots__ = ("cached_inputs", "cached_parameters", "cached_result_expiration")

    def __init__(
        self,
        value: Any,
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        expiration: datetime,
    ) -> None:
        super().__init__(FOUND, value)
        self.cached_inputs = {name: SimpleNamespace(value=one) for name, one in inputs.items()}
        self.cached_parameters = parameters
        self.cached_result_expiration = expiration


class ByValidator:
    """Asks a validator of the user's about each value that the same code has made, latest first."""

    def __init__(
        self,
        task: "Task",
        names: tuple[str, str],
        made_by: str,
        age: float,
        parameters: Mapping[str, Any],
    ) -> None:
        assert task.cache_validator is not None
        self._validator: Validator = task.cache_validator
        self._names, self._family, self._age = names, digest(("validated", made_by)), age
        self._parameters = dict(parameters)

    def place(self, inputs: Mapping[str, Any]) -> tuple[str, bytes]:
        """The key of exactly this call, and its inputs as they are before the call changes them."""
        import cloudpickle

        exact = digest((sorted(input_keys(inputs, None).items()), value_key(self._parameters)))
        try:
            return f"{self._family}-{exact}", cloudpickle.dumps(dict(inputs))
        except Exception as error:  # noqa: BLE001 - the user's values
            message = f"an input cannot be stored ({type(error).__name__})"
            raise NoKeyError(message) from None

    def find(self, place: tuple[str, bytes]) -> Found | None:
        """The latest value that the validator accepts."""
        now, store = pickle.loads(place[1]), ValueStore()  # noqa: S301 - pickled above
        for key in store.keys(self._family):
            found = store.find(key, self._age)
            if found is None:
                continue
            entry, (value, inputs, parameters) = found
            expires = datetime.fromtimestamp(entry.created, UTC) + timedelta(seconds=self._age)
            before = KeptState(value, pickle.loads(inputs), parameters, expires)  # noqa: S301
            if self._validator(before, now, self._parameters):
                return Found.of(entry, value)
        return None

    def keep(self, place: tuple[str, bytes], value: Any, printed: Printed) -> None:
        """Keep `value` with what it was computed from."""
        what = (value, place[1], self._parameters)
        ValueStore().save(place[0], what, *self._names, key_or_none(value), printed)


def key_or_none(value: Any) -> str:
    """The key of a value, empty if it has none."""
    try:
        return value_key(value)
    except NoKeyError:
        return ""
