"""The ``k=v`` pairs of a ``%flow run`` line, whose values are Python expressions.

A value ends at the first place that a ``k=`` or a comment could begin and up to which it is an
expression: so ``n=a + b`` and ``f=lambda x=1: x`` are one pair each, and no value needs brackets
for its blanks.
"""

import ast
import re
from itertools import chain
from unicodedata import normalize

from resnb.errors import MagicError
from resnb.notebook.lines.python_source import expression, python_fault, quoted, wholes

_BOUNDARY = re.compile(r"(?<![\w.])(?P<key>[^\W\d]\w*)\s*=(?!=)|#|$")
"""What may end a value: the next key, a comment or the end."""


def parse_assignments(text: str) -> tuple[tuple[str, str], ...]:
    """Name and text of each value, in order.

    Raises:
        MagicError: the text is not a row of pairs, or a name is given twice.
    """
    pairs: dict[str, str] = {}
    boundaries = _boundaries(text)
    if boundaries[0].start() > 0:
        raise MagicError(f"expected k=v at {quoted(text)}")
    while (key := boundaries.pop(0))["key"]:
        value = _value(text, key, boundaries)
        name = normalize("NFKC", key["key"])
        if name in pairs:
            raise MagicError(f"{name!r} is given twice")
        pairs[name] = value
    return tuple(pairs.items())


def _boundaries(text: str) -> list[re.Match[str]]:
    """What may end a value, outside of strings and brackets."""
    found: list[re.Match[str]] = []
    inside = chain(wholes(text), [(len(text) + 1, len(text) + 1)])
    begin, end = next(inside)
    for one in _BOUNDARY.finditer(text):
        while one.start() >= end:
            begin, end = next(inside)
        if one.start() < begin:
            found.append(one)
    return found


def _value(text: str, key: re.Match[str], boundaries: list[re.Match[str]]) -> str:
    """The value of `key`; takes the boundaries inside the value off the list."""
    problem = ""
    for place, boundary in enumerate(boundaries):
        value = text[key.end() : boundary.start()].strip()
        pair = quoted(text[key.start() : boundary.start()])
        if fault := python_fault(value):
            reason = f"the value is no Python expression ({fault.reason}); text goes in quotes"
            problem = problem or f"{pair}: {reason}"
            if fault.reason.endswith("was never closed"):  # nor is it further on
                break
            continue
        tree = expression(value)
        if isinstance(tree, ast.Tuple) and tree.elts and tree.elts[0].col_offset == tree.col_offset:
            problem = f"{pair}: between values stand blanks, no commas; a tuple goes in brackets"
            break
        del boundaries[:place]
        return value
    raise MagicError(problem)
