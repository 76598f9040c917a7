"""The forms and options of the magic lines: one table for the parser, the help and the errors.

An option that is not in the table is neither parsed nor documented; an error about a line always
ends with the usage from this table.
"""

import re
from dataclasses import dataclass

from resnb.errors import MagicError

_LONGEST = 60
_ENDLESS = re.compile(rf"\S{{{2 * _LONGEST},}}")
_SPELLED_OUT = 4  # with more options than this, a usage line says [options]


@dataclass(frozen=True)
class Kind:
    """A kind of value of options."""

    metavar: str  # its name in the help
    pattern: str = ""  # a regular expression for the whole value
    remedy: str = ""  # how it is written


DURATION = Kind("DURATION", r"[0-9]+(\.[0-9]*)?(ms|s|m|h|d)?", "30s, 10m, 2h, or seconds")
AMOUNT = Kind("AMOUNT", r"[0-9]+(\.[0-9]*)?", "a number, such as 0.52")
COUNT = Kind("N", r"[0-9]{1,9}", "a whole number")


NAMES = Kind("NAME,...", r"[^\W\d]\w*(,[^\W\d]\w*)*", "names with commas between them: fig,ax")


def _one_of(*choices: str) -> Kind:
    return Kind("|".join(choices), "|".join(choices), f"one of {', '.join(choices)}")


