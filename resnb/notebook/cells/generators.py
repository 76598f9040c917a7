"""The body of a ``%%resource`` cell as a function whose tracebacks show the cell."""

import ast
from collections.abc import Sequence

from resnb.notebook.lines.signatures import SignatureParameter
from resnb.syntax.scoping import has_await

_NO_COLUMN = -1


def generator_function(
    source: str,
    name: str,
    parameters: Sequence[SignatureParameter],
    filename: str,
    first_line: int = 2,
) -> ast.Module:
    """The body of ``%%resource NAME`` as ``def NAME(parameters, *, lease)``, ready to compile.

    Line n of the body is line ``first_line + n - 1`` of `filename`, and the ``def`` with its
    defaults is on the line before, the magic's own. The function is async if the body awaits. As in
    any function, names that the body assigns are local; others are looked up in the notebook.

    Args:
        source: the body, which `resource_body` has classified as a generator.
        name: the resource's name.
        parameters: the signature; its defaults are evaluated when the ``def`` runs.
        filename: the name by which tracebacks find the cell.
        first_line: the line of `filename` on which the body begins.

    Raises:
        SyntaxError: `source` is not Python; its line is that of `filename`.
    """
    body = ast.parse("\n" * (first_line - 1) + source, filename).body
    keyword = "async def" if has_await(body) else "def"
    signature = ", ".join([*map(_declared, parameters), "*", "lease"])
    module = ast.parse(f"{keyword} {name}({signature}): pass", filename)
    for node in ast.walk(module):
        if isinstance(node, ast.stmt | ast.expr | ast.arg):
            node.lineno = node.end_lineno = max(first_line - 1, 1)
            node.col_offset = node.end_col_offset = _NO_COLUMN  # its text is not in the cell
    function = module.body[0]
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        function.body = body
    return module


def _declared(parameter: SignatureParameter) -> str:
    default = parameter.default_source
    return parameter.name if default is None else f"{parameter.name}={default}"


__all__ = ["generator_function"]
