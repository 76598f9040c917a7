"""A Spark Connect server, for all tests of a session."""

import os
import subprocess
import sys

import pytest

from benchmarks.crash.engine import NoEngineError, script


@pytest.fixture(scope="session")
def spark_connect(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    try:
        starter = script("spark-connect")
    except NoEngineError as error:
        pytest.fail(f"NO SPARK CONNECT: {error}")
    start, known = [starter, "start", folder], {**os.environ, "SPARK_PYTHON": sys.executable}
    stop = [starter, "stop", folder]
    for _ in range(3):  # it waits for a minute, which may not do while much else runs
        done = subprocess.run(start, capture_output=True, text=True, env=known, check=False)
        if not done.returncode:
            break
        subprocess.run(stop, check=True, capture_output=True)
    else:
        pytest.fail(f"NO SPARK CONNECT: {done.stderr}")
    yield done.stdout.strip()
    subprocess.run(stop, check=True, capture_output=True)
