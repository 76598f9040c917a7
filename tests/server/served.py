"""A real Jupyter server with the extension, in a process of its own, and clients for it."""

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.parse
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import NamedTuple

import websocket

from tests.ledger.things import until
from tests.ledger.worlds import sweepers, wait_for

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
STARTS = 3
"""How often a server is started: somebody else may take the port that it has found free."""


class Answer(NamedTuple):
    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)


class PortTakenError(Exception):
    """Somebody else has taken the port that a server had found free."""


class Served:
    """The server; `home` is its ledger."""

    def __init__(self, folder, *options, **environment):
        self.home = folder / "ledger"
        self.token = secrets.token_hex(8)
        self._runtime, self._log = folder / "runtime", folder / "server.log"
        own = {
            "RESNB_HOME": str(self.home),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_TOKEN": self.token,
            "PYTHONPATH": str(ROOT),
        }
        for start in range(STARTS):
            with self._log.open("w") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
                     "--ip=127.0.0.1", "--port=0", "--ServerApp.jpserver_extensions={'resnb': True}",
                     f"--ServerApp.root_dir={folder}", *options],
                    env={**os.environ, **own, **environment}, stdout=log, stderr=log,
                )  # fmt: skip
            try:
                self.port = until(self._found_port)
                until(self._answers)
            except PortTakenError:
                if start == STARTS - 1:
                    raise
            except BaseException:
                self.close()
                raise
            else:
                break

    def _found_port(self):
        self._check_that_it_runs()
        for path in self._runtime.glob(f"jpserver-{self.process.pid}.json"):
            try:
                return json.loads(path.read_text())["port"]
            except ValueError:
                continue
        return None

    def _answers(self):
        self._check_that_it_runs()
        try:
            return self.ask("GET", "version").status > 0
        except (OSError, http.client.HTTPException):
            return False

    def _check_that_it_runs(self):
        if self.process.poll() is None:
            return
        if "no available port" in self.log():
            raise PortTakenError(self.log())
        raise AssertionError(self.log())

    @property
    def site(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pass_by_token(self):
        return {"Authorization": f"token {self.token}"}

    def log(self):
        return self._log.read_text(errors="replace")

    def ask(self, method, path, body=None, headers=None):
        """Ask the interface; with the token unless there are headers."""
        url = path if path.startswith("/") else f"/resnb/api/{path}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            data = json.dumps(body) if isinstance(body, dict) else body
            connection.request(
                method, url, data, self.pass_by_token if headers is None else headers
            )
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, dict(answer.getheaders()), text)
        finally:
            connection.close()

    def command(self, lease, verb, body=None, headers=None):
        path = f"leases/{urllib.parse.quote(lease, safe='')}/{verb}"
        return self.ask("POST", path, body, headers)

    def leases(self, query=""):
        answer = self.ask("GET", f"leases{query}")
        assert answer.status == 200, answer.text
        return {one["name"]: one for one in answer.json["leases"]}

    def cookies(self):
        """The cookies of a browser that has logged in by the token."""
        jar = SimpleCookie()
        for path in ("/login", f"/resnb/api/version?token={self.token}"):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            connection.request("GET", path, headers={"Cookie": _sent(jar)})
            answer = connection.getresponse()
            answer.read()
            for one in answer.headers.get_all("Set-Cookie", []):
                jar.load(one)
            connection.close()
        return _sent(jar), jar["_xsrf"].value

    @contextmanager
    def stream(self, headers=None, **options):
        """A stream, from which one can `recv`."""
        connection = websocket.create_connection(
            f"ws://{self.site}/resnb/api/stream",
            header=self.pass_by_token if headers is None else headers,
            timeout=PATIENCE,
            **options,
        )
        try:
            yield connection
        finally:
            connection.close()
            connection.shutdown()  # also if it was closed by the other side

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()


def _sent(jar):
    return "; ".join(f"{name}={one.value}" for name, one in jar.items())


def told(stream, condition):
    """Read until a message meets a condition; gives what it is about."""
    while True:
        message = json.loads(stream.recv())
        found = {one["name"]: one for one in message["leases"]}
        if condition(found, message):
            return found


def end_all(store):
    """Let nothing be left to do in a ledger, and wait until its sweepers have ended."""

    def has_ended():
        for one in store.alive():  # each time: a clean-up that fails just now writes that down
            store.close(one.id, time.time())
        return not sweepers(store.home)

    wait_for(has_ended, "the sweepers to end")
