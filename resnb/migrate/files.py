"""Scripts and notebooks: reading them, and writing what has changed."""

import difflib
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from resnb.migrate.program import Bound, bound_by, migrated

PYTHON = ("flow", "resource", "time", "timeit", "capture", "prun")
"""The cell magics whose body is Python."""


class FileChange(NamedTuple):
    """What becomes of one file.

    Attributes:
        before: its text.
        after: its new text.
        encoding: how it is encoded.
        diff: what has changed, as a unified diff.
        lines: what is left out, or cannot be read, one line of text each.
    """

    before: str
    after: str
    diff: str
    lines: list[str]
    encoding: str = "utf-8"


def change_of(path: Path) -> FileChange:
    """What becomes of a script, or of a notebook (``.ipynb``).

    Raises:
        OSError: it cannot be read.
        ValueError: it is no text, no notebook or, if it uses Prefect, no Python.
    """
    data = path.read_bytes()
    if path.suffix == ".ipynb":
        return _notebook(path, data.decode("utf-8"))
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        before = data.decode(encoding)
        if "prefect" not in before:
            return FileChange(before, before, "", [])
        after, lines = _rewritten(before, str(path))
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise ValueError(f"{line}{error.msg}") from error
    return FileChange(before, after, _diff(before, after, str(path)), lines, encoding)


def _rewritten(text: str, place: str, bound: Bound | None = None) -> tuple[str, list[str]]:
    found = migrated(text, bound)
    return found.text, [f"{place}:{one.line}: {one.name}: {one.advice}" for one in found.remarks]


def _diff(before: str, after: str, place: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), place, place, lineterm="", n=0
    )
    return "".join(f"{line}\n" for line in lines)


def _notebook(path: Path, before: str) -> FileChange:
    content = json.loads(before)
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        message = "this is no notebook of version 4"
        raise ValueError(message)  # noqa: TRY004 - the content is at fault, as where it is no JSON
    diffs, lines = [], []
    sources = ["".join(cell["source"]) for _, cell in _code_cells(cells)]
    bound = bound_by(*sources)
    uses_prefect = any("prefect" in text for text in sources)
    for number, cell in _code_cells(cells) if uses_prefect else ():
        is_list = isinstance(cell["source"], list)
        text = "".join(cell["source"])
        place = f"{path} [cell {number}]"
        try:
            after, remarks = _rewritten(text, place, bound)
        except SyntaxError as error:
            bad = f"{place}:{error.lineno}: cannot be read: {error.msg}"
            after, remarks = text, [bad] if "prefect" in text else []
        lines += remarks
        if after != text:
            diffs.append(_diff(text, after, place))
            cell["source"] = after.splitlines(keepends=True) if is_list else after
    if not diffs:
        return FileChange(before, before, "", lines)
    found = re.search(r'\n([ \t]+)"', before)
    indent = found.group(1) if found else None
    after = json.dumps(content, indent=indent, ensure_ascii=False)
    after += before[len(before.rstrip()) :]
    return FileChange(before, after, "".join(diffs), lines)


def _code_cells(cells: list[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The cells of Python, and their numbers from 1."""
    for number, cell in enumerate(cells, 1):
        if cell.get("cell_type") != "code" or "source" not in cell:
            continue
        first = "".join(cell["source"]).lstrip().partition("\n")[0]
        magic = re.match(r"%%(\w+)", first)
        if magic is None or magic.group(1) in PYTHON:
            yield number, cell
