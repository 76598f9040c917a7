"""Values that count how many of their kind are alive, and code that makes some."""

import threading
from itertools import count


class Frame:
    """A value that counts how many of its kind are alive."""

    alive = most = 0
    lock = threading.Lock()

    def __init__(self):
        with Frame.lock:
            Frame.alive += 1
            Frame.most = max(Frame.most, Frame.alive)

    def __del__(self):
        with Frame.lock:
            Frame.alive -= 1


def failing_at_first():
    calls = count()

    def run(frame):
        if next(calls) % 2 == 0:
            raise ValueError("not yet")
        return Frame()

    return run
