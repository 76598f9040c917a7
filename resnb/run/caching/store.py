"""The values on disk: written once, found by key, bounded in size and age.

Each is one file: a line that says what it is, and the value. The folder is its user's alone, since
values are pickles.
"""

import io
import json
import os
import pickle
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from resnb.errors import CacheError, described
from resnb.run.caching.printed import Printed

FOLDER_VARIABLE: Final = "RESNB_CACHE"
SIZE_VARIABLE: Final = "RESNB_CACHE_SIZE"
LARGEST: Final = 5_000_000_000
"""How many bytes all values may take; what was not used for longest goes first."""
_LONGEST_LINE = 16_000_000
"""Bytes of a file's first line. What was printed is not kept if it does not fit in, as it does
unless it is odd: each of its characters may take 12 bytes, and 26 alone between other streams'."""
_ONE_READ = 1 << 16
"""Bytes of a file that are read at once; most values are smaller."""
_JUST_USED = 60.0
"""Seconds during which a value that is used again is not marked as used again."""
_SMALL = frozenset({type(None), bool, int, float, complex, str, bytes})
_SMALL_MARK = b"plain\n"


class Entry(NamedTuple):
    """A value that is kept."""

    key: str  # what it is found by
    flow: str  # the flow, for lists
    task: str  # the task
    created: float  # when it was computed, in seconds since the epoch
    value_key: str  # what it is, for those that take it as an input; empty if that has no key
    size: int  # in bytes
    printed: Printed = ()  # what the task printed


