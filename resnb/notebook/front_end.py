"""The sender of the running cell: a front end with people in front of it, or a program.

Front ends send the cell's id, or at least allow `input()`; nbclient, nbval, papermill and
``nbconvert --execute`` do neither.
"""

from collections.abc import Mapping
from typing import Any


def cell_id(shell: Any) -> str | None:
    """The front end's id of the cell that is running, if it sent one."""
    found = _request(shell).get("metadata", {}).get("cellId")
    return found if isinstance(found, str) else None


def deleted_cells(shell: Any) -> tuple[str, ...]:
    """The ids of cells that the front end says were deleted, in order; JupyterLab says so."""
    found = _request(shell).get("metadata", {}).get("deletedCells")
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def is_attended(shell: Any) -> bool:
    """Whether somebody may be watching, so that a live view is of use."""
    content = _request(shell).get("content", {})
    return cell_id(shell) is not None or content.get("allow_stdin") is True


def is_terminal(shell: Any) -> bool:
    """Whether what is shown goes to a terminal, and is not saved with a notebook."""
    return shell is not None and getattr(shell, "kernel", None) is None


def is_read(shell: Any) -> bool:
    """Whether somebody reads what is printed now, in a notebook or in a terminal."""
    return is_terminal(shell) or is_attended(shell)


def _request(shell: Any) -> Mapping[str, Any]:
    get_parent = getattr(shell, "get_parent", None)
    return {} if get_parent is None else get_parent() or {}
