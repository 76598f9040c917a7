"""Making a function of some statements of a body, with the original line numbers."""

import ast
from collections.abc import Sequence
from types import CodeType, FunctionType
from typing import Any

from resnb.syntax.body import GeneratorSource


def function_of(
    body: GeneratorSource,
    statements: Sequence[ast.stmt],
    name: str,
    parameters: Sequence[str],
    names: dict[str, Any],
    *,
    unbound: Sequence[str] = (),
    is_async: bool = False,
) -> FunctionType:
    """A function that runs `statements`.

    Args:
        body: the source of the statements.
        statements: what the function does.
        name: the function's name in tracebacks.
        parameters: the names of its parameters.
        names: the namespace for all other names.
        unbound: parameters that are unassigned when the statements begin.
        is_async: whether the statements await.
    """
    keyword = "async def" if is_async else "def"
    begin = f"del {', '.join(unbound)}" if unbound else "pass"
    module = ast.parse(f"{keyword} {name}({', '.join(parameters)}): {begin}")
    function = module.body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    function.body = [*function.body, *statements]
    code = compile(
        ast.fix_missing_locations(module),
        body.filename,
        "exec",
        flags=body.flags,
        dont_inherit=True,
    )
    (inner,) = (one for one in code.co_consts if isinstance(one, CodeType))
    return FunctionType(inner, names)
