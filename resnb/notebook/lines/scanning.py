"""Reading one magic line from left to right: words, options, groups in brackets.

A word is what stands between blanks, or text in quotes; brackets hold Python, delimited by Python's
own tokenizer. A ``#`` before a word begins a comment. Each error is a `MagicError` that ends with
the usage of the line's magic.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from resnb.errors import MagicError
from resnb.notebook.lines.lexing import UnclosedError, lexemes, literal, python_fault, shown
from resnb.notebook.lines.usage import Kind, Magic, Option

_BLANKS = re.compile(r"\s*(#.*)?", re.DOTALL)
_QUOTED = r"""(?s)(?P<quote>["'])(?:(?!(?P=quote))[^\\]|\\.)*(?P=quote)"""
_WORD = r"\S+"
_DASHES = "-\N{EN DASH}\N{EM DASH}"  # what editors make of two hyphens


class Scanner:
    """A place in a magic line, moved forward by what is read.

    Args:
        magic: whose line it is.
        line: the text after the magic's name.

    Attributes:
        rest: what has not been read yet; empty at the end, comments left out.
        given: the options that were read, by name.
        command: the command that was read, whose usage an error shows.
    """

    def __init__(self, magic: Magic, line: str) -> None:
        self.rest = line
        self.given: dict[str, Option] = {}
        self.command: str | None = None
        self._magic = magic
        self._options = [option.name for option in magic.options]
        if re.search(r"[\n\r]", line):
            raise self.error(f"{shown(line)} is more than one line")
        self.advance(0)

    def error(self, problem: object) -> MagicError:
        """The error for this line: one line with the problem and the correct usage."""
        return self._magic.error(str(problem), self.command)

    def surplus(self, word: str, hint: str = "") -> MagicError:
        """The error for what should not be there.

        Args:
            word: the word that might be a command or an option, misspelt.
            hint: what to say if it is none.
        """
        near = _nearest(word, [*self._magic.commands, *self._options])
        said = f"; did you mean {near}?" if near else f"; {hint}" if hint else ""
        return self.error(f"unexpected {shown(self.rest)}{said}")

    def advance(self, length: int) -> str:
        """Read so many characters, and the blanks and the comment after them."""
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
        option = self._magic.option(name)
        if option is None:
            near = _nearest(name, self._options)
            known = ", ".join(self._options) or "none"
            said = f"the nearest is {near}" if near else f"there is {known}"
            raise self.error(f"unknown option {shown(name)}; {said}")
        if name in self.given and not option.repeatable:
            raise self.error(f"{name} is given twice")
        if self.take("=") and option.value is None:
            raise self.error(f"{name} takes no value")
        self.given[name] = option
        return option

    def value(self, kind: Kind, what: str) -> str:
        """Read a value of this kind.

        Args:
            kind: what it looks like.
            what: what it is the value of.

        Raises:
            MagicError: there is none, or it looks otherwise.
        """
        text = None if self.rest.startswith("--") else self.word()
        if text is None:
            raise self.error(f"{what} has no value: write {kind.remedy}")
        if not kind.accepts(text):
            raise self.error(f"{shown(text)} is no value for {what}: write {kind.remedy}")
        return text

    def required(self, what: str, pattern: str = _WORD) -> str:
        """Read a word that has to be there.

        Args:
            what: what the error calls it.
            pattern: what a word without quotes may be.
        """
        text = self.word(pattern)
        if not text:
            at = f" at {shown(self.rest)}" if self.rest else ""
            raise self.error(f"{what} is missing{at}")
        return text

    def word(self, pattern: str = _WORD) -> str | None:
        """Read a word, or text in quotes (without them); None if there is neither."""
        if self.rest[:1] not in {'"', "'"}:
            return self.take(pattern)
        quoted = self.take(_QUOTED)
        if quoted is None:
            raise self.error(UnclosedError("quote", self.rest))
        if fault := python_fault(quoted):
            raise self.error(f"{shown(quoted)} is no valid text: {fault}")
        return str(literal(quoted))

    def group(self) -> str | None:
        """Read a group in brackets, brackets included; None if there is none."""
        if not self.rest.startswith("("):
            return None
        try:
            for lexeme in lexemes(self.rest):
                if lexeme.depth == 0 and lexeme.text == ")":
                    return self.advance(lexeme.end)
        except MagicError as error:
            raise self.error(error) from None
        raise self.error(UnclosedError("bracket", self.rest))


def _nearest(word: str, known: Iterable[str]) -> str | None:
    bare = {name.lstrip("-"): name for name in known}
    near = get_close_matches(word.lstrip(_DASHES), bare, n=1)
    return bare[near[0]] if near else None


__all__ = ["Scanner"]
