"""Whether this machine can keep the promise: what ``resnb doctor`` checks."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import resnb
from resnb.errors import LedgerError, ResnbError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.kernel.reaper_client import ReaperClient
from resnb.ledger.liveness import Presence
from resnb.ledger.store.home import is_on_network
from resnb.ledger.store.recovery import set_aside

_PATIENCE = 60.0
_EXTENSION = "resnb"


class Finding(NamedTuple):
    """The result of one check."""

    what: str  # what was checked
    text: str  # what was found
    is_bad: bool = False  # whether it breaks the promise
    is_news: bool = False  # whether it is for information only

    @property
    def mark(self) -> str:
        """Its mark in a list."""
        return "BAD" if self.is_bad else "info" if self.is_news else "ok"


def findings() -> Iterator[Finding]:
    """Check one thing after the other.

    Yields:
        The result of each check.
    """
    commands = LedgerCommands()
    yield _tried("ledger", lambda: _written(commands))
    yield from _oddities(commands)
    yield _tried("reaper", lambda: _reaper_started(commands.home))
    yield _tried("recipes", _recipes_loadable)
    yield _tried("pictures", _drawn)
    yield _lab_extension()
    yield _anywidget()


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, look())
    except (ResnbError, OSError, subprocess.SubprocessError) as error:
        return Finding(what, str(error), is_bad=True)


def _written(commands: LedgerCommands) -> str:
    commands.store.change(LeaseId(""), reason="")  # a durable write that changes nothing
    if commands.store.is_renewed:
        return f"the shared ledger at {commands.store.place} answers and can be written"
    return f"{commands.store.place} is private and can be written"


def _oddities(commands: LedgerCommands) -> Iterator[Finding]:
    if is_on_network(commands.home):
        yield Finding(
            "ledger", "it is on a network file system, so each step is slower", is_news=True
        )
    if aside := set_aside(commands.home):
        yield Finding("ledger", f"a damaged one was set aside: {', '.join(aside)}", is_news=True)
    try:
        leases = commands.leases()
    except LedgerError:
        return  # an earlier check has reported that
    failed = [one.name for one in leases if one.state == states.FAILED]
    if failed:
        yield Finding("leases", f"not cleaned up: {', '.join(failed)}; see resnb ls", is_news=True)
    for one in leases:
        if one.remedy:
            is_bad = one.state == states.DAMAGED
            text = f"{one.name} is {one.state}: {one.remedy}"
            yield Finding("leases", text, is_bad=is_bad, is_news=not is_bad)


def _reaper_started(home: Path) -> str:
    presence = Presence(home)
    reaper = ReaperClient(home, presence.owner, lambda *_: None)
    try:
        reaper.ensure()
    finally:
        reaper.close()
        presence.release()
    if reaper.owner.lock is None:
        return (
            "it starts and answers; the folder has no locks that work between processes, so "
            "kernels in other containers stay unknown"
        )
    return "it starts, answers and sees this process's lock"


def _recipes_loadable() -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import cloudpickle"],
        capture_output=True,
        check=False,
        text=True,
        timeout=_PATIENCE,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise LedgerError(f"a fresh {sys.executable} cannot import cloudpickle: {said}")
    return "a fresh interpreter can load them"


def _drawn() -> str:
    from resnb.view.engines import engines, render

    render("digraph { a -> b }")
    return f"Graphviz draws them ({', '.join(one.name for one in engines())} engine)"


def _lab_extension() -> Finding:
    for folder in _lab_folders():
        if (folder / _EXTENSION).exists():
            return _versions_compared(folder / _EXTENSION)
    return Finding(
        "JupyterLab",
        "no extension, so saved notebooks may not show their flows, and buttons may wait for "
        "running cells: install resnb in the environment in which JupyterLab runs",
        is_news=True,
    )


def _anywidget() -> Finding:
    if any((folder / "anywidget").exists() for folder in _lab_folders()):
        return Finding("live views", "this environment's JupyterLab can show them")
    return Finding(
        "live views",
        "this environment has no anywidget for JupyterLab, so one that runs here shows pictures "
        "instead: install resnb (or anywidget) in the environment in which JupyterLab runs",
        is_news=True,
    )


def _lab_folders() -> list[Path]:
    """Where the extensions of this environment's JupyterLab are, in order of precedence."""
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError:  # no Jupyter here
        return [Path(sys.prefix, "share", "jupyter", "labextensions")]
    return [Path(one) for one in jupyter_path("labextensions")]


def _versions_compared(extension: Path) -> Finding:
    try:
        package = json.loads((extension / "package.json").read_text(encoding="utf-8"))
        found = _as_python(str(package["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        found = "an unknown version"
    if found == resnb.__version__:
        return Finding("JupyterLab", "the extension is installed")
    return Finding(
        "JupyterLab",
        f"the extension in {extension} is of {found}, the package of {resnb.__version__}: "
        "install resnb again",
        is_news=True,
    )


def _as_python(version: str) -> str:
    """An npm version in Python's form: `0.1.0-dev.0` is `0.1.0.dev0`."""
    version = re.sub(r"-(dev|post)\.(\d+)$", r".\1\2", version)
    return re.sub(r"-(a|b|rc)\.(\d+)$", r"\1\2", version)
