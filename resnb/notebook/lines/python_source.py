"""Python inside a magic line: where it ends, whether it compiles, how an error quotes it.

Python's own tokenizer and compiler decide, so that blanks, quotes and brackets mean here what they
mean in a cell. None of these functions raises, whatever the text.
"""

import ast
import warnings
from tokenize import ERRORTOKEN, TokenError, generate_tokens
from typing import NamedTuple

from resnb.syntax.parsing import parsed

_LONGEST_QUOTE = 60


class Fault(NamedTuple):
    """Why a text is not Python.

    Attributes:
        reason: what the compiler says.
        start: the index of the character at which it stopped.
        place: the text that it stopped at; empty if it does not say.
    """

    reason: str
    start: int = 0
    place: str = ""


def quoted(text: str) -> str:
    """`text` as an error message shows it: on one line, shortened, in quotes."""
    text = text.strip()
    return repr(text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "...")


def is_balanced(text: str) -> bool:
    """Whether all brackets and quotes that `text` opens are closed."""
    try:
        for token in generate_tokens(iter([text]).__next__):
            if token.type == ERRORTOKEN and token.string[0] in "\"'":  # Python 3.11 does not raise
                return False
    except (TokenError, SyntaxError, ValueError):  # the last for a lone surrogate
        return False
    return True


def python_fault(source: str, mode: str = "eval") -> Fault | None:
    """Why `source` cannot be compiled; None if it can.

    Args:
        source: the text.
        mode: ``"eval"`` for an expression, ``"exec"`` for statements.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<line>", mode, dont_inherit=True)
    except SyntaxError as error:
        start = max(0, (error.offset or 1) - 1)
        return Fault(error.msg, start, source[start : max(0, (error.end_offset or 0) - 1)])
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return Fault(str(error) or "it is nested too deeply")
    return None


def expression(source: str) -> ast.expr:
    """The tree of an expression that has no `python_fault`."""
    statement = parsed(source).body[0]
    assert isinstance(statement, ast.Expr), "the text is an expression"
    return statement.value


def normalised(source: str) -> str:
    """An expression that has no `python_fault` as Python itself would write it, for comparing."""
    try:
        return ast.unparse(expression(source))
    except (ValueError, RecursionError):  # f-strings that Python 3.11 cannot write
        return source


__all__ = ["Fault", "expression", "is_balanced", "normalised", "python_fault", "quoted"]
