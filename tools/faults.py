"""The small faults that `tools/mutants.py` puts into a file, one at a time.

Another operator, a constant off by one, a condition negated, `None` returned, a statement left out.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

SWAPPED: Final[Mapping[type[ast.AST], type[ast.AST]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.Continue: ast.Break, ast.Break: ast.Continue,
}  # fmt: skip
OPPOSITES: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
OPERATORS: Final = (ast.operator, ast.cmpop, ast.boolop)
LEFT_OUT: Final = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Raise)
NO_CODE: Final = ("annotation", "returns", "decorator_list", "defaults", "kw_defaults")
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Mutant(NamedTuple):
    """A fault: `new` in the place of a field of a node, or of one item of it."""

    path: Path
    tree: ast.Module
    line: int
    name: str  # where it is and what is changed; changes elsewhere in the file leave it as it is
    node: ast.AST
    field: str
    item: int | None
    new: ast.AST

    def code(self) -> CodeType:
        """The code of the file with the fault, which is in the tree from now on."""
        if self.item is None:
            setattr(self.node, self.field, self.new)
        else:
            getattr(self.node, self.field)[self.item] = self.new
        return compile(ast.fix_missing_locations(self.tree), self.path, "exec")


def faults(node: ast.AST, field: str, *, is_compared: bool, is_new: bool) -> Iterator[ast.AST]:
    """What may stand for `node`, which is in that field of another one."""
    match node:
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.Constant(value=str() as text) if is_compared:
            yield ast.Constant(f"{text}!")
        case ast.Return(value=ast.Constant(value=None) | None):
            pass
        case ast.Return():
            yield ast.Return(ast.Constant(None))
    if type(node) in SWAPPED:
        yield SWAPPED[type(node)]()
    if field in {"test", "ifs"} and isinstance(node, ast.expr) and not has_opposite(node):
        yield ast.UnaryOp(ast.Not(), node)
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, LEFT_OUT) and not is_text and not is_new:
        yield ast.Pass()


def has_opposite(node: ast.expr) -> bool:
    """Whether another fault negates this condition."""
    if isinstance(node, ast.Compare):
        return len(node.ops) == 1 and isinstance(node.ops[0], OPPOSITES)
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def binds_first(node: ast.AST, bound: set[str]) -> bool:
    """Whether a statement is the first that binds its names, which are `bound` from now on."""
    targets = [*getattr(node, "targets", ()), *filter(None, [getattr(node, "target", None)])]
    names = {one.id for it in targets for one in ast.walk(it) if isinstance(one, ast.Name)}
    is_plain = all(isinstance(one, ast.Name | ast.Tuple) for one in targets)
    is_new = isinstance(node, ast.Assign | ast.AnnAssign) and is_plain and not names <= bound
    bound |= names
    return is_new


def text_of(node: ast.AST) -> str:
    """The first line of a node as text, or what is left of it."""
    if isinstance(node, OPERATORS):
        return type(node).__name__
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0][:90]


class Finder:
    """Finds all mutants of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self._names: Counter[str] = Counter()

    def mutants(self) -> Iterator[Mutant]:
        """Them, from the top."""
        return self._below(self.tree, self.path.stem, None, is_compared=False)

    def _below(
        self, node: ast.AST, where: str, bound: set[str] | None, *, is_compared: bool
    ) -> Iterator[Mutant]:
        """Those in `node`; `bound` are the names of its function, None if it is in none."""
        for field, value in ast.iter_fields(node):
            items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for item, one in items if field not in NO_CODE else ():
                if not isinstance(one, ast.AST) or isinstance(one, ast.JoinedStr):
                    continue
                if bound is not None:
                    is_new = binds_first(one, bound)
                    for new in faults(one, field, is_compared=is_compared, is_new=is_new):
                        what = f" in {text_of(node)}" if isinstance(one, OPERATORS) else ""
                        name = f"{where}: {text_of(one)} => {text_of(new)}{what}"
                        self._names[name] += 1
                        name += f" ({self._names[name]})" if self._names[name] > 1 else ""
                        line = getattr(one, "lineno", getattr(node, "lineno", 0))
                        yield Mutant(self.path, self.tree, line, name, node, field, item, new)
                inner = bound
                if isinstance(one, FUNCTIONS):
                    names = {arg.arg for arg in ast.walk(one.args) if isinstance(arg, ast.arg)}
                    inner = names.union(bound or ())
                place = f"{where}.{name_of(one)}" if bound is None and name_of(one) else where
                compares = isinstance(one, ast.Compare) or (
                    is_compared and isinstance(one, ast.Tuple | ast.Set)
                )
                yield from self._below(one, place, inner, is_compared=compares)


def name_of(node: ast.AST) -> str:
    """What a statement defines."""
    if isinstance(node, ast.Assign):
        return text_of(node.targets[0])
    return node.name if isinstance(node, (*FUNCTIONS[:2], ast.ClassDef)) else ""
