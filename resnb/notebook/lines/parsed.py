"""The magic lines as values: ``%%flow``, ``%%resource``, ``%flow``, ``%resources``.

The parser has no side effects and does not know the notebook: a line becomes a value whose names
are valid and whose Python compiles, or raises a `MagicError` of one line that names the problem and
shows the usage.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from resnb.errors import MagicError
from resnb.notebook.lines.assignments import parse_assignments
from resnb.notebook.lines.names import identifier, variable_name
from resnb.notebook.lines.python_source import quoted
from resnb.notebook.lines.scanning import Scanner
from resnb.notebook.lines.signatures import SignatureParameter, parse_signature
from resnb.notebook.lines.usage import (
    COMMAND,
    COUNT,
    DURATION,
    FLOW,
    NAMES,
    OPEN,
    RESOURCE,
    RESOURCES,
    Option,
)
from resnb.notebook.lines.with_clauses import WithClause, take_map_clause, take_with_clause

_FLOW_NAME = r"""[^\s()\[\]{}"'#=,\\]+"""
_LEASE_NAME = r"""[^\s"']+"""
_NAMES_ALL = ("cleanup", "close")
_MODES: Mapping[str | None, str] = {
    "run": "--stale",
    "auto": "off|--paid",
    "from-cells": "--dry-run|--verify",
}
"""The word that may follow a flow's name."""
OF_CELLS = "notebook"
"""What a flow of plain cells is called, unless the line names it."""
_TAKEN_ARGUMENTS = {"flow": "`flow=` places a resource", "lease": "the body has it already"}


@dataclass(frozen=True)
class StepLine:
    """What a ``%%flow`` line says of a step."""

    title: str = ""  # its name in the graph; empty to name it by what it binds
    item: str = ""  # the variable that has an item, if it runs once for each
    items_source: str = ""  # what it is mapped over, as Python
    retries: int = 0  # how many more tries follow a failed one
    inside: tuple[str, ...] = ()  # names that it binds and that stay inside


@dataclass(frozen=True)
class FlowLine:
    """A ``%%flow`` line."""

    name: str  # the flow
    parameters: tuple[SignatureParameter, ...] = ()  # its signature
    withs: tuple[WithClause, ...] = ()  # the scopes that the cell is in, the outermost first
    run: bool = False  # whether to run the cell's tasks
    quiet: bool = False  # whether to show nothing
    step: StepLine | None = None  # how the cell is one task; None if it builds tasks
    cache: str | None = None  # how long its tasks' values last, as it was written


@dataclass(frozen=True)
class ResourceLine:
    """A ``%%resource`` line."""

    name: str  # the resource
    parameters: tuple[SignatureParameter, ...] = ()  # its signature
    # the scope options by their Python names; durations as they were written
    options: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))
    dies_with_kernel: bool = False  # whether the resource is declared to live inside the kernel


@dataclass(frozen=True)
class CommandLine:
    """A ``%flow`` line."""

    # ``run``, ``auto``, ``from-cells``, ``plan``, ``cancel``, ``close``, ``timeline``, ``cache``,
    # ``clear cache``, ``remove`` or ``reset``; None to show
    command: str | None = None
    name: str | None = None  # the flow; None for all of them
    arguments: tuple[tuple[str, str], ...] = ()  # name and text of each parameter for ``run``
    target: str | None = None  # for ``remove``: a variable, a task, a scope, or the cell ``[6]``
    # ``--stale`` (run), ``off`` or ``--paid`` (auto), ``--dry-run`` or ``--verify`` (from-cells)
    mode: str = ""


@dataclass(frozen=True)
class ResourcesLine:
    """A ``%resources`` line."""

    command: str | None = None  # ``open``, ``close``, ``cleanup``, ...; None to list
    name: str | None = None  # the resource, such as ``dask-example/client``; None for all of them
    duration: str | None = None  # the time to keep it, as it was written
    all_kernels: bool = False  # whether to list those of other kernels too
    clause: WithClause | None = None  # what to open
    # the scope options by their Python names; durations as they were written
    options: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))


