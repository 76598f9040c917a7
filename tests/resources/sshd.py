"""A real sshd of this machine, which a script starts."""

import subprocess
from contextlib import contextmanager

import pytest

from benchmarks.crash.engine import NoEngineError, script


@contextmanager
def sshd(folder):
    """Serve within the block; gives the port. The folder has its key, and a configuration."""
    try:
        starter = script("sshd")
    except NoEngineError as error:
        pytest.fail(f"NO SSHD: {error}")
    start = [starter, "start", folder]
    done = subprocess.run(start, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.fail(f"NO SSHD: {done.stderr}")
    words = dict(one.split("=", 1) for one in done.stdout.split() if "=" in one)
    try:
        yield int(words["SSH_PORT"])
    finally:
        subprocess.run([starter, "stop", folder], check=True, capture_output=True, timeout=60)
