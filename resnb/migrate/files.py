"""Scripts and notebooks: reading them, and writing what has changed."""

import difflib
import io
import json
import re
import shutil
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from resnb.migrate.program import Bound, bound_by, lines_of, migrated

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
        return _notebook(path, _decoded(data, "utf-8"))
    encoding = _encoding(data)
    before = _decoded(data, encoding)
    try:
        if "prefect" not in before:
            return FileChange(before, before, "", [])
        after, lines = _rewritten(before, str(path))
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise ValueError(f"{line}{error.msg}") from error
    return FileChange(before, after, _diff(before, after, str(path)), lines, encoding)


def write(path: Path, change: FileChange) -> None:
    """Put the new text in the place of the old one, all of it or nothing; a link stays one.

    Raises:
        OSError: it cannot be written.
    """
    file = path.resolve()
    with tempfile.NamedTemporaryFile(
        dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as made:
        try:
            made.write(change.after.encode(change.encoding))
            made.close()
            shutil.copymode(file, made.name)
            Path(made.name).replace(file)
        except BaseException:
            Path(made.name).unlink(missing_ok=True)
            raise


def _encoding(data: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError as error:
        unknown = error.msg if "unknown" in error.msg else ""
        message = unknown or "this is not UTF-8, and its first lines declare no other encoding"
        raise ValueError(message) from None


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"line {line}: {error.object[error.start]:#x} is no text in {encoding}"
        raise ValueError(message) from None


def _rewritten(text: str, place: str, bound: Bound | None = None) -> tuple[str, list[str]]:
    found = migrated(text, bound)
    return found.text, [f"{place}:{one.line}: {one.name}: {one.advice}" for one in found.remarks]


def _diff(before: str, after: str, place: str) -> str:
    lines = difflib.unified_diff(_shown(before), _shown(after), place, place, lineterm="", n=0)
    return "".join(f"{line}\n" for line in lines)


def _shown(text: str) -> list[str]:
    """The lines of `text` as Python counts them."""
    return [line.rstrip("\r\n") for line in lines_of(text)]


def _content(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A notebook and its cells.

    Raises:
        ValueError: it is none.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"this is no JSON: {error}"
        raise ValueError(message) from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        message = "this is no notebook of version 4"
        raise ValueError(message)  # noqa: TRY004 - the content is at fault, as where it is no JSON
    for number, cell in enumerate(cells, 1):
        source = cell.get("source", "") if isinstance(cell, dict) else None
        if not isinstance(source, str) and not _is_text(source):
            message = f"cell {number} of this notebook is damaged: its source is no text"
            raise ValueError(message)
    return content, cells


def _is_text(lines: Any) -> bool:
    return isinstance(lines, list) and all(isinstance(one, str) for one in lines)


def _notebook(path: Path, before: str) -> FileChange:
    content, cells = _content(before)
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
            line = f":{error.lineno}" if error.lineno else ""
            bad = f"{place}{line}: cannot be read: {error.msg}"
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
