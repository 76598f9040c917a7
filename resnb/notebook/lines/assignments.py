"""The ``k=v`` pairs of a ``%flow run`` line, whose values are Python expressions.

A value ends where the next ``k=`` begins, if what lies between is an expression: so ``n=a + b``
and ``f=lambda x=1: x`` are one pair each, and no value needs brackets for its blanks.
"""

import ast
from dataclasses import dataclass
from unicodedata import normalize

from resnb.errors import MagicError
from resnb.notebook.lines.lexing import UnclosedError, lexemes, python_fault, shown
from resnb.syntax.parsing import parsed


@dataclass(frozen=True)
class _Key:
    """A ``k=`` outside of brackets: its name, where it begins, where its value begins."""

    name: str
    start: int
    end: int


def parse_assignments(text: str) -> tuple[tuple[str, str], ...]:
    """Name and text of each value, in order.

    Raises:
        MagicError: the text is no row of pairs, or a name is there twice.
    """
    keys, text = _keys(text)
    if text and (not keys or keys[0].start > 0):
        raise MagicError(f"expected k=v at {shown(text)}")
    pairs: dict[str, str] = {}
    while keys:
        key, *keys = keys
        ends = [*(later.start for later in keys), len(text)]
        values = [text[key.end : end].strip() for end in ends]
        used = next((i for i, value in enumerate(values) if not _fault(value)), None)
        if used is None:
            raise MagicError(f"{shown(text[key.start : ends[0]])}: {_fault(values[0])}")
        if key.name in pairs:
            raise MagicError(f"{key.name!r} is given twice")
        pairs[key.name] = values[used]
        keys = keys[used:]
    return tuple(pairs.items())


def _keys(text: str) -> tuple[list[_Key], str]:
    """The keys of `text`, and `text` without its comment."""
    keys: list[_Key] = []
    last = None
    try:
        for lexeme in lexemes(text):
            if lexeme.text.startswith("#"):
                text = text[: lexeme.start]
            elif lexeme.text == "=" and lexeme.depth == 0 and last is not None and last.is_name:
                keys.append(_Key(normalize("NFKC", last.text), last.start, lexeme.end))
            last = lexeme
    except UnclosedError:
        raise
    except MagicError:
        pass  # the value at fault is named when it is compiled
    return keys, text.rstrip()


def _fault(value: str) -> str | None:
    if not value:
        return "the value is missing"
    if fault := python_fault(value):
        return f"the value is no Python expression ({fault}); text goes in quotes"
    statement = parsed(value).body[0]
    tree = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(tree, ast.Tuple) and tree.elts and tree.elts[0].col_offset == tree.col_offset:
        return "between values stand blanks, no commas; a tuple goes in brackets"
    return None


__all__ = ["parse_assignments"]
