"""The names that shell commands in a cell refer to, as both in ``!rm {path} $name``.

IPython has already turned such commands into calls with the command as a string.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from string import Formatter

from resnb.syntax.parsing import parsed
from resnb.syntax.scoping import names_read

_CALLS = ("system", "getoutput", "getlines")
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")


def names_in_commands(statements: Iterable[ast.stmt]) -> frozenset[str]:
    """The names in the shell commands that `statements` run."""
    return frozenset(name for command in _commands(statements) for name in _names(command))


def _commands(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        for node in ast.walk(statement):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=call),
                    args=[ast.Constant(value=str(command))],
                ) if call in _CALLS:
                    yield command
                case _:
                    pass


def _names(command: str) -> Iterator[str]:
    yield from _VARIABLE.findall(command)
    try:
        fields = [field for _, field, _, _ in Formatter().parse(command) if field]
        for field in fields:
            yield from names_read(parsed(field).body)
    except (ValueError, SyntaxError):  # IPython passes it to the shell unchanged
        return
