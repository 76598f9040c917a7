"""Ports for servers that have to be told theirs."""

import random
import socket
from contextlib import suppress

_BELOW_THE_SYSTEMS = (20_000, 32_000)
_chance = random.SystemRandom()  # tests run side by side


def free_port():
    """A free port of 127.0.0.1 that nobody gets who does not ask for it by its number."""
    while True:
        port = _chance.randrange(*_BELOW_THE_SYSTEMS)
        with suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port
