"""Find Pythons: on the path, or where pyenv keeps them. Imports the standard library only."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def find(version: str) -> str | None:
    """The program that is Python `version`, such as "3.12"; None if none is here.

    On the path, `python3.12` may be a shim of pyenv's, which fails unless that version is chosen.
    """
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = (root / "versions").glob(f"{version}.*/bin/python")
    choices = [shutil.which(f"python{version}"), *map(str, sorted(kept, reverse=True))]
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        choices.insert(0, sys.executable)
    return next((one for one in choices if one and _works(one, version)), None)


def _works(program: str, version: str) -> bool:
    """Whether a program is Python `version`, with what makes virtual environments."""
    wanted = tuple(map(int, version.split(".")))
    code = f"import sys, venv; sys.exit(sys.version_info[:2] != {wanted!r})"
    done = subprocess.run([program, "-c", code], capture_output=True, check=False)
    return done.returncode == 0
