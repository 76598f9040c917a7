"""Writes the parts of the reference that follow from the code: what a page includes, one file each.

The magics' from their table of forms and options, the commands' from click, the states' from their
tables of legal moves, the settings' from their schema, the gallery from the docstrings.
"""

import inspect
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import click

import resnb
from resnb.cli.main import main as commands
from resnb.ledger import states as lease_states
from resnb.ledger.recipes.kinds import GROUP
from resnb.notebook.lines import usage
from resnb.pytest_plugin import pytest_addoption
from resnb.server import wire
from resnb.server.extension import ResnbServer
from resnb.states import CLASSES, LEGAL, NAMES
from resnb.view.engines import engines

ROOT = Path(__file__).resolve().parents[1]
TOPICS: Final[Mapping[str, Sequence[str]]] = {
    "Flows": ("Flow", "flow", "Edge", "tags", "context"),
    "Tasks": ("task", "Task", "Parameter", "DateTimeParameter", "defaults_from_attrs"),
    "Branches": ("case", "switch", "ifelse", "merge", "FilterTask"),
    "Mapping and inputs": ("mapped", "unmapped", "flatten", "apply_map", "allow_failure"),
    "Resources": ("resource_manager", "resource", "ResourceManager"),
    "Executors": ("ThreadExecutor", "LocalExecutor", "DaskExecutor", "LocalDaskExecutor"),
    "Running": ("wait", "as_completed", "get_run_logger", "LocalResult", "callback_factory",
                "exponential_backoff"),
}  # fmt: skip
"""The names of `resnb.__all__`, by what they are about."""
INTERNAL: Final[Mapping[str, Sequence[str]]] = {
    "Flow": ("add_scope", "bind_call", "bind_task", "has_reference_tasks", "label_of",
             "next_position", "owns", "replace_reference_tasks", "require", "scope_of"),
    "Task": ("explained", "home", "is_call", "kept_result", "kind", "signature"),
}  # fmt: skip
"""The classes whose inherited members are shown, too, and the members that only resnb uses."""
MODULES: Final = (
    "resnb.states",
    "resnb.triggers",
    "resnb.signals",
    "resnb.cache_validators",
)


def write(folder: Path) -> None:
    """Write all parts into `folder`."""
    folder.mkdir(parents=True)
    parts = {
        "api": api(),
        "magics": magics(),
        "commands": command_line(),
        "states": task_states(),
        "lease-states": lease_moves(),
        "settings": settings(),
        "messages": messages(),
        "gallery": gallery(),
    }
    for name, text in parts.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    moves = {
        source: [NAMES[to] for to, legal in enumerate(LEGAL[code]) if legal]
        for code, source in enumerate(NAMES)
    }
    draw(folder / "task-states.svg", moves)
    draw(folder / "lease-states.svg", legal_of_leases())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; bars in its cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", r"\|").replace("\n", " ") for cell in line) + " |\n"
        for line in lines
    )


def rst(*lines: str) -> str:
    """A block of directives for Sphinx."""
    text = "\n".join(lines)
    return f"```{{eval-rst}}\n{text}\n```\n"


# ---- Python


def api() -> str:
    """Every public name, from its docstring."""
    listed = {name for names in TOPICS.values() for name in names}
    public = {name for name in resnb.__all__ if not inspect.ismodule(getattr(resnb, name))}
    if listed != public:
        message = f"the reference and resnb.__all__ differ: {sorted(listed ^ public)}"
        raise ValueError(message)
    parts = []
    for topic, names in TOPICS.items():
        parts += [f"## {topic}\n", rst(*[line for name in names for line in documented(name)])]
    for module in MODULES:
        members = [".. automodule:: " + module, "   :members:", "   :show-inheritance:"]
        parts += [f"## `{module}`\n", rst(*members)]
    errors = [".. automodule:: resnb.errors", "   :members:", "   :show-inheritance:"]
    hidden = "   :exclude-members: harmless, user_frames, is_installed, user_line, nearest, "
    parts += ["## Errors\n", rst(*errors, hidden + "shown_without_ours")]
    if (path := ROOT / "resnb" / "testing").exists() or path.with_suffix(".py").exists():
        testing = [".. automodule:: resnb.testing", "   :members:"]
        parts += ["## `resnb.testing`\n", rst(*testing)]
    return "\n".join(parts)


def documented(name: str) -> list[str]:
    """The directive for a name of `resnb`."""
    found = getattr(resnb, name)
    if not callable(found):  # such as `context`, an object whose class has the docstring
        return [f".. py:data:: resnb.{name}", "", *indented(inspect.getdoc(type(found)) or ""), ""]
    kind = "class" if inspect.isclass(found) else "function"
    lines = [f".. auto{kind}:: resnb.{name}"]
    if kind == "class":
        lines.append("   :members:")
    if name in INTERNAL:
        hidden = ", ".join(INTERNAL[name])
        lines += ["   :inherited-members:", f"   :exclude-members: {hidden}"]
    return [*lines, ""]


def indented(text: str) -> list[str]:
    """The lines of a text, as the content of a directive."""
    return [f"   {line}".rstrip() for line in text.splitlines()]


