"""Paths that are relative to a folder from which nobody may look any more.

A kernel changes its folder, and another process starts in the one that was recorded. What a handle
or a recipe names relative to a folder is made absolute, as far as it is known to be a path: a
`Path` that is there, or a text with a separator that is. Any other text may be an id.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def folder_now() -> str:
    """The working folder; empty if it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109 - it is asked for often, and no path is needed
    except OSError:
        return ""


def absolute(value: Any, folders: Sequence[str]) -> Any:
    """`value`, in whose lists, tuples and dictionaries the relative paths are made absolute.

    Args:
        value: a handle.
        folders: the folders that they may be relative to, the latest first.
    """
    kind = type(value)
    if kind in (list, tuple):
        return kind(absolute(one, folders) for one in value)
    if kind is dict:
        return {key: absolute(one, folders) for key, one in value.items()}
    is_text = kind is str and os.sep in value
    if not is_text and not isinstance(value, Path):
        return value
    found = _found(value, folders)
    return value if found is None else kind(found)


def out_of_sight(values: Iterable[Any], folders: Sequence[str]) -> list[str]:
    """The absolute paths of what is there from one of `folders`, and not from the present one.

    Args:
        values: what may be relative paths, or lists, tuples and dictionaries of them.
        folders: the folders that they may be relative to.
    """
    here = folder_now()
    others = [one for one in folders if one != here]
    if not others:
        return []
    found = (_found(one, others) for one in _flat(values) if _found(one, (here,)) is None)
    return [one for one in found if one is not None]


def _flat(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for one in values:
        if isinstance(one, list | tuple):
            found += _flat(one)
        elif isinstance(one, dict):
            found += _flat(one.values())
        elif isinstance(one, str | Path):
            found.append(one)
    return found


def _found(path: Any, folders: Sequence[str]) -> str | None:
    """The absolute path of a relative one that is there; None if there is none."""
    if not str(path) or os.path.isabs(path):  # noqa: PTH117 - it may be a text
        return None
    whole = (os.path.join(folder, path) for folder in folders if folder)  # noqa: PTH118
    try:
        return next((one for one in whole if os.path.lexists(one)), None)
    except ValueError:  # a NUL in it
        return None
