"""The container engine of a whole run: one that is there, or the one that a script can start."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[3] / "shared" / "engines"
"""The folder of scripts that start real engines; CRASH_ENGINES names another."""
DOCKER = "docker-engine"
"""Starts an engine that speaks the Docker API: ``start DIR`` prints what to export."""
IMAGE = "tiny:latest"


class NoEngineError(Exception):
    """There is no container engine here; the message says why."""


def script(name: str) -> Path:
    """The script that starts an engine.

    Raises:
        NoEngineError: it is not there.
    """
    found = Path(os.environ.get("CRASH_ENGINES", SCRIPTS)) / name
    if not found.exists():
        message = f"there is no {found} (CRASH_ENGINES names the folder of such scripts)"
        raise NoEngineError(message)
    return found


@contextmanager
def engine() -> Iterator[None]:
    """Have a container engine within the block, known to this process and those that it starts.

    Raises:
        NoEngineError: there is none, and none can be started.
    """
    try:
        client().close()
    except NoEngineError as error:
        try:
            starter = script(DOCKER)
        except NoEngineError as missing:
            message = f"{error}; nor can one be started: {missing}"
            raise NoEngineError(message) from None
    else:
        yield
        return
    folder = tempfile.mkdtemp(prefix="resnb-engine-")
    try:
        started = subprocess.run(
            [starter, "start", folder], capture_output=True, text=True, check=False, timeout=300
        )
        if started.returncode != 0:
            message = f"{starter} start: {started.stderr.strip()}"
            raise NoEngineError(message)
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = started.stdout.strip().rpartition("DOCKER_HOST=")[2]
        try:
            client().close()
            yield
        finally:
            os.environ.pop("DOCKER_HOST")
            if before is not None:
                os.environ["DOCKER_HOST"] = before
    finally:
        subprocess.run([starter, "stop", folder], capture_output=True, check=False, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def client() -> Any:
    """A client of the engine that the environment names.

    Raises:
        NoEngineError: there is none, or the image is missing.
    """
    try:
        import docker
    except ImportError:
        message = "the package `docker` is not installed"
        raise NoEngineError(message) from None
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    socket = Path(address.removeprefix("unix://"))
    if address.startswith("unix://") and not socket.exists():  # docker would leave one unclosed
        message = f"no container engine: DOCKER_HOST names none, and there is no {socket}"
        raise NoEngineError(message)
    try:
        found = docker.from_env()
        found.images.get(IMAGE)
    except docker.errors.DockerException as error:
        message = f"no container engine with the image {IMAGE} answers ({error})"
        raise NoEngineError(message) from None
    return found
