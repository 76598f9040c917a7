"""Rewriting one program: its text in, its new text and what is left out.

Only the statements that import from Prefect, and the names below ``prefect.``, are touched, so
that layout and comments stay. Lines of IPython's own (``%time``, ``!ls``) are left as they are.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from resnb.migrate.left_out import Remark, flows_in, left_out
from resnb.migrate.names import advice, moved, moved_module, stands
from resnb.unsupported import of_integration

WIDTH = 88
_IPYTHON = re.compile(r"^(\s*)([%!?].*|.*\?)$")
_ASSIGNED = re.compile(r"^(\s*\w[\w., ]*=\s*)[%!].*$")


class Migrated(NamedTuple):
    """A rewritten program.

    Attributes:
        text: the new text.
        remarks: what is left out, by line.
    """

    text: str
    remarks: list[Remark]


class _Edit(NamedTuple):
    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def flows_of(text: str) -> list[str]:
    """The names of the flows that the program `text` makes; none if it is no Python."""
    try:
        return list(flows_in(ast.parse(_without_ipython(text))))
    except SyntaxError:
        return []


def migrated(text: str, flows: Iterable[str] = ()) -> Migrated:
    """The program `text` with resnb's imports in place of Prefect's.

    Args:
        text: the program, or a cell.
        flows: the names of flows that other cells make.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(_without_ipython(text))
    roots = {"prefect"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "prefect" and alias.asname
    }
    edits: list[_Edit] = []
    remarks: list[Remark] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            _rewrite_import(node, edits, remarks)
        elif isinstance(node, ast.ImportFrom) and _is_prefect(node.module) and not node.level:
            _rewrite_from(node, text, edits, remarks)
        remarks += _integrations(node)
    _rewrite_chains(tree, roots, edits, remarks)
    remarks += left_out(tree, flows)
    return Migrated(_applied(text, edits), sorted(set(remarks)))


def _without_ipython(text: str) -> str:
    """`text` with a statement of the same place for each line that only IPython reads."""
    lines = []
    for line in text.splitlines():
        found = _IPYTHON.match(line)
        assigned = _ASSIGNED.match(line)
        if found and not line.lstrip().startswith("#") and ('"' not in line or line[0] in "%!?"):
            lines.append(f"{found.group(1)}pass")
        else:
            lines.append(f"{assigned.group(1)}None" if assigned else line)
    return "\n".join(lines)


def _is_prefect(module: str | None) -> bool:
    return module is not None and (module == "prefect" or module.startswith("prefect."))


def _integrations(node: ast.AST) -> Iterator[Remark]:
    """The packages that extend Prefect among what `node` imports."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    for name in names:
        if name.startswith("prefect_"):
            yield Remark(node.lineno, name, of_integration(name))  # type: ignore[attr-defined]


def _edit(node: ast.stmt | ast.expr, text: str) -> _Edit:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    end = (node.end_lineno, node.end_col_offset)
    return _Edit((node.lineno, node.col_offset), end, text)


# ---- the statements


def _rewrite_import(node: ast.Import, edits: list[_Edit], remarks: list[Remark]) -> None:
    if not any(_is_prefect(alias.name) for alias in node.names):
        return
    parts = []
    for alias in node.names:
        new = alias.name
        if _is_prefect(alias.name):
            new = moved_module(alias.name) or stands(alias.name)
            if moved_module(alias.name) is None:
                remarks.append(Remark(node.lineno, alias.name, advice(alias.name)))
        parts.append(new + (f" as {alias.asname}" if alias.asname else ""))
    edits.append(_edit(node, f"import {', '.join(dict.fromkeys(parts))}"))


def _rewrite_from(
    node: ast.ImportFrom, text: str, edits: list[_Edit], remarks: list[Remark]
) -> None:
    """One ``from`` statement, which may become several, one for each module of resnb."""
    groups: dict[str, list[str]] = {}
    plain = True
    for alias in node.names:
        old = f"{node.module}.{alias.name}"
        new = (
            (moved(old) or stands(old))
            if alias.name != "*"
            else f"{moved_module(node.module or '')}.*"
        )
        if alias.name != "*" and moved(old) is None:
            remarks.append(Remark(node.lineno, old, advice(old)))
        module, _, name = new.rpartition(".")
        local = alias.asname or alias.name
        plain = plain and name == alias.name
        groups.setdefault(module, []).append(name if name == local else f"{name} as {local}")
    segment = ast.get_source_segment(text, node) or ""
    head = re.match(r"from\s+[\w.]+", segment)
    if plain and len(groups) == 1 and head is not None:
        (module,) = groups
        edits.append(_edit(node, re.sub(r"^(from\s+)[\w.]+", rf"\g<1>{module}", segment)))
        return
    indent = " " * node.col_offset
    lines = [f"# {comment}" for comment in re.findall(r"#\s*(.*)", segment)]
    lines += [_from_line(module, names, indent) for module, names in sorted(groups.items())]
    edits.append(_edit(node, f"\n{indent}".join(lines)))


def _from_line(module: str, names: list[str], indent: str) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(indent) + len(line) <= WIDTH:
        return line
    inside = "".join(f"{indent}    {name},\n" for name in names)
    return f"from {module} import (\n{inside}{indent})"


# ---- names below ``prefect.``


def _rewrite_chains(
    tree: ast.AST, roots: set[str], edits: list[_Edit], remarks: list[Remark]
) -> None:
    inner: set[ast.AST] = set()
    for node in ast.walk(tree):  # outer ones come first
        if not isinstance(node, ast.Attribute) or node in inner:
            continue
        chain: list[ast.expr] = [node]
        while isinstance(chain[-1], ast.Attribute):
            chain.append(chain[-1].value)
        root = chain[-1]
        if isinstance(root, ast.Name) and root.id in roots:
            inner.update(chain)
            _rewrite_chain(chain, root, edits, remarks)


def _rewrite_chain(
    chain: list[ast.expr], root: ast.Name, edits: list[_Edit], remarks: list[Remark]
) -> None:
    """Rewrite the longest part of ``prefect.a.b.c`` that resnb knows."""
    names = ["prefect", *(one.attr for one in reversed(chain) if isinstance(one, ast.Attribute))]
    local = "resnb" if root.id == "prefect" else root.id
    for length in range(len(names), 1, -1):
        new = moved(".".join(names[:length]))
        if new is not None:
            node = chain[len(names) - length]
            edits.append(_edit(node, local + new.removeprefix("resnb")))
            return
    old = ".".join(names[:2])
    remarks.append(Remark(root.lineno, ".".join(names), advice(".".join(names))))
    edits.append(_edit(chain[len(names) - 2], local + stands(old).removeprefix("resnb")))


def _applied(text: str, edits: list[_Edit]) -> str:
    """`text` after `edits`, whose columns count bytes of UTF-8."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = text.encode()
    for start, end, new in sorted(edits, reverse=True):
        first, last = (starts[row - 1] + column for row, column in (start, end))
        data = data[:first] + new.encode() + data[last:]
    return data.decode()
