"""Values of which tests count how many are alive."""

import threading


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