@dataclass(frozen=True)
class Option:
    """One option of a magic line."""

    name: str  # as it is written, with its dashes
    help: str  # what it does
    value: Kind | None = None  # the kind of its value; None for a flag
    repeatable: bool = False  # whether it may be given more than once

    @property
    def keyword(self) -> str:
        """The name in Python: ``cleanup_timeout`` for ``--cleanup-timeout``."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def spelling(self) -> str:
        """The option with its value, as the help shows it."""
        return f"{self.name} {self.value.metavar}" if self.value else self.name


@dataclass(frozen=True)
class Form:
    """One way to write a magic line."""

    words: str  # the words after the magic's name, without options
    help: str  # what it does
    command: str | None = None  # the word that selects this form; None for the form without one


@dataclass(frozen=True)
class Magic:
    """A magic with all its forms and options."""

    name: str  # the name with its percent signs
    summary: str  # its purpose
    forms: tuple[Form, ...]  # the ways to write it
    options: tuple[Option, ...] = ()  # its options, in the order of the help
    refused: tuple[tuple[str, str], ...] = ()  # those of another magic, and why not here

    @property
    def commands(self) -> tuple[str, ...]:
        """The words that select a form."""
        return tuple(form.command for form in self.forms if form.command)

    def option(self, name: str) -> Option | None:
        """The option that is written `name`."""
        return next((option for option in self.options if option.name == name), None)

    def synopsis(self, command: str | None = None) -> str:
        """The form that `command` selects, in one line."""
        form = next(form for form in self.forms if form.command == command)
        options = () if form.command else self.options
        if len(options) > _SPELLED_OUT:
            shown = ["[options]"]
        else:
            shown = [f"[{option.spelling}]" + "..." * option.repeatable for option in options]
        return " ".join([self.name, *([form.words] if form.words else []), *shown])

    def usage(self) -> str:
        """The help text: all forms, all options."""
        forms = {self.synopsis(form.command): form.help for form in self.forms}
        options = {option.spelling: option.help for option in self.options}
        parts = [self.summary, "Usage:\n" + _aligned(forms)]
        if options:
            parts.append("Options:\n" + _aligned(options))
        return "\n\n".join(parts) + "\n"

    def error(self, problem: str, command: str | None = None) -> MagicError:
        """The error for a line of this magic: one line with the problem and the correct usage."""
        usage = self.synopsis(command)
        problem = " ".join(problem.splitlines())  # a quoted name may have line breaks
        problem = _ENDLESS.sub(lambda found: f"{found[0][:_LONGEST]}...", problem)
        more = f" (options: {self.name.split()[0]}?)" if "[options]" in usage else ""
        stop = "" if problem.endswith((".", "?")) else "."
        return MagicError(f"{self.name}: {problem}{stop} Usage: {usage}{more}")


def _aligned(entries: dict[str, str]) -> str:
    width = max(len(entry) for entry in entries)
    return "\n".join(f"  {entry:<{width}}  {text}".rstrip() for entry, text in entries.items())


FLOW = Magic(
    "%%flow",
    "Build the cell's body into the flow NAME; a signature makes its parameters.",
    (Form("NAME[(param=default, ...)]", "add the cell's tasks, or replace those it added before"),),
    (
        Option(
            "--with",
            "put the cell into a scope, which other cells may join; the first is the outermost",
            Kind("RESOURCE[(args)] [as VAR]"),
            repeatable=True,
        ),
        Option("--run", "also run what the cell added, and leave its scopes open"),
        Option("--step", "the cell is one task: it reads and binds the flow's names ([TITLE])"),
        Option("--cache", "keep the values of the cell's tasks on disk for so long", DURATION),
        Option("--map", "run a step once for each item", Kind("VAR in ITEMS")),
        Option("--retries", "how many more tries follow a failed one of a step", COUNT),
        Option("--inside", "names that a step binds and does not give to others", NAMES),
        Option("--quiet", "show nothing"),
    ),
)

SCOPE_OPTIONS = (
    Option("--cleanup-timeout", "how long one try of the clean-up may take", DURATION),
    Option("--cleanup-retries", "how many more tries follow a failed clean-up", COUNT),
    Option("--ttl", f"clean up at this age ({DURATION.remedy})", DURATION),
    Option("--idle-timeout", "clean up after this long without use", DURATION),
    Option("--keep", "survive a kernel restart for so long, to be adopted", DURATION),
    Option("--find-for", "how long to look for what a broken set-up may have made", DURATION),
    Option(
        "--setup",
        "set up at once, or only when the first task could run but for it",
        _one_of("eager", "lazy"),
    ),
    Option(
        "--on",
        "the outcome upon which to clean up when the scope ends; else at the kernel's end",
        _one_of("always", "success", "failure"),
    ),
    Option(
        "--lifetime",
        "clean up after the scope's last task, at the run's end, or at the kernel's",
        _one_of("block", "flow", "kernel"),
    ),
    Option("--cost-per-hour", "what an hour of it costs, for views", AMOUNT),
)

RESOURCE = Magic(
    "%%resource",
    "Define a resource from the cell: a body with one yield, or a class with setup and cleanup.",
    (Form("NAME[(arg=default, ...)]", "define the resource, or replace its definition"),),
    (
        *SCOPE_OPTIONS,
        Option("--dies-with-kernel", "the resource lives inside the kernel's process"),
    ),
)

_UNTIL_CLOSED = "is for scopes: what is opened stays until %resources close"
_ONLY_OF_SCOPES = {
    "--setup": "is for scopes of flows: this sets up at once",
    "--on": _UNTIL_CLOSED,
    "--lifetime": _UNTIL_CLOSED,
}

OPEN = Magic(
    "%resources open",
    "Open a resource for ordinary cells, until it is closed, a limit, or the kernel's end.",
    (Form("RESOURCE[(args)] [as VAR]", "open it, unless it is open, and bind VAR to its value"),),
    tuple(option for option in SCOPE_OPTIONS if option.name not in _ONLY_OF_SCOPES),
    refused=tuple(_ONLY_OF_SCOPES.items()),
)

COMMAND = Magic(
    "%flow",
    "Show and run flows.",
    (
        Form("[NAME]", "list the flows, or show one"),
        Form(
            "run NAME [--stale] [k=v ...]",
            "run a flow, or what is stale in it; values are Python expressions",
            "run",
        ),
        Form("plan NAME", "set-up and clean-up order, without running", "plan"),
        Form("cancel NAME", "cancel the flow's run", "cancel"),
        Form("close NAME", "clean up the flow's open scopes", "close"),
        Form("timeline NAME", "picture of the last run", "timeline"),
        Form("auto NAME [off|--paid]", "run what is stale whenever a cell has run", "auto"),
        Form(
            "from-cells [NAME] [--dry-run|--verify]",
            "make a flow of the plain cells that have run, say what would be one, or check it",
            "from-cells",
        ),
        Form("cache [clear [NAME]]", "list the values that are kept on disk, or remove", "cache"),
        Form(
            "remove NAME [TASK|CELL]",
            "remove a task, or what cell [CELL] or the deleted cells have added",
            "remove",
        ),
        Form("reset NAME", "remove everything from a flow", "reset"),
    ),
)

RESOURCES = Magic(
    "%resources",
    "Show and manage what is alive.",
    (
        Form("", "what is alive in this kernel"),
        Form("open RESOURCE[(args)] [as VAR] [options]", OPEN.forms[0].help, "open"),
        Form("close [NAME]", "close what was opened so, or all of it", "close"),
        Form("kinds [NAME]", "the resources that are registered by name, or help of one", "kinds"),
        Form("cleanup [NAME]", "clean up one resource, or all of this kernel", "cleanup"),
        Form("adopt NAME", "take over a resource that another kernel kept", "adopt"),
        Form("keep NAME DURATION", "let a resource survive the kernel for so long", "keep"),
    ),
    (Option("--all", "what is alive in every kernel"),),
)
