"""The kind of resource that the body of a ``%%resource`` cell defines: a generator or a class.

A body that does not make its resource in exactly one place, or does not clean it up, is refused
with the rule, the line of the cell and the remedy.

Before its yield, at its top level, a generator body may define functions for other processes:
``find(lease_id)`` returns what an unfinished set-up has left, or None; it may use the parameters,
the notebook's names, and what the body imports, defines or sets to a constant.
``handle(resource)`` returns a small value from which ``attach(handle)`` rebuilds the resource. The
results of ``find`` and ``attach``, and the argument of ``lease.record`` without an ``attach``, are
what would be yielded, or a dictionary of the variables that the clean-up uses: see
`resnb.syntax.meaning`. ``ready(resource)`` tells whether the resource can be used.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from resnb.errors import MagicError
from resnb.notebook.lines.signatures import SignatureParameter
from resnb.syntax.methods import METHODS
from resnb.syntax.parsing import parsed
from resnb.syntax.scoping import bound_names, has_await, own_nodes

_Located = ast.stmt | ast.expr


@dataclass(frozen=True)
class GeneratorBody:
    """A resource body with one yield."""

    is_async: bool = False  # whether it awaits, so that it makes an async generator
    # the functions of `resnb.syntax.methods.METHODS` that it defines before the yield
    hooks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClassBody:
    """A resource body with a class."""

    class_name: str  # the resource's class; its ``cleanup`` may be inherited
    is_async: bool = False  # whether the cell awaits outside the class


ResourceBody = GeneratorBody | ClassBody


def resource_body(
    source: str,
    name: str,
    parameters: Sequence[SignatureParameter] = (),
    first_line: int = 2,
) -> ResourceBody:
    """The kind of resource that the body of ``%%resource NAME`` defines.

    A body with a ``yield`` at its own level is a generator; classes without set-up and clean-up in
    it are helpers. Any other body needs one class with ``cleanup``; if there are several, it is the
    one with the resource's name. A class with base classes may inherit ``cleanup``.

    Args:
        source: the body.
        name: the resource's name, for errors.
        parameters: the signature on the magic's line, which a class must not have.
        first_line: the line of the cell on which the body begins; the magic's line is line 1.

    Raises:
        MagicError: the body defines no resource, or more than one.
        SyntaxError: `source` is not Python.
    """
    body = _BodyCheck(name, parsed(source).body, first_line)
    if body.yields:
        return body.generator()
    return body.resource_class(parameters)


class _BodyCheck:
    """Checks the statements of a resource body against the rules for its kind."""

    def __init__(self, name: str, statements: list[ast.stmt], first_line: int) -> None:
        self.name = name
        self.statements = statements
        self.shift = first_line - 1
        self.nodes = list(own_nodes(statements))
        self.yields = [node for node in self.nodes if isinstance(node, ast.Yield | ast.YieldFrom)]
        self.classes = [node for node in statements if isinstance(node, ast.ClassDef)]
        for node in self.nodes:
            if isinstance(node, ast.Return):
                raise self.error("returns", node, "put what follows under an `if` instead")

    def error(self, problem: str, node: _Located | None, remedy: str) -> MagicError:
        at = f" (line {node.lineno + self.shift} of the cell)" if node is not None else ""
        return MagicError(f"%%resource {self.name}: the body {problem}{at}: {remedy}")

    def generator(self) -> GeneratorBody:
        self.check_yields()
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                remedy = "name what you need, or import it in a cell of its own"
                raise self.error("has `import *`", node, remedy)
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                remedy = "put it into an ordinary cell, which turns it on for the whole notebook"
                raise self.error("has `from __future__ import`", node, remedy)
            if isinstance(node, ast.ClassDef) and {"setup", "cleanup"} & set(
                bound_names(node.body)
            ):
                problem = f"has a yield and the resource class {node.name!r}"
                raise self.error(problem, node, "write the one or the other")
        return GeneratorBody(has_await(self.statements), self.hooks())

    def check_yields(self) -> None:
        for node in self.yields:
            if isinstance(node, ast.YieldFrom):
                raise self.error("has `yield from`", node, "yield the resource itself, once")
        for loop in self.nodes:
            if isinstance(loop, ast.For | ast.AsyncFor | ast.While):
                test = [loop.test] if isinstance(loop, ast.While) else []
                for inner in own_nodes([*test, *loop.body]):
                    if isinstance(inner, ast.Yield):
                        remedy = "a resource body yields once: collect in the loop, yield after it"
                        raise self.error("yields in a loop", inner, remedy)
        if len(self.yields) > 1:
            remedy = "a resource body yields once: in branches, assign; then yield"
            raise self.error("yields twice", self.yields[1], remedy)

    def hooks(self) -> frozenset[str]:
        place = self.yields[0]
        found = set()
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in METHODS:
                if (node.lineno, node.col_offset) > (place.lineno, place.col_offset):
                    remedy = "define it before, where it can be of use"
                    raise self.error(f"defines {node.name!r} after the yield", node, remedy)
                if node not in self.statements:
                    remedy = "define it at the body's top level, where it can be taken out"
                    raise self.error(f"defines {node.name!r} inside a block", node, remedy)
                found.add(node.name)
        return frozenset(found)

    def resource_class(self, parameters: Sequence[SignatureParameter]) -> ClassBody:
        chosen = self.choose()
        if parameters:
            remedy = "a class takes its arguments by __init__, not by a signature on the line"
            raise self.error(f"is the class {chosen.name!r}", chosen, remedy)
        return ClassBody(chosen.name, has_await(self.statements))

    def choose(self) -> ast.ClassDef:
        if not self.classes:
            remedy = (
                "yield the resource once, between set-up and clean-up, or write a class with "
                "setup and cleanup"
            )
            raise self.error("has no yield of its own and no class", None, remedy)
        able = [node for node in self.classes if "cleanup" in bound_names(node.body)]
        able = able or [node for node in self.classes if node.bases]
        if not able:
            last = self.classes[-1]
            remedy = "add `def cleanup(self, resource)`"
            raise self.error(f"has the class {last.name!r} without cleanup", last, remedy)
        named = [node for node in able if node.name == self.name]
        if len(able) > 1 and not named:
            names = ", ".join(node.name for node in able)
            remedy = f"keep one, or call one of them {self.name}"
            raise self.error(f"has several resource classes ({names})", able[1], remedy)
        return (named or able)[0]
