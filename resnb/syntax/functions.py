"""Statements of a body as a function of their own, with the places of the original."""

import ast
from collections.abc import Sequence
from types import CodeType, FunctionType
from typing import Any

from resnb.syntax.body import Body


def function_of(
    body: Body,
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
        body: where they are from.
        statements: what it does.
        name: what tracebacks call it.
        parameters: the names that it is given.
        names: the namespace in which it looks up others.
        unbound: parameters that are to have no value when it begins.
        is_async: whether it awaits.
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


__all__ = ["function_of"]
