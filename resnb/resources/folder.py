"""`TemporaryFolder`: a folder that is removed with all that is in it."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from resnb import ResourceManager
from resnb.errors import CleanupError, NothingMadeError, OptionError
from resnb.ledger.recipes.found_process import Place, here, is_elsewhere, out_of_sight
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments


class TemporaryFolderManager:
    """Makes a private folder, and gives its `Path`; removes it with all that is in it.

    Args:
        prefix: what its name begins with.
        parent: the folder to make it in; by default that for temporary files.

    >>> from resnb.resources import TemporaryFolder
    >>> with TemporaryFolder(prefix="sales-") as folder:
    ...     _ = (folder / "march.csv").write_text("12")
    ...     print(folder.name.startswith("sales-"), folder.is_dir())
    True True
    >>> folder.exists()
    False
    """

    kind = "folder"
    find_for = "1s"  # it is made here, so it cannot turn up later
    lease: Any

    def __init__(self, prefix: str = "", parent: str | os.PathLike[str] | None = None) -> None:
        owner = "TemporaryFolder"
        self.prefix = arguments.text(owner, "prefix", prefix)
        if "/" in self.prefix:
            message = f"{owner}: prefix has a slash: name the folder around it as parent"
            raise OptionError(message)
        parent = tempfile.gettempdir() if parent in (None, "") else parent
        self.parent = os.path.abspath(arguments.path(owner, "parent", parent))  # noqa: PTH100
        self._place = here()

    def setup(self) -> Path:
        """Make it; its name ends with the lease's id.

        Raises:
            NothingMadeError: it cannot be made there.
        """
        folder = self._folder(self.lease.id)
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            message = f"TemporaryFolder: no folder can be made in {self.parent}: {error.strerror}"
            raise NothingMadeError(message) from None
        return folder

    def handle(self, folder: Path) -> dict[str, Any]:
        """Its path, and from where that is seen."""
        return {"path": str(folder), "place": list(self._place)}

    def attach(self, handle: dict[str, Any]) -> Path:
        """See `handle`."""
        self._place = Place(*handle["place"])
        return Path(handle["path"])

    def find(self, lease_id: str) -> Path | None:
        """The folder of a set-up that did not return."""
        folder = self._folder(lease_id)
        return folder if folder.exists() else None

    def cleanup(self, folder: Path) -> None:
        """Remove it.

        Raises:
            CleanupError: it is no folder of this lease, or cannot be seen from here.
            OSError: something in it cannot be removed.
        """
        if folder != self._folder(self.lease.id):
            message = f"{folder} is not the folder of this lease, so it is left alone"
            raise CleanupError(message)
        if folder.exists():
            shutil.rmtree(folder)
        elif is_elsewhere(self._place):
            raise out_of_sight(f"folder {folder}", "it was made elsewhere, and is not there")

    def _folder(self, lease_id: str) -> Path:
        return Path(self.parent) / f"{self.prefix}{lease_id}"


TemporaryFolder = ResourceManager(TemporaryFolderManager, name="TemporaryFolder")

KIND = Kind(
    "folder",
    TemporaryFolderManager,
    {"prefix": str, "parent": str},
    {"path": str, "place": [str]},
    manager=TemporaryFolder,
)
