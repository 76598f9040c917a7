"""Graphviz engines: the system's `dot` if there is one, else the one installed with resnb.

``RESNB_GRAPHVIZ=system`` or ``bundled`` chooses one; otherwise the second is tried where the first
fails. An engine is a process, started without a shell and with a deadline, that reads DOT from its
standard input and writes the picture to its standard output.
"""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from resnb.errors import OptionError, ResnbError

TIMEOUT: Final = 30.0
"""How long drawing a picture may take, in seconds."""
VARIABLE: Final = "RESNB_GRAPHVIZ"
FORMATS: Final = ("png", "svg", "pdf")
RANKS: Final[Mapping[str, str]] = {"down": "TB", "right": "LR"}
"""Graphviz's words for which way a graph goes."""

_BUNDLED = "graphviz-pure"


class DrawingError(ResnbError):
    """A picture cannot be drawn; the flow itself is unharmed."""


class Engine(NamedTuple):
    """A program that draws DOT: its name among the choices, and its file."""

    name: str
    program: str


Source: TypeAlias = Callable[[Engine], str]
"""Makes a graph in the DOT language for an engine."""


def system() -> str | None:
    """The system's `dot`."""
    return shutil.which("dot")


def bundled() -> str | None:
    """The program that is installed with resnb."""
    name = f"{_BUNDLED}.exe" if os.name == "nt" else _BUNDLED
    here = Path(sysconfig.get_path("scripts")) / name
    if here.is_file():
        return str(here)
    from importlib import metadata

    try:  # it is installed for the user, or in another folder
        files = metadata.files(_BUNDLED) or ()
    except metadata.PackageNotFoundError:
        files = ()
    found = next((Path(str(one.locate())) for one in files if one.name == name), None)
    return str(found.resolve()) if found and found.is_file() else shutil.which(name)


_CHOICES: Final[Mapping[str, Callable[[], str | None]]] = {"system": system, "bundled": bundled}


def engines() -> tuple[Engine, ...]:
    """The engines to try, in order.

    Raises:
        OptionError: the environment variable names none of the choices.
        DrawingError: there is none.
    """
    chosen = os.environ.get(VARIABLE, "").strip().lower()
    if chosen and chosen not in _CHOICES:
        message = f"{VARIABLE}={chosen!r} must be one of {', '.join(_CHOICES)}, or not set"
        raise OptionError(message)
    programs = [(name, find()) for name, find in _CHOICES.items() if chosen in ("", name)]
    found = tuple(Engine(name, program) for name, program in programs if program)
    if found:
        return found
    if chosen == "system":
        message = f"{VARIABLE}=system, but there is no `dot`: install Graphviz or unset {VARIABLE}"
    else:
        message = f"no Graphviz engine: install Graphviz, or `pip install {_BUNDLED}`"
    raise DrawingError(message)


def render(source: "str | Source", format: str = "png") -> bytes:  # noqa: A002 - Graphviz's word
    """The picture of a graph in the DOT language.

    Args:
        source: the graph, or what makes it for an engine.
        format: ``png``, ``svg``, ``pdf`` (the system's Graphviz only), or ``json0``, a layout.

    Raises:
        OptionError: the format is unknown.
        DrawingError: there is no engine, or none of them can draw this.
    """
    if format not in (*FORMATS, "json0"):
        message = f"format={format!r} must be one of {', '.join(FORMATS)}"
        raise OptionError(message)
    complaints = []
    for engine in engines():
        try:
            text = source if isinstance(source, str) else source(engine)
            return run_engine(engine, text, format)
        except (DrawingError, OSError) as error:
            complaints.append(f"{engine.name} engine: {error}")
        except subprocess.TimeoutExpired:  # the other one would, too
            complaints.append(f"{engine.name} engine: took longer than {TIMEOUT:g} s")
            break
    message = f"cannot draw {format}: {'; '.join(complaints)}"
    raise DrawingError(message)


class Turned(NamedTuple):
    """What an engine draws in the opposite of its order.

    Graphviz 2.43 does so with the roots of clusters, and each engine with some nodes of graphs that
    go to the right.
    """

    loose: bool  # the nodes of a graph without links
    roots: bool  # nodes that nothing comes before in their cluster
    others: bool  # the other nodes of a cluster


@cache
def turned_by(engine: Engine, direction: str) -> Turned:
    """What an engine turns, found by drawing a few nodes.

    Args:
        engine: the engine.
        direction: ``down`` or ``right``.

    Raises:
        DrawingError, OSError, subprocess.TimeoutExpired: as of `run_engine`.
    """
    import json

    inside = "c; d; e; f; c -> e; c -> f"
    source = f"digraph {{ rankdir={RANKS[direction]}; a; b; subgraph cluster_0 {{ {inside} }} }}"
    found = json.loads(run_engine(engine, source, "json0"))
    axis, sign = (0, 1) if direction == "down" else (1, -1)  # upwards
    places = {
        one["name"]: sign * float(one["pos"].split(",")[axis])
        for one in found["objects"]
        if "pos" in one
    }
    return Turned(*(places[one] > places[two] for one, two in ("ab", "cd", "ef")))


def run_engine(engine: Engine, source: str, format: str) -> bytes:  # noqa: A002 - Graphviz's word
    """The picture as one engine draws it.

    Raises:
        DrawingError: the engine reports an error.
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took too long and was killed.
    """
    done = subprocess.run(  # noqa: S603 - a program of our choice, no shell
        [engine.program, f"-T{format}"],
        input=source.encode(),
        capture_output=True,
        check=False,
        timeout=TIMEOUT,
    )
    if done.returncode or not done.stdout:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise DrawingError(lines[0] if lines else f"ended with {done.returncode}")
    return done.stdout
