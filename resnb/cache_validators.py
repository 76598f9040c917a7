"""Cache validators, by Prefect 1.x's names: whether a value that was kept may stand for a new one.

A validator is any function of ``(state, inputs, parameters)``: the state of the kept value, which
also has ``cached_inputs``, ``cached_parameters`` and ``cached_result_expiration``, and what the
task would now be called with. None of those here uses a value that is older than ``cache_for``.

Example:
    >>> from resnb import cache_validators
    >>> @task(cache_for="1h", cache_validator=cache_validators.partial_inputs_only(["day"]))
    ... def load(day, connection):
    ...     return f"rows of {day}"
    >>> load.cache_for
    3600.0
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

Validator: TypeAlias = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], bool]

__all__ = [
    "all_inputs",
    "all_parameters",
    "duration_only",
    "never_use",
    "partial_inputs_only",
    "partial_parameters_only",
]


def never_use(state: Any, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Compute the value each time."""
    del state, inputs, parameters
    return False


def duration_only(state: Any, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Use any value that is young enough, whatever it was computed from."""
    del inputs, parameters
    expiration = state.cached_result_expiration
    return expiration is None or bool(expiration > datetime.now(UTC))


def all_inputs(state: Any, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Use a value that was computed from the same inputs."""
    before = _values(state.cached_inputs)
    return duration_only(state, inputs, parameters) and before == dict(inputs or {})


def all_parameters(state: Any, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Use a value that was computed in a run with the same parameters."""
    before = dict(state.cached_parameters or {})
    return duration_only(state, inputs, parameters) and before == dict(parameters or {})


class PartialValidator:
    """Compares some inputs or parameters only; made by the functions below.

    Attributes:
        names: those that count.
        of_inputs: whether they are inputs, else parameters.
    """

    def __init__(self, validate_on: Iterable[str] | None, *, of_inputs: bool) -> None:
        names = [validate_on] if isinstance(validate_on, str) else validate_on or ()
        self.names = frozenset(names)
        self.of_inputs = of_inputs

    def __call__(
        self, state: Any, inputs: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> bool:
        """Whether these are what they were."""
        before = _values(state.cached_inputs) if self.of_inputs else state.cached_parameters
        now = inputs if self.of_inputs else parameters
        return duration_only(state, inputs, parameters) and self._part(before) == self._part(now)

    def _part(self, values: Mapping[str, Any] | None) -> dict[str, Any]:
        return {name: value for name, value in (values or {}).items() if name in self.names}


def partial_inputs_only(validate_on: Iterable[str] | None = None) -> Validator:
    """A validator that uses a value if the inputs of these names are the same."""
    return PartialValidator(validate_on, of_inputs=True)


def partial_parameters_only(validate_on: Iterable[str] | None = None) -> Validator:
    """A validator that uses a value if the parameters of these names are the same."""
    return PartialValidator(validate_on, of_inputs=False)


def _values(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values of inputs as a state has them, each as the ``value`` of a result."""
    return {name: one.value for name, one in (inputs or {}).items()}
