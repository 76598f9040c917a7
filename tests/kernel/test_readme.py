"""The README's cells, in a real kernel, which is killed: what they have opened is gone."""

import re
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from tests.kernel.client import Kernel, wait_for

README = Path(__file__).parents[2] / "README.md"
CELLS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def port():
    """A port that is free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def test_the_cells_run_and_a_killed_kernel_leaves_nothing(tmp_path, port):
    kernel = Kernel(tmp_path)
    try:
        for cell in CELLS:
            kernel.run(cell.replace("8765", port).replace("python3", sys.executable))
        assert kernel.value("report") == "500 orders"
        server = psutil.Process(kernel.value("server.pid"))
        kernel.manager.signal_kernel(signal.SIGKILL)
        wait_for(lambda: not server.is_running() or server.status() == "zombie", "its end")
    finally:
        kernel.close()
