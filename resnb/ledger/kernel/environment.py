"""What a lease records of the kernel that opens it: where it runs, and what its clean-up needs."""

import os
import sys
from pathlib import Path
from typing import Any

from resnb.ledger.record import Environment

COMMON_VARIABLES = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSH_AUTH_SOCK",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DOCKER_HOST", "DOCKER_CONTEXT", "KUBECONFIG",
    "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_CONFIG_DIR", "SPARK_HOME", "JAVA_HOME", "PYTHONPATH", "JUPYTERHUB_SERVICE_PREFIX",
)  # fmt: skip
"""Environment variables kept for every clean-up; a manager's ``env`` names more."""
SESSION_VARIABLE = "RESNB_SESSION"
"""Names the test session that started the kernel."""


def notebook_name() -> str:
    """The notebook of this kernel: its session's name, else the working folder."""
    return os.environ.get("JPY_SESSION_NAME", "") or _folder()


def environment_for(manager: Any) -> Environment:
    """The environment in which another process can clean up for `manager`."""
    names = dict.fromkeys((*COMMON_VARIABLES, *(getattr(manager, "env", ()) or ())))
    variables = tuple((name, os.environ[name]) for name in names if name in os.environ)
    folder = _folder() or "/"
    path = tuple(one or folder for one in sys.path)
    return Environment(sys.executable, sys.prefix, path, folder, variables)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # the folder was removed
        return ""
