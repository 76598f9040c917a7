"""Finds the id of a kernel by its process, since pages know kernels by their ids."""

from collections.abc import Callable, Mapping
from typing import Any

Kernels = Callable[[], Mapping[int, str]]
"""Returns the ids of the server's kernels, by the pids of their processes."""


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
