"""The README's cells, in a real kernel, which is killed: what they have opened is gone."""

import re
import signal
import sys
from pathlib import Path

import psutil

from tests.kernel.client import Kernel, wait_for
from tests.ports import free_port

README = Path(__file__).parents[2] / "README.md"
CELLS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_cells_run_and_a_killed_kernel_leaves_nothing(tmp_path):
    kernel, port = Kernel(tmp_path), str(free_port())
    try:
        for cell in CELLS:
            kernel.run(cell.replace("8765", port).replace("python3", sys.executable))
        assert kernel.value("report") == "500 orders"
        server = psutil.Process(kernel.value("server.pid"))
        kernel.manager.signal_kernel(signal.SIGKILL)
        wait_for(lambda: not is_alive(server), "its end")
    finally:
        kernel.close()
