"""Python inside a magic line: where it ends, whether it compiles, how an error quotes it.

Python's own tokenizer and compiler decide, so that blanks, quotes and brackets mean here what they
mean in a cell. None of these functions raises, whatever the text.
"""

import ast
import warnings
from collections.abc import Iterator
from tokenize import TokenError, generate_tokens, tok_name
from typing import NamedTuple

from resnb.syntax.parsing import parsed

_LONGEST_QUOTE = 60
_OPENING = frozenset({"FSTRING_START", "TSTRING_START"})  # from Python 3.12 on
_CLOSING = frozenset({"FSTRING_END", "TSTRING_END"})


class Fault(NamedTuple):
    """Why a text is not Python."""

    reason: str  # what the compiler says
    start: int = 0  # the index of the character at which it stopped
    place: str = ""  # the text that it stopped at; empty if it does not say


def quoted(text: str) -> str:
    """`text` as an error message shows it: on one line, shortened, in quotes."""
    text = text.strip()
    return repr(text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "...")


def wholes(text: str) -> Iterator[tuple[int, int]]:
    """Where strings and groups in brackets that are in no other begin and end in `text`.

    It ends at a bracket or a quote that is not closed.
    """
    depth = begin = 0
    try:
        for token in generate_tokens(iter([text]).__next__):
            kind = tok_name[token.type]
            if kind == "ERRORTOKEN" and token.string[0] in "\"'":  # Python 3.11 does not raise
                return
            if kind in _OPENING or (kind == "OP" and token.string in "([{"):
                begin = begin if depth else token.start[1]
                depth += 1
            elif depth and (kind in _CLOSING or (kind == "OP" and token.string in ")]}")):
                depth -= 1
                if not depth:
                    yield begin, token.end[1]
            elif not depth and kind == "STRING":
                yield token.start[1], token.end[1]
    except (TokenError, SyntaxError, ValueError):  # the last for a lone surrogate
        return


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
