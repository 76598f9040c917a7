"""SIGINT stays held back for what a set-up starts, whatever starts processes meanwhile."""

import subprocess
import sys

BLOCK = """
import signal, sys, threading
from resnb.ledger.kernel.held_signals import interrupts_held_back

def held():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())

def set_up(seen):
    with interrupts_held_back():
        from multiprocessing import resource_tracker  # as the import of a library may

        seen.append(held())
        resource_tracker.ensure_running()
        seen.append(held())
        resource_tracker.getfd()
        seen.append(held())
    seen.append(held())

for _ in range(2):
    seen = []
    thread = threading.Thread(target=set_up, args=(seen,))
    thread.start()
    thread.join()
    print(seen)
"""


def test_the_start_of_the_resource_tracker_leaves_the_mask_alone():
    done = subprocess.run(
        [sys.executable, "-c", BLOCK], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[True, True, True, False]\n" * 2