def gallery() -> str:
    """The ready-made resources: their signatures, docstrings and examples."""
    resources = import_module("resnb.resources")
    from sphinx.ext.napoleon import Config
    from sphinx.ext.napoleon.docstring import GoogleDocstring

    config: Any = Config(napoleon_use_rtype=False)
    kinds = {one.value: one.name for one in entry_points(group=GROUP)}
    parts = []
    for name in resources.__all__:
        found: Any = getattr(resources, name)
        definition = getattr(found, "resource_class", found)
        parameters = inspect.signature(found).parameters.values()
        bare = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
        signature = inspect.Signature(bare)
        doc = GoogleDocstring(inspect.getdoc(definition) or "", config, what="function")
        kind = kinds.get(f"{resources._HOMES[name]}:KIND", "")  # noqa: SLF001 - its own table
        known = f"Its registered name is `{kind}`.\n" if kind else ""
        directive = [f".. py:function:: resnb.resources.{name}{signature}", ""]
        parts += [f"## {name}\n", known, rst(*directive, *indented(str(doc)))]
    return "\n".join(parts)


# ---- the notebook and the terminal


def magics() -> str:
    """The forms and options of the magics."""
    parts = []
    for one in (usage.FLOW, usage.RESOURCE, usage.COMMAND, usage.RESOURCES, usage.OPEN):
        forms = [[f"`{one.synopsis(form.command)}`", form.help] for form in one.forms]
        parts += [f"## `{one.name}`\n", one.summary + "\n", table(("form", "what it does"), forms)]
        options = [[f"`{option.spelling}`", option.help] for option in one.options]
        if options:
            parts += [table(("option", "what it does"), options)]
    return "\n".join(parts)


def command_line() -> str:
    """The commands of ``resnb``, from click."""
    parts = []
    context = click.Context(commands, info_name="resnb")
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        if command is None or command.hidden:
            continue
        own = click.Context(command, info_name=name, parent=context)
        parts.append(f"## `resnb {name}`\n")
        parts.append(f"```text\n{command.get_usage(own)}\n```\n")
        parts.append(inspect.cleandoc(command.help or "").replace("\f", "") + "\n")
        rows = [option.get_help_record(own) for option in command.params]
        options = [[f"`{row[0]}`", row[1]] for row in rows if row]
        if options:
            parts.append(table(("option", "what it does"), options))
    return "\n".join(parts)


def settings() -> str:
    """The settings of JupyterLab, of the server and of pytest."""
    schema = json.loads((ROOT / "labextension/schema/resources.json").read_text(encoding="utf-8"))
    lab = [
        [f"`{name}`", one["title"] + ". " + one["description"], f"`{json.dumps(one['default'])}`"]
        for name, one in schema["properties"].items()
        if "title" in one
    ]
    traits = ResnbServer.class_own_traits(config=True)
    server = [
        [f"`ResnbServer.{name}`", " ".join(str(one.help).split()), f"`{one.default_value}`"]
        for name, one in sorted(traits.items())
    ]
    head = ("setting", "meaning", "default")
    parser = _Options()
    pytest_addoption(parser)  # type: ignore[arg-type]
    return "\n".join([
        "## JupyterLab\n", table(head, lab),
        "## The Jupyter server\n", "In `jupyter_server_config.py`, as `c.ResnbServer....`:\n",
        table(head, server),
        "## pytest\n", table(("option", "meaning", "default"), parser.rows),
    ])  # fmt: skip


class _Options:
    """Notes what the plugin for pytest asks for."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def getgroup(self, name: str) -> "_Options":
        """Any group."""
        del name
        return self

    def addoption(self, name: str, **options: Any) -> None:
        """An option of the command line."""
        self.rows.append([f"`{name} {options['metavar']}`", options["help"], ""])

    def addini(self, name: str, text: str, default: str) -> None:
        """An option of the configuration."""
        self.rows.append([f"`{name}`", text, f"`{default}`"])


def messages() -> str:
    """The JSON of the server's routes, as it is defined."""
    names = ("Lease", "LeaseList", "Version", "Refusal", "Keep")
    texts = [inspect.getsource(getattr(wire, name)).rstrip() for name in names]
    return "```python\n" + "\n\n\n".join(texts) + "\n```\n"


# ---- states


def task_states() -> str:
    """The states of tasks and flows."""
    rows = [[f"`{one.__name__}`", (one.__doc__ or "").strip()] for one in CLASSES]
    return table(("state", "what it says of the task"), rows)


def lease_moves() -> str:
    """The states of leases, and which may follow which."""
    rows = [[f"`{source}`", ", ".join(f"`{one}`" for one in moves) or "nothing"]
            for source, moves in legal_of_leases().items()]  # fmt: skip
    return table(("state", "may become"), rows)


def legal_of_leases() -> dict[str, list[str]]:
    """The legal moves between the states of a lease."""
    order = [lease_states.OPENING, lease_states.OPEN, lease_states.CLOSING, lease_states.CLOSED,
             lease_states.FAILED]  # fmt: skip
    return {source: [to for to in order if lease_states.is_legal(source, to)] for source in order}


def draw(path: Path, moves: Mapping[str, Iterable[str]]) -> None:
    """Draw the moves between states as SVG, for light and dark pages."""
    lines = [f'"{source}" -> "{to}";' for source, found in moves.items() for to in found]
    looks = (
        "rankdir=LR; bgcolor=transparent; nodesep=0.15; node [shape=box, style=rounded, "
        'color="#7a828e", fontcolor="#7a828e", fontname=Helvetica, fontsize=11, height=0.3]; '
        'edge [color="#7a828e", arrowsize=0.6];'
    )
    dot = f"digraph states {{ {looks} {' '.join(lines)} }}"
    done = subprocess.run(
        [engines()[0].program, "-Tsvg"], input=dot, text=True, capture_output=True, check=True
    )
    path.write_text(done.stdout, encoding="utf-8")
