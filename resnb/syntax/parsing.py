"""Parsing Python without the compiler's warnings, which appear when the code is run anyway."""

import ast
import warnings


def parsed(source: str, filename: str = "<unknown>") -> ast.Module:
    """The syntax tree of `source`.

    Raises:
        SyntaxError: `source` is not valid Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, filename)
