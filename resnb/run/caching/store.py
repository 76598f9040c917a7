"""The values on disk: written once, found by key, bounded in size and age.

Each has a folder of its own, whose ``about.json`` is written last: what has none is no entry. The
folder is its user's alone, since values are pickles.
"""

import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from resnb.errors import CacheError

FOLDER_VARIABLE: Final = "RESNB_CACHE"
SIZE_VARIABLE: Final = "RESNB_CACHE_SIZE"
LARGEST: Final = 5_000_000_000
"""How many bytes all values may take; what was not used for longest goes first."""
_ABOUT, _VALUE = "about.json", "value.pkl"


class Entry(NamedTuple):
    """A value that is kept."""

    key: str  # what it is found by
    flow: str  # the flow, for lists
    task: str  # the task
    created: float  # when it was computed, in seconds since the epoch
    size: int  # in bytes
    value_key: str  # what it is, for those that take it as an input; empty if that has no key


class ValueStore:
    """The values of one user.

    Args:
        folder: where they are; ``RESNB_CACHE``, else the user's cache folder, by default.

    Raises:
        CacheError: the folder cannot be used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or _chosen_folder()

    def find(self, key: str, max_age: float) -> Entry | None:
        """The entry of `key`, if it is not older than `max_age` seconds."""
        found = self._read(self._place(key))
        if found is None or not 0 <= time.time() - found.created <= max_age:
            return None
        return found

    def load(self, entry: Entry) -> tuple[bool, Any]:
        """Whether the value can be read, and the value; one that cannot is removed."""
        import joblib

        place = self._place(entry.key)
        try:
            self._refuse_foreign()
            value = joblib.load(place / _VALUE)
        except Exception:  # noqa: BLE001 - whatever its classes raise; it is computed anew
            shutil.rmtree(place, ignore_errors=True)
            return False, None
        with suppress(OSError):
            os.utime(place / _ABOUT)
        return True, value

    def save(self, key: str, value: Any, *, flow: str, task: str, value_key: str) -> None:
        """Keep a value.

        Raises:
            CacheError: it cannot be stored; nothing is left of it then.
        """
        import joblib

        place = self._place(key)
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_foreign()
            made = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        except OSError as error:
            message = f"the cache in {self.folder} cannot be written ({error.strerror})"
            raise CacheError(message) from None
        try:
            joblib.dump(value, made / _VALUE)
            size = sum(one.stat().st_size for one in made.iterdir())
            entry = Entry(key, flow, task, time.time(), size, value_key)
            (made / _ABOUT).write_text(json.dumps(entry._asdict()), encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            with suppress(OSError):  # another process has just stored the same
                made.rename(place)
        except Exception as error:  # noqa: BLE001 - whatever pickling the user's value raises
            first = str(error).partition("\n")[0]
            message = f"a {type(value).__name__} cannot be stored ({type(error).__name__}: {first})"
            raise CacheError(message) from None
        finally:
            shutil.rmtree(made, ignore_errors=True)
        self._bound()

    def entries(self) -> list[Entry]:
        """All entries, the oldest first."""
        return sorted((entry for _, entry in self._all()), key=lambda one: one.created)

    def clear(self, flow: str | None = None) -> int:
        """Remove all values, or those of one flow; gives how many."""
        places = [place for place, entry in self._all() if flow in (None, entry.flow)]
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
        return len(places)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def _read(self, place: Path) -> Entry | None:
        try:
            found = Entry(**json.loads((place / _ABOUT).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        fits = all(isinstance(one, str) for one in (found.flow, found.task, found.value_key))
        fits = fits and isinstance(found.created, float) and isinstance(found.size, int)
        return found if fits and found.key == place.name else None

    def _all(self) -> Iterator[tuple[Path, Entry]]:
        for place in self.folder.glob(f"??/*/{_ABOUT}"):
            entry = self._read(place.parent)
            if entry is not None:
                yield place.parent, entry

    def _bound(self) -> None:
        """Remove what was not used for longest, until the rest fits."""
        limit, total = _size_limit(), 0
        for used, place, entry in sorted(
            ((_used(place), place, entry) for place, entry in self._all()), reverse=True
        ):
            total += entry.size
            if total > limit and used:
                shutil.rmtree(place, ignore_errors=True)

    def _refuse_foreign(self) -> None:
        found = self.folder.stat()
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            message = (
                f"the cache in {self.folder} is not yours alone: run chmod go-w {self.folder}, or "
                f"point {FOLDER_VARIABLE} to a folder of yours"
            )
            raise CacheError(message)


def _used(place: Path) -> float:
    try:
        return (place / _ABOUT).stat().st_mtime
    except OSError:
        return 0.0


def _size_limit() -> int:
    text = os.environ.get(SIZE_VARIABLE, "")
    return int(text) if text.isdecimal() else LARGEST


def _chosen_folder() -> Path:
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("resnb") / "values"
