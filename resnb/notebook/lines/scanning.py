"""Reading one magic line from left to right: words, options, groups in brackets.

A word is text between blanks or in quotes; brackets hold Python. A ``#`` before a word begins a
comment. Errors are raised as a `MagicError` with the problem only; when one leaves the scanner's
block, the usage of the magic is added.
"""

import ast
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

from resnb.errors import MagicError
from resnb.notebook.lines.python_source import expression, python_fault, quoted, wholes
from resnb.notebook.lines.usage import Kind, Magic, Option

_BLANKS = re.compile(r"\s*(#.*)?", re.DOTALL)
_QUOTED = r"""(?s)(?P<quote>["'])(?:(?!(?P=quote))[^\\]|\\.)*(?P=quote)"""
_WORD = r"\S+"
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_HELP = frozenset({"-h", "--help", "help"})
_DASHES = "-\N{EN DASH}\N{EM DASH}"  # what editors make of two hyphens


class Scanner:
    """A position in a magic line, which reading moves forward; read inside its ``with`` block.

    Args:
        magic: the magic whose line it is.
        line: the text after the magic's name.

    Attributes:
        rest: the text that has not been read yet; empty at the end, comments left out.
        given: the options that were read, by name.
        command: the command that was read.
    """

    def __init__(self, magic: Magic, line: str) -> None:
        self.rest = line
        self.given: dict[str, Option] = {}
        self.command: str | None = None
        self._magic = magic
        self._options = [option.name for option in magic.options]
        self.advance(0)
        if len(line.splitlines()) > 1:
            raise magic.error(f"{quoted(line)} is more than one line")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, tb: object) -> None:
        if isinstance(error, MagicError):
            raise self._magic.error(str(error), self.command) from None

    def surplus(self, word: str = "", hint: str = "") -> MagicError:
        """The error for text that should not be there.

        Args:
            word: the word that might be a command or an option, misspelt.
            hint: the remedy if it is neither.
        """
        known = [*self._magic.commands, *self._options] if self.command is None else self._options
        near = _nearest(word, known)
        if word in _HELP:
            return MagicError(f"the help is {self._magic.name.split()[0]}?")
        remedy = f"; did you mean {near}?" if near else f"; {hint}" if hint else ""
        return MagicError(f"unexpected {quoted(self.rest)}{remedy}")

    def advance(self, length: int) -> str:
        """Read `length` characters, and the blanks and the comment after them."""
        read, self.rest = self.rest[:length], _BLANKS.sub("", self.rest[length:], count=1)
        return read

    def take(self, pattern: str) -> str | None:
        """Read what matches `pattern` here; None if nothing does."""
        found = re.match(pattern, self.rest)
        return self.advance(found.end()) if found else None

    def take_command(self) -> str | None:
        """Read one of the magic's commands; None if none is here."""
        words = "|".join(self._magic.commands)
        self.command = self.take(rf"(?:{words})(?=\s|#|$)")
        return self.command

    def take_option(self) -> Option | None:
        """Read the name of an option, and the equals sign before its value; None if none is here.

        Raises:
            MagicError: there is no such option, or it has been given already.
        """
        name = self.take(r"--?[^\s=#]*")
        if name is None:
            return None
        if name in _HELP:
            raise MagicError(f"the help is {self._magic.name.split()[0]}?")
        option = self._magic.option(name)
        if option is None and (reason := dict(self._magic.refused).get(name)):
            raise MagicError(f"{name} {reason}")
        if option is None:
            near = _nearest(name, self._options)
            known = ", ".join(self._options) or "none"
            remedy = f"the nearest is {near}" if near else f"there is {known}"
            raise MagicError(f"unknown option {quoted(name)}; {remedy}")
        if name in self.given and not option.repeatable:
            raise MagicError(f"{name} is given twice")
        if self.take("=") and option.value is None:
            raise MagicError(f"{name} takes no value")
        self.given[name] = option
        return option

    def value(self, kind: Kind, what: str) -> str:
        """Read the value of `what`, which is of this kind.

        Raises:
            MagicError: there is none, or it is of another kind.
        """
        text = None if self.rest.startswith("--") else self.word()
        if text is None:
            raise MagicError(f"{what} has no value: write {kind.remedy}")
        if not re.fullmatch(kind.pattern, text):
            raise MagicError(f"{quoted(text)} is no value for {what}: write {kind.remedy}")
        return text

    def required(self, what: str, pattern: str = _WORD) -> str:
        """Read a word that must not be missing.

        Args:
            what: its name in an error.
            pattern: a regular expression for a word without quotes.
        """
        text = self.word(pattern)
        if not text:
            at = f" at {quoted(self.rest)}" if self.rest else ""
            raise MagicError(f"{what} is missing{at}")
        return text

    def word(self, pattern: str = _WORD) -> str | None:
        """Read a word, or text in quotes without the quotes; None if there is neither."""
        if self.rest[:1] not in {'"', "'"}:
            return self.take(pattern)
        text = self.take(_QUOTED)
        if text is None:
            raise MagicError(f"a quote is not closed in {quoted(self.rest)}")
        if fault := python_fault(text):
            raise MagicError(f"{quoted(text)} is no valid text: {fault.reason}")
        return str(ast.literal_eval(expression(text)))

    def group(self, kinds: str = "(") -> str | None:
        """Read a group in brackets, brackets included; None if there is none.

        Args:
            kinds: the opening brackets that count.
        """
        opening = self.rest[:1]
        if not opening or opening not in kinds:
            return None
        for begin, end in wholes(self.rest):
            if begin or self.rest[end - 1] != _CLOSING[opening]:
                break
            return self.advance(end)
        raise MagicError(f"a bracket is not closed in {quoted(self.rest)}, or a quote")


def _nearest(word: str, known: Iterable[str]) -> str | None:
    bare = {name.lstrip("-"): name for name in known}
    near = get_close_matches(word.lstrip(_DASHES), bare, n=1)
    return bare[near[0]] if near else None