@lru_cache(maxsize=256)  # many cells of a notebook have the same line
def parse_flow_line(line: str) -> FlowLine:
    """Parse the text after ``%%flow``.

    Raises:
        MagicError: the line is malformed.
    """
    with Scanner(FLOW, line) as scanner:
        withs: list[WithClause] = []
        step: dict[str, Any] = {}
        cache: list[str] = []

        def take_value(option: Option) -> None:
            if option.name == "--with":
                withs.append(take_with_clause(scanner))
            elif option.name == "--cache":
                cache.append(scanner.value(DURATION, "--cache"))
            else:
                step.update(_step_option(scanner, option.name))

        take_title = partial(_take_title, scanner, step)
        name, parameters = _name_and_signature(scanner, "flow", _FLOW_NAME, take_value, take_title)
        if step and "--step" not in scanner.given:
            raise MagicError(
                "--map, --retries and --inside go with --step; give a task these options itself"
            )
        uses = [(variable_name(name), f"flow {name!r}")]
        uses += [(parameter.name, f"parameter {parameter.name!r}") for parameter in parameters]
        for clause in withs:
            uses.append((clause.name, f"scope {clause.name!r}"))
            if clause.variable and clause.variable == clause.resource_source.partition(".")[0]:
                uses.append((clause.variable, f"resource {clause.resource_source}"))
        if item := step.get("item"):
            uses.append((item, f"item {item!r}"))
        _refuse_shared_names(uses)
        run, quiet = "--run" in scanner.given, "--quiet" in scanner.given
        as_step = StepLine(**step) if "--step" in scanner.given else None
        kept = cache[0] if cache else None
        return FlowLine(name, parameters, tuple(withs), run, quiet, as_step, kept)


def _step_option(scanner: Scanner, name: str) -> dict[str, Any]:
    """What an option says of a step."""
    match name:
        case "--step" if scanner.rest.startswith(('"', "'")):
            return {"title": scanner.word()}
        case "--map":
            item, source = take_map_clause(scanner)
            return {"item": item, "items_source": source}
        case "--retries" as option:
            return {"retries": int(scanner.value(COUNT, option))}
        case "--inside" as option:
            return {"inside": tuple(scanner.value(NAMES, option).split(","))}
    return {}


def _take_title(scanner: Scanner, step: dict[str, Any]) -> bool:
    """Read a word as the title of a step; false if the line makes none.

    Raises:
        MagicError: it has a title already.
    """
    if "--step" not in scanner.given:
        return False
    if "title" in step:
        word = scanner.rest.split()[0]
        whole = repr(f"{step['title']} {word}")
        raise scanner.surplus(word, f"a title of several words goes in quotes: {whole}")
    step["title"] = scanner.word()
    return True


def parse_resource_line(line: str) -> ResourceLine:
    """Parse the text after ``%%resource``.

    Raises:
        MagicError: the line is malformed.
    """
    with Scanner(RESOURCE, line) as scanner:
        options: dict[str, str | int] = {}

        def take_value(option: Option) -> None:
            options.update(_scope_option(scanner, option))

        text, parameters = _name_and_signature(scanner, "resource", r"[^\s(#]+", take_value)
        name = identifier(text)
        if name is None:
            raise MagicError(f"{quoted(text)} is no name for a resource: use an identifier")
        for parameter in parameters:
            if reason := _TAKEN_ARGUMENTS.get(parameter.name):
                raise MagicError(f"an argument cannot be called {parameter.name!r}: {reason}")
        dies_with_kernel = "--dies-with-kernel" in scanner.given
        if dies_with_kernel and "--keep" in scanner.given:
            raise MagicError(
                "--keep contradicts --dies-with-kernel: what lives in the kernel cannot survive it"
            )
        return ResourceLine(name, parameters, MappingProxyType(options), dies_with_kernel)


_OPTION = re.compile(r"--?[^\W\d][^\s=]*")
_LATE_STALE = re.compile(r"\s--stale\s*(?:#.*)?$")


def parse_command_line(line: str) -> CommandLine:
    """Parse the text after ``%flow``.

    Raises:
        MagicError: the line is malformed.
    """
    with Scanner(COMMAND, line) as scanner:
        if not scanner.rest:
            return CommandLine()
        command = scanner.take_command()
        mode = _take_mode(scanner, command)
        scanner.take_option()  # %flow has no other, so this refuses any
        if command == "cache":
            return _cache_command(scanner)
        if command == "from-cells" and not scanner.rest:
            return CommandLine(command, OF_CELLS, mode=mode or "")
        name = scanner.required("the flow's name", _FLOW_NAME)
        arguments: tuple[tuple[str, str], ...] = ()
        mode = mode or _take_mode(scanner, command)
        if command == "run":
            text = scanner.advance(len(scanner.rest))
            if late := _LATE_STALE.search(text):  # as Python it would be a subtraction
                mode, text = "--stale", text[: late.start()]
            if option := _OPTION.match(text):
                is_known = option[0] == "--stale"
                fault = f"unknown option {quoted(option[0])}; there is --stale"
                raise MagicError("--stale is given twice" if is_known else fault)
            arguments = parse_assignments(text)
        target = scanner.word() if command == "remove" else None
        if scanner.rest and command is None:
            raise scanner.surplus(name, f"to run it with parameters: %flow run {name} n=2")
        if scanner.rest:
            raise scanner.surplus()
        return CommandLine(command, name, arguments, target, mode or "")


