"""Completion of flow and resource names on magic lines."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

from resnb.errors import LedgerError
from resnb.graph.flow import Flow
from resnb.graph.resources.resource import ResourceManager
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.recipes import kinds
from resnb.notebook.commands.kinds import made_by, parameters_of
from resnb.notebook.commands.removal import removable
from resnb.notebook.hooks import told
from resnb.notebook.lines.usage import COMMAND, FLOW, OPEN, RESOURCE, RESOURCES
from resnb.notebook.session import Session

_CALL = re.compile(
    r"""(?:--with|^\s*%resources\s+open)\s+(?P<name>\w+)\(
    (?P<given>(?:[^()"']|"[^"]*"|'[^']*'|\([^()]*\))*)$""",
    re.VERBOSE | re.DOTALL,
)
"""A resource's call that is being written, its arguments so far with no quote or bracket open."""
_LINE = re.compile(r"\s*(?P<magic>%%?(?:flow|resources?))\s+(?P<rest>.*)$", re.DOTALL)


def candidates(session: Session, line: str) -> tuple[str, list[str]]:
    """The completions at the end of `line`.

    Args:
        session: the notebook's flows.
        line: the text up to the cursor.

    Returns:
        The word that is being written, and the words that begin with it.
    """
    match = _LINE.match(line)
    if match is None:
        return "", []
    if (call := _CALL.search(line)) is not None:
        return _arguments(session, call["name"], call["given"])
    words = match["rest"].split()
    word = "" if match["rest"][-1:].isspace() or not words else words[-1]
    before = words[:-1] if word else words
    found = _words(session, match["magic"], before, word)
    return word, sorted({one for one in found if one.startswith(word)})


def _words(session: Session, magic: str, before: list[str], word: str) -> Iterable[str]:
    found: Iterable[str] = []
    match magic, before:
        case "%%flow", [*_, "--with"]:
            found = [*_managers(session), *session.bound]
        case (("%%flow" | "%%resource"), _) if word.startswith("-"):
            found = [one.name for one in (FLOW if magic == "%%flow" else RESOURCE).options]
        case "%%flow", []:
            found = session.names()
        case "%flow", []:
            found = [*COMMAND.commands, *session.names()]
        case "%flow", [command] if command in COMMAND.commands:
            found = session.names()
        case "%flow", ["run", name, *_]:
            found = [f"{one.name}=" for flow in _called(session, name) for one in flow.parameters()]
        case "%flow", ["remove", name]:
            found = [one for flow in _called(session, name) for one in removable(session, flow)]
        case "%resources", _:
            found = _resources_words(session, before, word)
    return found


def _called(session: Session, name: str) -> list[Flow]:
    return [flow for flow in session.flows() if flow.name == name]


def _resources_words(session: Session, before: list[str], word: str) -> Iterable[str]:
    match before:
        case []:
            return [*RESOURCES.commands, "--all"]
        case ["open", *_] if word.startswith("-"):
            return [one.name for one in OPEN.options]
        case ["open"]:
            return _managers(session)
        case ["open", *_]:
            return ["as"]
        case ["close" | "kinds" as command]:
            return kinds.names() if command == "kinds" else _open_for_cells()
    return [lease.name for lease in KEEPER.alive()]


def _arguments(session: Session, name: str, given: str) -> tuple[str, list[str]]:
    """The word that is being written in a resource's call, and the arguments that begin so."""
    word = re.search(r"\w*$", given)
    assert word is not None
    before = given[: word.start()].rstrip()
    if before and not before.endswith(","):
        return "", []
    manager = session.namespace.get(name)
    if not isinstance(manager, ResourceManager):
        manager = _registered(name)
    taken = set(re.findall(r"(\w+)\s*=(?!=)", before))
    named = (one for one in parameters_of(manager) if one.kind in _BY_NAME)
    names = [f"{one.name}=" for one in named if one.name not in taken]
    return word.group(), [one for one in names if one.startswith(word.group())]


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _registered(name: str) -> Any:
    try:
        kind = kinds.find(name)
    except LedgerError:
        return None
    return None if kind is None else made_by(kind)


def _managers(session: Session) -> list[str]:
    variables = session.namespace.items()
    named = [name for name, value in variables if isinstance(value, ResourceManager)]
    return [*named, *kinds.names()]


def _open_for_cells() -> list[str]:
    from resnb.run.held.session import SESSION

    return [one.name for one in SESSION.all()]


def matcher(session: Session) -> Any:
    """IPython's completion hook for `session`."""
    from IPython.core.completer import SimpleCompletion, context_matcher

    def resnb_matcher(context: Any) -> Any:
        word: str = ""
        words: list[str] = []
        with told("completing a name"):
            word, words = candidates(session, context.line_with_cursor[: context.cursor_position])
        return {
            "completions": [SimpleCompletion(text=one, type="resnb") for one in words],
            "matched_fragment": word,
            "suppress": bool(words),
        }

    decorate: Any = context_matcher(identifier="resnb.magics", priority=150)
    return decorate(resnb_matcher)
