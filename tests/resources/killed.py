"""A kernel that opens a resource and is killed; its reaper cleans up."""

import os
import subprocess
import sys
import threading
import time


def killed(opening):
    """Kill a process once it has run `opening`, which prints a line; gives that line."""
    code = f"{opening}\nimport signal\nsignal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as one:
        line = one.stdout.readline().strip()
        os.kill(one.pid, 9)
    assert line, "it has not opened the resource"
    return line


def becomes(what, wanted=True, seconds=60.0):
    """Wait until `what()` is `wanted`; gives it as it is at last."""
    never, deadline = threading.Event(), time.monotonic() + seconds
    while (found := what()) != wanted and time.monotonic() < deadline:
        never.wait(0.05)
    return found
