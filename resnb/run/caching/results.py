"""`LocalResult`: one value as one file, by Prefect 1.x's name.

The file is what its serializer makes of the value, a pickle by default, and nothing else, so that
other programs can read and write it.
"""

import copy
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any, Protocol, Self
from uuid import uuid4

from resnb.errors import OptionError
from resnb.run.caching.store import ValueStore


class Serializer(Protocol):
    """Turns values into bytes, and back."""

    def serialize(self, value: Any) -> bytes:
        """The bytes of `value`."""

    def deserialize(self, value: bytes) -> Any:
        """The value of these bytes."""


class PickleSerializer:
    """Pickles what joins code by value, such as the notebook's classes."""

    @staticmethod
    def serialize(value: Any) -> bytes:
        """The bytes of `value`."""
        import cloudpickle

        made: bytes = cloudpickle.dumps(value)
        return made

    @staticmethod
    def deserialize(value: bytes) -> Any:
        """The value of these bytes."""
        import pickle

        return pickle.loads(value)  # noqa: S301 - the user's file, in the user's folder


class LocalResult:
    """Where and how a task's value is kept as a file; of one that was read or written, the value.

    Args:
        value: the value.
        dir: the folder, made when something is written; by default ``results`` in the folder of
            values that last.
        validate_dir: accepted for compatibility with Prefect.
        location: the file's path in the folder, a template such as ``"{today}/{task_name}.pkl"``,
            or a function that makes it from the same names; by default a new one for each value.
        serializer: an object with ``serialize(value)``, which gives bytes, and ``deserialize``.

    Raises:
        OptionError: an argument is of the wrong kind.

    Example:
        >>> folder = tempfile.TemporaryDirectory()
        >>> @task(result=LocalResult(dir=folder.name, location="{task_name}.pkl"))
        ... def answer():
        ...     return 42
        >>> with Flow("kept") as flow:
        ...     one = answer()
        >>> state = flow.run()
        >>> answer.result.read("answer.pkl").value
        42
        >>> folder.cleanup()
    """

    def __init__(
        self,
        value: Any = None,
        dir: str | os.PathLike[str] | None = None,  # noqa: A002 - Prefect's name
        validate_dir: bool = True,
        location: str | Callable[..., str] | None = None,
        serializer: Serializer | None = None,
    ) -> None:
        del validate_dir
        self.value = value
        self.dir = str(
            Path(dir).expanduser().absolute() if dir else ValueStore().folder / "results"
        )
        if not (location is None or callable(location) or isinstance(location, str)):
            message = f"LocalResult: location={location!r} must be a text, a template of a path"
            raise OptionError(message)
        self.location = location
        self.serializer = serializer or PickleSerializer()
        if not all(hasattr(self.serializer, one) for one in ("serialize", "deserialize")):
            message = f"LocalResult: serializer={serializer!r} must have serialize and deserialize"
            raise OptionError(message)

    def copy(self) -> Self:
        """Another one like this."""
        return copy.copy(self)

    def format(self, /, **names: Any) -> Self:
        """A copy whose location is no template any more, but a path.

        Raises:
            OptionError: the template has a name that is not among `names`, or a value of these
                leads out of the folder.
        """
        new = self.copy()
        if self.location is None:
            new.location = f"{datetime.now(UTC):%Y/%m/%d}/{uuid4()}.resnb_result"
        else:
            new.location = formatted(self.location, names)
        return new

    def exists(self, location: str, **names: Any) -> bool:
        """Whether there is a file at `location`, a path or a template of one."""
        return self._path(formatted(location, names) if names else location).exists()

    def read(self, location: str) -> Self:
        """A copy with the value of the file at `location`, a path.

        Raises:
            OSError: there is none, or it cannot be read.
        """
        new = self.copy()
        new.location = location
        new.value = self.serializer.deserialize(self._path(location).read_bytes())
        return new

    def write(self, value: Any, /, **names: Any) -> Self:
        """Write a value to the place that `location` and these names give, all or nothing.

        Returns:
            A copy with the value and its location, a path.

        Raises:
            OptionError: as for `format`.
            OSError: it cannot be written.
        """
        new = self.format(**names)
        new.value = value
        data = self.serializer.serialize(value)
        place = self._path(str(new.location))
        if not place.parent.exists():
            Path(self.dir).mkdir(mode=0o700, parents=True, exist_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
        made = place.with_name(f".{place.name}.{uuid4().hex}")
        try:
            made.write_bytes(data)
            made.replace(place)
        finally:
            made.unlink(missing_ok=True)
        return new

    def _path(self, location: str) -> Path:
        return Path(self.dir, Path(location).expanduser())

    def __repr__(self) -> str:
        """What it is, without the value."""
        return f"LocalResult(dir={self.dir!r}, location={self.location!r})"


def formatted(template: str | Callable[..., str], names: Any) -> str:
    """The path that a template, or a function in its place, gives with these names.

    Raises:
        OptionError: a name is missing, the result is no path, or a value has led out of the folder.
    """
    if callable(template):
        return _text(template(**names))
    try:
        made = template.format(**names)
    except (KeyError, IndexError) as error:
        what = f"{error.args[0]!r}" if isinstance(error, KeyError) else "without a name"
        known = ", ".join(sorted(name for name in names if name.isidentifier()))
        message = f"the path {template!r} has a place {what}; known here: {known}"
        raise OptionError(message) from None
    except (ValueError, AttributeError, TypeError) as error:
        message = f"the path {template!r} cannot be filled in: {error}"
        raise OptionError(message) from None
    if ".." in PurePath(made).parts and ".." not in PurePath(template).parts:
        message = f"the path {made!r} leads out of its folder: a value in {template!r} has '..'"
        raise OptionError(message)
    return made


def _text(found: Any) -> str:
    if not isinstance(found, str | os.PathLike):
        message = f"a function for a path has returned {found!r}, which is no text"
        raise OptionError(message)
    return os.fspath(found)
