"""Python text as a tree, without the compiler's warnings: they come where the text is used."""

import ast
import warnings


def parsed(source: str, filename: str = "<unknown>") -> ast.Module:
    """The tree of `source`.

    Raises:
        SyntaxError: it is not Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, filename)


__all__ = ["parsed"]
