"""What a lease records of the kernel that opens it: where it runs, and what its clean-up needs."""

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from resnb.ledger.recipes.paths import folder_now
from resnb.ledger.record import Environment

COMMON_VARIABLES = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSH_AUTH_SOCK",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DOCKER_HOST", "DOCKER_CONTEXT", "KUBECONFIG",
    "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_CONFIG_DIR", "SPARK_HOME", "JAVA_HOME", "PYTHONPATH", "JUPYTERHUB_SERVICE_PREFIX",
)  # fmt: skip
"""Environment variables kept for every clean-up; a manager's ``env`` names more."""
_PATHS = (str, bytes, os.PathLike)  # people put anything into `sys.path`
_LIBRARIES = tuple({sys.prefix, sys.base_prefix})
SESSION_VARIABLE = "RESNB_SESSION"
"""Names the test session that started the kernel."""


def notebook_name() -> str:
    """The notebook of this kernel: its session's name, else the working folder."""
    return os.environ.get("JPY_SESSION_NAME", "") or folder_now()


def environment_for(manager: Any) -> Environment:
    """The environment in which another process can clean up for `manager`."""
    names = dict.fromkeys((*COMMON_VARIABLES, *(getattr(manager, "env", ()) or ())))
    found = ((name, os.environ.get(name)) for name in names)
    variables = tuple((name, value) for name, value in found if value is not None)
    folder = folder_now() or "/"
    entries = tuple(os.fsdecode(one) for one in sys.path if isinstance(one, _PATHS))
    path = _paths(entries, folder, len(sys.path_importer_cache))
    return Environment(sys.executable, sys.prefix, path, folder, variables)


@lru_cache(maxsize=4)
def _paths(entries: tuple[str, ...], folder: str, _finders: int) -> tuple[str, ...]:
    """`sys.path` as another process needs it."""
    return tuple(dict.fromkeys((*(_entry(one, folder) for one in entries), *_earlier())))


def _entry(entry: str, folder: str) -> str:
    """Where the kernel looks for an entry of `sys.path`: relative ones, where it first looked."""
    finder = sys.path_importer_cache.get(entry) if entry else None
    return str(Path(folder, getattr(finder, "path", None) or entry))


def _earlier() -> list[str]:
    """Folders that modules were imported from, and that have left `sys.path`.

    Such as the working folder of before.
    """
    known = {one for one in sys.path if isinstance(one, str)}
    known |= {sys.prefix, sys.base_prefix, sys.exec_prefix}
    found = (
        one
        for one in list(sys.path_importer_cache)
        if isinstance(one, str) and one not in known and not one.startswith(_LIBRARIES)
    )
    return [one for one in found if Path(one).is_dir() and not Path(one, "__init__.py").exists()]
