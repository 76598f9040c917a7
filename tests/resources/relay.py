"""A relay to a server that keeps all in memory: it can be lost for a while, and come back."""

import socket
import threading
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer


class _Both(BaseRequestHandler):
    def handle(self):
        with suppress(OSError), socket.create_connection(self.server.target) as far:
            self.server.open |= {far, self.request}
            back = threading.Thread(target=_pour, args=(far, self.request))
            back.start()
            _pour(self.request, far)
            back.join()


def _pour(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in source, target:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingTCPServer):
    allow_reuse_address = True


class Relay:
    """Passes on what comes to a port of its own, until it is stopped.

    Args:
        port: the server's port.
    """

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self.port = 0
        self.start()

    def start(self):
        self._server = _Server(("127.0.0.1", self.port), _Both)
        self._server.target, self._server.open = self._target, set()
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        for one in tuple(self._server.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._server.server_close()  # waits for the threads
        self._thread.join()


@contextmanager
def relayed(url):
    """A relay to the server of a URL, within the block."""
    made = Relay(int(url.rpartition(":")[2]))
    try:
        yield made
    finally:
        made.stop()