class ValueStore:
    """The values of one user.

    Args:
        folder: where they are; ``RESNB_CACHE``, else the user's cache folder, by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or _chosen_folder()
        self._folder = str(self.folder)

    def find(self, key: str, max_age: float) -> tuple[Entry, Any] | None:
        """The entry of `key` and its value, unless it is older than `max_age` seconds.

        A value that cannot be read, whose class is gone, say, is removed.

        Raises:
            CacheError: the folder is not its user's alone.
        """
        place = f"{self._folder}/{key[:2]}/{key}"  # pathlib takes longer than the rest
        try:
            file = open(place, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed below
        except OSError:
            return None
        with file:
            about = os.fstat(file.fileno())
            beginning = file.read(_ONE_READ) or b""
            if b"\n" not in beginning:  # much was printed
                beginning += file.read(_LONGEST_LINE) or b""
            found = _entry(beginning, key, about.st_size)
            now = time.time()
            if found is None or not 0 <= now - found.created <= max_age:
                return None
            self._refuse_foreign()
            try:
                value = _loaded(file, beginning, about.st_size)
            except Exception:  # noqa: BLE001 - whatever its classes raise; it is computed anew
                with suppress(FileNotFoundError):
                    os.unlink(place)  # noqa: PTH108
                return None
        if not 0 <= now - about.st_mtime <= _JUST_USED:
            with suppress(OSError):
                os.utime(place)
        return found, value

    def save(  # noqa: PLR0917 - what an entry says, in its order
        self, key: str, value: Any, flow: str, task: str, value_key: str, printed: Printed = ()
    ) -> None:
        """Keep a value; see `Entry`.

        Raises:
            CacheError: it cannot be stored; nothing is left of it then.
        """
        place = self._place(key)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # parents have another mode
            place.parent.mkdir(mode=0o700, exist_ok=True)
            self._refuse_foreign()
            descriptor, name = tempfile.mkstemp(prefix="new-", dir=self.folder)
        except OSError as error:
            message = f"the cache in {self.folder} cannot be written ({error.strerror})"
            raise CacheError(message) from None
        made = Path(name)
        try:
            about: dict[str, Any] = {"key": key, "flow": flow, "task": task}
            about |= {"created": time.time(), "value_key": value_key}
            line = json.dumps({**about, "printed": printed} if printed else about)
            with os.fdopen(descriptor, "wb") as file:
                file.write((line if len(line) < _LONGEST_LINE else json.dumps(about)).encode())
                file.write(b"\n")
                _dump(value, file)
                size = file.tell()
            made.replace(place)
        except BaseException as error:  # whatever pickling the user's value raises, or a Ctrl-C
            made.unlink(missing_ok=True)
            if not isinstance(error, Exception):
                raise
            first = described(error).splitlines()[0]
            message = f"{_named(value)} cannot be stored ({first})"
            raise CacheError(message) from None
        self._bound(size)

    def keys(self, beginning: str) -> list[str]:
        """The keys that begin like that, the one that was written or used last first."""
        found = self.folder.glob(f"{beginning[:2]}/{beginning}*")
        return [place.name for _, _, place in sorted(map(_use, found), reverse=True)]

    def entries(self) -> list[Entry]:
        """All entries, the oldest first."""
        return sorted((entry for _, entry in self._all()), key=lambda one: one.created)

    def clear(self, flow: str | None = None) -> int:
        """Remove all values, or those of one flow; gives how many."""
        places = [place for place, entry in self._all() if flow in (None, entry.flow)]
        for place in places:
            place.unlink(missing_ok=True)
        _totals.pop(self.folder, None)
        return len(places)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def _all(self) -> Iterator[tuple[Path, Entry]]:
        for place in self.folder.glob("??/*"):
            with suppress(OSError), place.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                entry = _entry(file.readline(_LONGEST_LINE), place.name, size)
                if entry is not None:
                    yield place, entry

    def _bound(self, added: int) -> None:
        """Remove what was not used for longest until the rest fits, if it may not fit any more.

        The sizes are added up once in a process, and again when the limit seems to be reached.
        """
        limit = _size_limit()
        total = _totals.get(self.folder, limit) + added
        if total > limit:
            total = 0
            for _, size, place in sorted(map(_use, self.folder.glob("??/*")), reverse=True):
                if total + size > limit:
                    place.unlink(missing_ok=True)
                else:
                    total += size
        _totals[self.folder] = total

    def _refuse_foreign(self) -> None:
        found = os.stat(self._folder)  # noqa: PTH116 - for each value that is found
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            message = (
                f"the cache in {self.folder} is not yours alone: run chmod go-w {self.folder}, or "
                f"point {FOLDER_VARIABLE} to a folder of yours"
            )
            raise CacheError(message)


_totals: dict[Path, int] = {}
"""About how many bytes each folder has, as far as this process knows."""


def _entry(beginning: bytes, key: str, size: int) -> Entry | None:
    """What the first line of a file says of it; None if it is no entry of `key`.

    Args:
        beginning: of the file, the line and perhaps more.
        key: by which it was found.
        size: of the whole file, in bytes.
    """
    try:
        found = json.loads(beginning[: beginning.index(b"\n")].decode())
        printed = tuple((stream, text) for stream, text in found.pop("printed", ()))
        entry = Entry(**found, size=size, printed=printed)
    except (ValueError, TypeError, AttributeError):
        return None
    texts = (entry.key, entry.flow, entry.task, entry.value_key, *chain(*entry.printed))
    fits = all(isinstance(one, str) for one in texts) and isinstance(entry.created, float)
    return entry if fits and entry.key == key else None


def _dump(value: Any, file: BinaryIO) -> None:
    if type(value) in _SMALL:  # joblib's way is for arrays
        file.write(_SMALL_MARK)
        pickle.dump(value, file, protocol=5)
        return
    import joblib

    beginning = file.tell()
    try:
        joblib.dump(value, file)
    except (pickle.PicklingError, AttributeError, TypeError):
        import cloudpickle

        file.seek(beginning)
        file.truncate()
        cloudpickle.dump(value, file)  # functions and classes of a cell, by what they are


def _named(value: Any) -> str:
    """What errors call a value: of several by name, the first that does not pickle."""
    import cloudpickle

    for name, one in value.items() if isinstance(value, dict) else ():
        try:
            cloudpickle.dumps(one)
        except Exception:  # noqa: BLE001 - whatever pickling the user's value raises
            return f"{name!r}, a {type(one).__name__},"
    return f"a {type(value).__name__}"


def _loaded(file: io.FileIO, beginning: bytes, size: int) -> Any:
    """The value in a file of which the beginning has been read."""
    start = beginning.index(b"\n") + 1
    if beginning.startswith(_SMALL_MARK, start):
        rest = beginning[start + len(_SMALL_MARK) :]
        return pickle.loads(rest + (file.read() if size > len(beginning) else b""))  # noqa: S301
    import joblib

    whole = io.BytesIO(beginning) if size <= len(beginning) else file
    with io.BufferedReader(whole) as buffered:  # joblib peeks, which keeps the place
        buffered.seek(start)
        return joblib.load(buffered)


def _use(place: Path) -> tuple[float, int, Path]:
    """When an entry was used, its size, and its file."""
    try:
        found = place.stat()
    except OSError:
        return 0.0, 0, place
    return found.st_mtime, found.st_size, place


def _size_limit() -> int:
    text = os.environ.get(SIZE_VARIABLE, "")
    return int(text) if text.isdecimal() else LARGEST


def _chosen_folder() -> Path:
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("resnb") / "values"
