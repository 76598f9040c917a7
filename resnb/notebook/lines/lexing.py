"""Python text inside a magic line: its tokens with the depth of brackets, and what is wrong in it.

Python's own tokenizer and compiler decide, so that blanks, quotes and brackets mean here what they
mean in a cell. Nothing but `MagicError` is raised, whatever the text.
"""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from tokenize import ERRORTOKEN, NAME, OP, TokenError, TokenInfo, generate_tokens

from resnb.errors import MagicError
from resnb.syntax.parsing import parsed

_SHOWN = 60
_QUOTES = frozenset("\"'")
_PARTNERS = {")": "(", "]": "[", "}": "{"}


class UnclosedError(MagicError):
    """A quote or a bracket that is open at the end of the line."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(f"a {what} is not closed in {shown(text)}")


@dataclass(frozen=True)
class Lexeme:
    """A token of Python text.

    Attributes:
        text: the token.
        is_name: whether it is a name or a keyword.
        start: where it begins.
        end: where it ends.
        depth: how many brackets are open around it; a bracket is outside of what it encloses.
    """

    text: str
    is_name: bool
    start: int
    end: int
    depth: int


def shown(text: str) -> str:
    """`text` as an error message quotes it: on one line, shortened, in quotes."""
    text = text.strip()
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def lexemes(text: str) -> Iterator[Lexeme]:
    """The Python tokens of `text`, comments among them.

    Raises:
        UnclosedError: a bracket or a quote is open at the end.
        MagicError: Python cannot read on.
    """
    opened: list[str] = []
    try:
        for token in generate_tokens(iter([text]).__next__):
            if token.type == ERRORTOKEN and token.string[0] in _QUOTES:  # as Python 3.11 says it
                raise UnclosedError("quote", text)
            if token.type == OP and token.string in _PARTNERS:
                _close(token, text, opened)
            if token.string:
                yield _lexeme(token, len(opened))
            if token.type == OP and token.string in _PARTNERS.values():
                opened.append(token.string)
    except (TokenError, SyntaxError) as error:
        raise _fault(str(error.args[0]), text, bool(opened)) from None
    except ValueError:  # a lone surrogate
        raise MagicError(f"{shown(text)} has characters that Python cannot read") from None
    if opened:
        raise UnclosedError("bracket", text)


def _close(token: TokenInfo, text: str, opened: list[str]) -> None:
    if not opened or opened.pop() != _PARTNERS[token.string]:
        at = shown(text[: token.end[1]])
        raise MagicError(f"the bracket {token.string!r} closes none that is open in {at}")


def _lexeme(token: TokenInfo, depth: int) -> Lexeme:
    start, end = token.start[1], token.end[1]
    is_name = token.type == NAME and token.string.isidentifier()
    return Lexeme(token.string, is_name, start, end, depth)


def _fault(reason: str, text: str, opened: bool) -> MagicError:
    if "unterminated" in reason or "EOF in multi-line string" in reason:
        return UnclosedError("quote", text)
    if "EOF in multi-line" in reason and opened:
        return UnclosedError("bracket", text)
    return MagicError(f"{shown(text)} is no valid Python: {reason}")


def python_fault(source: str, mode: str = "eval") -> str | None:
    """Why `source` cannot be compiled, in one line; None if it can.

    Args:
        source: the text.
        mode: ``"eval"`` for an expression, ``"exec"`` for statements.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<line>", mode, dont_inherit=True)
    except SyntaxError as error:
        return str(error.msg)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return str(error) or "it is nested too deeply"
    return None


def literal(source: str) -> object:
    """The value of a literal that has no `python_fault`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.literal_eval(source)


def normalised(source: str) -> str:
    """An expression without a `python_fault` as Python itself would write it, for comparing."""
    try:
        return ast.unparse(parsed(source))
    except (ValueError, RecursionError):  # f-strings that Python 3.11 cannot write
        return source


__all__ = [
    "Lexeme",
    "UnclosedError",
    "lexemes",
    "literal",
    "normalised",
    "python_fault",
    "shown",
]
