"""What a server knows of the kernels that own leases: their ids, ends and notebooks."""

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, NamedTuple

Kernels = Callable[[], Mapping[int, str]]
"""Returns the ids of the server's kernels, by the pids of their processes."""


class Known(NamedTuple):
    """What a server knows beside the ledger."""

    kernels: Mapping[int, str] = MappingProxyType({})  # the ids of its kernels, by their pids
    ended: Mapping[int, float] = MappingProxyType({})  # when kernels ended, by their pids
    root: str = ""  # the folder whose notebooks it serves; "" if these are no files

    def path_of(self, notebook: str) -> str | None:
        """The path by which pages know `notebook`; None if they do not."""
        found = PurePath(notebook)
        if not self.root or found.suffix != ".ipynb" or not found.is_relative_to(self.root):
            return None
        return found.relative_to(self.root).as_posix()


def kernels_of(manager: Any) -> Mapping[int, str]:
    """The ids of a manager's kernels, by the pids of their processes.

    Kernels that run elsewhere, behind a gateway or in a cluster, have no process here.

    Args:
        manager: a server's manager of kernels.
    """
    found: dict[int, str] = {}
    for kernel in tuple(manager.list_kernel_ids()):
        try:
            provisioner = manager.get_kernel(kernel).provisioner
        except (AttributeError, KeyError):  # another kind of manager; or it has just gone
            continue
        pid = getattr(provisioner, "pid", None)
        if isinstance(pid, int):
            found[pid] = str(kernel)
    return found
