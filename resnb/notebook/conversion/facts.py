"""What one plain cell reads, binds and changes, and whether it can be a step at all."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from resnb.notebook.conversion.ran import RanCell
from resnb.syntax.in_place import changed_in_place
from resnb.syntax.reads import names_needed
from resnb.syntax.scoping import names_left, own_nodes
from resnb.syntax.step_code import step_code

_MAGIC = re.compile(r"\s*%%(\S+)")
_ABOUT_CELLS = re.compile(r"\s*%flow\s+from-cells\b")
_OWN_LINE = re.compile(r"^\s*%(?:flow|resources|(?:re)?load_ext\s+resnb)\b", re.MULTILINE)
_PYTHON_MAGICS = frozenset({"time", "capture", "prun", "timeit", "memit", "mprun"})
_SHELL_CALLS = frozenset({"run_line_magic", "system", "getoutput"})
_SHOWING = frozenset({"display", "plot", "print", "savefig", "show"})
_RANDOM = frozenset({"default_rng", "Generator", "Random", "RandomState"})
_PLOTTERS = frozenset({"alt", "go", "plt", "px", "sns"})

IMPORTS: Final = "imports"
DEFINITIONS: Final = "definitions"


class CellFacts(NamedTuple):
    """What is known of a cell.

    Attributes:
        cell: the cell.
        label: what people call it.
        needs: the names that it reads before it binds them, also in functions that it defines.
        binds: the names that it leaves.
        outputs: those of them that a step would give.
        imports: those of them that are imported.
        changes: the names whose objects it changes in place.
        fixed: why it cannot be a step; empty if it can.
        soft: what it is that need not be a step: imports or definitions.
        shows: whether it shows something.
        generators: the names that it binds to generators of random numbers, which each use changes.
    """

    cell: RanCell
    label: str
    needs: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    fixed: str = ""
    soft: str = ""
    shows: bool = False
    generators: frozenset[str] = frozenset()


def facts_of(cells: Sequence[RanCell], translate: Callable[[str], str]) -> list[CellFacts]:
    """What is known of `cells`, without those that hold no code.

    Args:
        cells: the cells.
        translate: makes Python of IPython's syntax.
    """
    found = (
        _facts(cell, f"[{cell.number or place}]", translate)
        for place, cell in enumerate(cells, start=1)
        if not _ABOUT_CELLS.match(cell.text)
    )
    facts = [one for one in found if one is not None]
    generators = {name for one in facts for name in one.generators}
    return [one._replace(changes=one.changes | (one.needs & generators)) for one in facts]


def _facts(cell: RanCell, label: str, translate: Callable[[str], str]) -> CellFacts | None:
    text, fixed = cell.text, ""
    if magic := _MAGIC.match(text):
        name = magic[1]
        if name in ("flow", "resource"):
            return CellFacts(cell, label, fixed="it is resnb's already")
        if name not in _PYTHON_MAGICS:
            return CellFacts(cell, label, fixed=f"a cell magic, %%{name}")
        fixed = f"it begins with %%{name}: without that line it could be a step"
        text = text.partition("\n")[2]
    try:
        statements = ast.parse(translate(text)).body
    except SyntaxError:
        return CellFacts(cell, label, fixed="it is not Python")
    if not statements:
        return None
    code = step_code(statements)
    return CellFacts(
        cell,
        label,
        frozenset(names_needed(statements)),
        frozenset(names_left(statements)),
        code.outputs,
        frozenset(names_left(code.imports)),
        changed_in_place(statements),
        fixed or _fixed_reason(cell, statements),
        _soft(statements),
        _shows(statements),
        frozenset(_generators(statements)),
    )


def _fixed_reason(cell: RanCell, statements: Sequence[ast.stmt]) -> str:
    """Why statements cannot be a step; empty if they can."""
    nodes = [one for statement in statements for one in ast.walk(statement)]
    calls = {
        one.func.id for one in nodes if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
    }
    reasons = {
        "its last run failed": cell.failed,
        "it has a line for resnb": _OWN_LINE.search(cell.text),
        "magics": all(map(_is_magic, statements)),
        "its functions bind variables of the notebook (global)": any(
            isinstance(one, ast.Global) for one in nodes
        ),
        "a step cannot hold `from ... import *`: name what you need": any(
            isinstance(one, ast.ImportFrom) and one.names[0].name == "*" for one in nodes
        ),
        "it asks for input, which a step cannot": "input" in calls,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _generators(statements: Sequence[ast.stmt]) -> Iterator[str]:
    for node in own_nodes(statements):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = node.value.func
            if getattr(made, "attr", getattr(made, "id", "")) in _RANDOM:
                yield from (one.id for one in node.targets if isinstance(one, ast.Name))


def _soft(statements: Sequence[ast.stmt]) -> str:
    """Imports or definitions, with settings among them; empty for anything else."""
    kinds: list[str] = []
    for one in statements:
        match one:
            case ast.Import() | ast.ImportFrom():
                kinds.append(IMPORTS)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                kinds.append(DEFINITIONS)
            case ast.Assign(value=value) | ast.AnnAssign(value=value) if _is_plain(value):
                pass
            case ast.Assign(value=ast.Lambda()):
                kinds.append(DEFINITIONS)
            case ast.Expr():  # a setting, such as pd.set_option, or a docstring
                pass
            case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
                pass
            case _:
                return ""
    return DEFINITIONS if DEFINITIONS in kinds else IMPORTS if kinds else ""


def _is_plain(value: ast.expr | None) -> bool:
    try:
        return value is None or bool(ast.literal_eval(value)) or True
    except (ValueError, TypeError, MemoryError):
        return False


def _is_magic(one: ast.stmt) -> bool:
    match one:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Call(), attr=attribute))):
            return attribute in _SHELL_CALLS
        case ast.Expr(value=ast.Constant()):
            return True
    return False


def _shows(statements: Sequence[ast.stmt]) -> bool:
    return isinstance(statements[-1], ast.Expr) or any(map(_is_display, own_nodes(statements)))


def _is_display(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in _SHOWING
        case ast.Call(func=ast.Attribute(value=ast.Name(id=root), attr=name)):
            return name in _SHOWING or root in _PLOTTERS
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _SHOWING
    return False


def labels(facts: Iterable[CellFacts]) -> str:
    """Several cells as people write them: ``[2], [4] and [5]``."""
    found = [one.label for one in facts]
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))
