"""Values as files of the user's: ``target`` and ``result`` of Prefect 1.x.

A file at a task's target *is* its value, whoever has written it and whatever the task's code is.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from resnb.errors import CacheError, OptionError, described
from resnb.run.caching.keepers import Context, Found
from resnb.run.caching.printed import Printed
from resnb.run.caching.results import formatted


class _File(NamedTuple):
    path: str
    names: Mapping[str, Any]


class AtTarget:
    """Finds a task's value where its `target` says; `writes`, if it is to be kept there, too."""

    def __init__(
        self,
        task: str,
        target: str | Callable[..., str],
        result: Any,
        context: Context,
        *,
        writes: bool,
    ) -> None:
        self._task, self._target, self._writes = task, target, writes
        self._result, self._context = result, context

    def place(self, inputs: Mapping[str, Any]) -> _File:
        """The file, and all that its name may be made of."""
        names = _names(self._context(), inputs)
        try:
            return _File(formatted(self._target, names), names)
        except OptionError as error:
            message = f"task {self._task!r}: target: {error}"
            raise OptionError(message) from None

    def find(self, place: _File) -> Found | None:
        """The value in the file, if that is there."""
        if not self._result.exists(place.path):
            return None
        try:
            return Found(self._result.read(place.path).value)
        except Exception as error:  # whatever the value's classes raise
            message = (
                f"task {self._task!r}: its target {place.path!r} is there and cannot be read "
                f"({described(error)}): remove the file, or give another target"
            )
            raise OptionError(message) from error

    def keep(self, place: _File, value: Any, printed: Printed) -> None:
        """Write the file, but for None, which says as in Prefect that the task has done that."""
        del printed
        if self._writes and value is not None:
            result = self._result.copy() if hasattr(self._result, "copy") else self._result
            result.location = _escaped(place.path)
            _written(result, value, {})


class AtResult:
    """Keeps a task's values where its `result` says, and never looks there."""

    def __init__(self, result: Any, context: Context) -> None:
        self._result, self._context = result, context

    def place(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """All that the file's name may be made of."""
        return _names(self._context(), inputs)

    @staticmethod
    def find(place: Mapping[str, Any]) -> None:
        """Nothing."""
        del place

    def keep(self, place: Mapping[str, Any], value: Any, printed: Printed) -> None:
        """Write the file."""
        del printed
        if value is not None:
            _written(self._result, value, place)


def _names(context: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**context.get("parameters", {}), **context, **inputs}


def _escaped(path: str) -> str:
    """A template that gives just this path."""
    return path.replace("{", "{{").replace("}", "}}")


def _written(result: Any, value: Any, names: Mapping[str, Any]) -> None:
    try:
        result.write(value, **names)
    except Exception as error:  # noqa: BLE001 - whatever a serializer of the user's raises
        message = f"it cannot be written ({described(error)})"
        raise CacheError(message) from None
