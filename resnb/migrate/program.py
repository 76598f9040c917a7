"""Rewriting one program: its text in, its new text and what is left out.

Only the statements that import from Prefect, and the names below ``prefect.``, are touched, so
that layout and comments stay. Lines of IPython's own (``%time``, ``!ls``) are left as they are.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from resnb.migrate.left_out import Remark, flows_in, imported_names, left_out
from resnb.migrate.names import advice, moved, moved_module, stands
from resnb.unsupported import of_integration

WIDTH = 88
_IPYTHON = re.compile(r"^(\s*)(%{1,2}\w.*|!(?!=).*|\?.*|[^#]*\?)$")
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


class Bound(NamedTuple):
    """What a program, or the cells of a notebook, bind.

    Attributes:
        flows: the names of flows.
        names: other names, and what of Prefect they stand for.
        root: what a plain ``import prefect`` is to bind: the old name if something else binds it,
            too, such as ``except ImportError: prefect = None``.
    """

    flows: frozenset[str] = frozenset()
    names: Mapping[str, str] = MappingProxyType({})
    root: str = "resnb"


def bound_by(*texts: str) -> Bound:
    """What the cells `texts` bind; those that are no Python bind nothing."""
    trees = []
    for text in texts:
        with suppress(SyntaxError):
            trees.append(_parsed(text))
    return Bound(
        frozenset(name for tree in trees for name in flows_in(tree)),
        {name: old for tree in trees for name, old in imported_names(tree)},
        "prefect" if any(_binds_root(tree) for tree in trees) else "resnb",
    )


def migrated(text: str, bound: Bound | None = None) -> Migrated:
    """The program `text` with resnb's imports in place of Prefect's.

    Args:
        text: the program, or a cell.
        bound: what all cells of its notebook bind; what `text` binds by default.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = _parsed(text)
    flows, names, name = bound or bound_by(text)
    roots = {"prefect"} | {local for local, old in names.items() if old == "prefect"}
    edits: list[_Edit] = []
    remarks: list[Remark] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            _rewrite_import(node, name, edits, remarks)
        elif isinstance(node, ast.ImportFrom) and _is_prefect(node.module) and not node.level:
            _rewrite_from(node, text, edits, remarks)
        remarks += _integrations(node)
    _rewrite_chains(tree, roots, name, edits, remarks)
    remarks += left_out(tree, flows, names)
    return Migrated(_applied(text, edits), sorted(set(remarks)))


def lines_of(text: str) -> list[str]:
    """The lines of `text` with their ends, as Python counts them: a form feed ends none."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def _parsed(text: str) -> ast.Module:
    try:
        try:
            return ast.parse(text)
        except SyntaxError:
            return ast.parse(_without_ipython(text))
    except (RecursionError, MemoryError):
        raise SyntaxError("the code is nested too deeply") from None
    except ValueError as error:  # null bytes
        raise SyntaxError(str(error)) from None


def _without_ipython(text: str) -> str:
    """`text` with a statement of the same place for each line that only IPython reads."""
    lines = []
    for line in (one.rstrip("\r\n") for one in lines_of(text)):
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


def _source(text: str, node: ast.stmt) -> str:
    """The text of a statement."""
    edit = _edit(node, "")
    lines = [line.encode() for line in lines_of(text)[edit.start[0] - 1 : edit.end[0]]]
    lines[-1] = lines[-1][: edit.end[1]]
    lines[0] = lines[0][edit.start[1] :]
    return b"".join(lines).decode()


def _binds_root(tree: ast.AST) -> bool:
    """Whether anything but an import binds the name ``prefect``."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names = [node.id]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names = node.names
        if "prefect" in names:
            return True
    return False


# ---- the statements


def _rewrite_import(node: ast.Import, name: str, edits: list[_Edit], remarks: list[Remark]) -> None:
    if not any(_is_prefect(alias.name) for alias in node.names):
        return
    parts = []
    for alias in node.names:
        new = alias.name
        if _is_prefect(alias.name):
            new = moved_module(alias.name) or stands(alias.name)
            if moved_module(alias.name) is None:
                remarks.append(Remark(node.lineno, alias.name, advice(alias.name)))
            if alias.asname is None and name != "resnb":
                parts += [new] * (new != "resnb") + [f"resnb as {name}"]
                continue
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
        new = moved(old) or stands(old)
        if alias.name == "*":
            old = node.module or ""
            new = f"{moved_module(old) or stands(old)}.*"
        if (moved_module if alias.name == "*" else moved)(old) is None:
            remarks.append(Remark(node.lineno, old, advice(old)))
        module, _, name = new.rpartition(".")
        local = alias.asname or alias.name
        plain = plain and name == alias.name
        groups.setdefault(module, []).append(name if name == local else f"{name} as {local}")
    segment = _source(text, node)
    head = re.match(r"from\s+[\w.]+", segment)
    if plain and len(groups) == 1 and head is not None:
        (module,) = groups
        edits.append(_edit(node, re.sub(r"^(from\s+)[\w.]+", rf"\g<1>{module}", segment)))
        return
    before = lines_of(text)[node.lineno - 1].encode()[: node.col_offset].decode()
    if before.strip():  # other statements of the same line
        lines = [_from_line(module, names, "", None) for module, names in sorted(groups.items())]
        edits.append(_edit(node, "; ".join(lines)))
        return
    lines = [f"# {comment}" for comment in re.findall(r"#\s*(.*)", segment)]
    lines += [_from_line(module, names, before) for module, names in sorted(groups.items())]
    edits.append(_edit(node, f"\n{before}".join(lines)))


def _from_line(module: str, names: list[str], indent: str, width: int | None = WIDTH) -> str:
    line = f"from {module} import {', '.join(names)}"
    if width is None or len(indent) + len(line) <= width:
        return line
    inside = "".join(f"{indent}    {name},\n" for name in names)
    return f"from {module} import (\n{inside}{indent})"


# ---- names below ``prefect.``


def _rewrite_chains(
    tree: ast.AST, roots: set[str], name: str, edits: list[_Edit], remarks: list[Remark]
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
            local = name if root.id == "prefect" else root.id
            _rewrite_chain(chain, root, local, edits, remarks)
    edits += [
        _edit(node, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "prefect" != name and node not in inner
    ]


def _rewrite_chain(
    chain: list[ast.expr],
    root: ast.Name,
    local: str,
    edits: list[_Edit],
    remarks: list[Remark],
) -> None:
    """Rewrite the longest part of ``prefect.a.b.c`` that resnb knows."""
    names = ["prefect", *(one.attr for one in reversed(chain) if isinstance(one, ast.Attribute))]
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
    starts = [0]
    for line in lines_of(text):
        starts.append(starts[-1] + len(line.encode()))
    data = text.encode()
    for start, end, new in sorted(edits, reverse=True):
        first, last = (starts[row - 1] + column for row, column in (start, end))
        data = data[:first] + new.encode() + data[last:]
    return data.decode()