def _take_mode(scanner: Scanner, command: str | None) -> str | None:
    """A command's own option, which may stand before the flow's name as well as after it."""
    return scanner.take(rf"(?:{_MODES[command]})(?=\s|#|$)") if command in _MODES else None


def _cache_command(scanner: Scanner) -> CommandLine:
    """What follows ``%flow cache``."""
    if scanner.take(r"clear(?=\s|#|$)") is None:
        if scanner.rest:
            raise scanner.surplus(hint="did you mean clear?" if scanner.rest[0] == "c" else "")
        return CommandLine("cache")
    name = scanner.required("the flow's name", _FLOW_NAME) if scanner.rest else None
    if scanner.rest:
        raise scanner.surplus()
    return CommandLine("clear cache", name)


def parse_resources_line(line: str) -> ResourcesLine:
    """Parse the text after ``%resources``.

    Raises:
        MagicError: the line is malformed.
    """
    if opened := re.match(r"\s*open(?=\s|#|$)", line):
        return _parse_open(line[opened.end() :])
    with Scanner(RESOURCES, line) as scanner:
        while scanner.take_option():
            pass
        command = scanner.take_command()
        scanner.take_option()
        if command and scanner.given:
            raise MagicError("--all goes with the list only")
        name = duration = None
        if command == "kinds" and scanner.rest:
            name = scanner.required("the kind's name", _LEASE_NAME)
        elif command and command != "kinds" and (scanner.rest or command not in _NAMES_ALL):
            name = scanner.required("the resource's name", _LEASE_NAME)
        if command == "keep":
            duration = scanner.value(DURATION, "keep")
        if scanner.rest:
            raise scanner.surplus("" if command else scanner.rest.split()[0])
        return ResourcesLine(command, name, duration, bool(scanner.given))


def _parse_open(line: str) -> ResourcesLine:
    """Parse the text after ``%resources open``."""
    with Scanner(OPEN, line) as scanner:
        options: dict[str, str | int] = {}
        clause: WithClause | None = None
        while scanner.rest:
            if option := scanner.take_option():
                options |= _scope_option(scanner, option)
            elif clause is None:
                clause = take_with_clause(scanner, "it")
            else:
                raise scanner.surplus(scanner.rest.split()[0])
        if clause is None:
            raise MagicError("the resource is missing")
        if clause.variable and clause.variable == clause.resource_source.partition(".")[0]:
            raise MagicError(
                f"resource {clause.resource_source} and its value would share the name "
                f"{clause.variable!r}: choose another one after `as`"
            )
        if clause.mapped or clause.executes:
            raise MagicError("only a flow maps a resource, or runs its tasks on one")
        return ResourcesLine("open", clause=clause, options=MappingProxyType(options))


def _scope_option(scanner: Scanner, option: Option) -> dict[str, str | int]:
    """The option that was read by its Python name, with its value; nothing for a flag."""
    if option.value is None:
        return {}
    value = scanner.value(option.value, option.name)
    return {option.keyword: int(value) if option.value is COUNT else value}


def _name_and_signature(
    scanner: Scanner,
    kind: str,
    pattern: str,
    take_value: Callable[[Option], None],
    take_word: Callable[[], bool] = lambda: False,
) -> tuple[str, tuple[SignatureParameter, ...]]:
    """Read ``NAME[(param=default, ...)]`` with options anywhere around it.

    Args:
        scanner: the line.
        kind: ``"flow"`` or ``"resource"``.
        pattern: a regular expression for a name without quotes.
        take_value: reads the value of an option that has one.
        take_word: reads a word after the name, if one may stand there.
    """
    name = group = None
    while scanner.rest:
        if option := scanner.take_option():
            take_value(option)
        elif name is None:
            name, group = scanner.required(f"the {kind}'s name", pattern), scanner.group()
        elif not take_word():
            inputs = "parameters" if kind == "flow" else "arguments"
            hint = f"{inputs} go in brackets: {name}(n=2)"
            raise scanner.surplus(scanner.rest.split()[0], hint)
    if name is None:
        raise MagicError(f"the {kind}'s name is missing")
    return name, parse_signature(group) if group else ()


def _refuse_shared_names(uses: Iterable[tuple[str, str]]) -> None:
    """Refuse two things with one name, because all are variables of the notebook."""
    users: dict[str, str] = {}
    for name, user in uses:
        if name in users:
            raise MagicError(
                f"{users[name]} and {user} would share the name {name!r}: "
                "rename one, a scope by `as VAR`"
            )
        users[name] = user
