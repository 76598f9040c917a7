"""`SSHTunnel`: a port of this machine that leads to one that another machine can reach."""

import os
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from resnb import ResourceManager
from resnb.errors import NothingMadeError, OptionError, ResnbError
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments
from resnb.resources.process import RunningProcess, SubprocessManager

_LARGEST_PORT = 65535
_OPTIONS = {
    "BatchMode": "yes",  # nobody can be asked for a password
    "ExitOnForwardFailure": "yes",
    "ServerAliveInterval": "15",  # so that it ends where the other machine has gone
    "ControlMaster": "no",  # a shared connection would keep the tunnel when this process has ended
    "ControlPath": "none",
}
_REMEDIES = {
    "Permission denied": "give key=..., or add the key to your agent",
    "Host key verification failed": "connect once in a terminal, and compare its key",
}


class RunningTunnel(RunningProcess):
    """A tunnel that `SSHTunnel` has opened.

    Attributes:
        port: the port of 127.0.0.1 that leads to the other machine.
    """

    def __init__(self, process: RunningProcess, port: int) -> None:
        super().__init__(process.process, process.log)
        self.port = port


class SSHTunnelManager(SubprocessManager):
    """Opens an SSH tunnel by OpenSSH's ``ssh``, with your own configuration, keys and agent.

    Nobody can be asked for a password. A host that is not known yet is written into the list of
    known ones, unless ``StrictHostKeyChecking`` says otherwise; a host whose key has changed is
    refused.

    Args:
        host: the machine to log in to: an alias of your configuration, a name, ``name:port``, or
            ``ssh://user@name:port``.
        remote_port: the port to reach.
        local_port: the port of 127.0.0.1 that leads there; by default a free one.
        user: who logs in; by default what the configuration says.
        key: a file with the private key; by default what configuration and agent have.
        remote_host: where `remote_port` is, as `host` sees it; by default there.
        config: another configuration than ``~/.ssh/config``.

    >>> from resnb.resources import SSHTunnel
    >>> with SSHTunnel("box", 5432, config=config) as tunnel:
    ...     print(tunnel.port > 0, tunnel.returncode)
    True None
    """

    kind = "ssh_tunnel"
    find_for = "1s"  # it runs here, so it cannot turn up later

    def __init__(  # noqa: PLR0917 - in the order of their use
        self,
        host: str,
        remote_port: int,
        local_port: int = 0,
        user: str | None = None,
        key: str | os.PathLike[str] | None = None,
        remote_host: str = "localhost",
        config: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(["ssh"])
        owner = "SSHTunnel"
        self.host = arguments.text(owner, "host", host)
        self.remote_port = arguments.whole(owner, "remote_port", remote_port) or 0
        self.local_port = arguments.whole(owner, "local_port", local_port) or 0
        self.user = None if user is None else arguments.text(owner, "user", user)
        self.remote_host = arguments.text(owner, "remote_host", remote_host)
        self.key, self.config = _path("key", key), _path("config", config)
        if not host or host.startswith("-"):
            message = f"SSHTunnel: host={host!r} is no name of a machine"
            raise OptionError(message)
        local = self.local_port or self.remote_port
        for name, port in ("remote_port", self.remote_port), ("local_port", local):
            if not 1 <= port <= _LARGEST_PORT:
                message = f"SSHTunnel: {name}={port} is no port: give 1 to {_LARGEST_PORT}"
                raise OptionError(message)

    def setup(self) -> RunningTunnel:
        """Start ``ssh`` in its own session."""
        if shutil.which("ssh") is None:
            message = "SSHTunnel needs OpenSSH's program ssh: install openssh-client"
            raise NothingMadeError(message)
        options = dict(_OPTIONS)
        if _settings(self._words()).get("stricthostkeychecking", "ask") == "ask":
            options["StrictHostKeyChecking"] = "accept-new"
        self.port = self.local_port or _free_port()
        far = f"[{self.remote_host}]" if ":" in self.remote_host else self.remote_host
        words = [f"-o{name}={value}" for name, value in options.items()]
        forward = f"127.0.0.1:{self.port}:{far}:{self.remote_port}"
        self.args = ["ssh", "-N", "-L", forward, *words, *self._words()]
        return RunningTunnel(super().setup(), self.port)

    def ready(self, tunnel: RunningProcess) -> bool:
        """Whether ``ssh`` has logged in, and listens on the port.

        Raises:
            ResnbError: it has ended.
        """
        with suppress(psutil.Error):
            found = psutil.Process(tunnel.pid).net_connections("tcp")
            if any(one.status == psutil.CONN_LISTEN for one in found):
                return True
        if tunnel.returncode is None:
            return False
        text = tunnel.log.read_text(errors="replace")
        lines = [one for one in text.splitlines() if one and not one.startswith("Warning:")]
        why = "; ".join(lines[-3:]) or f"ssh ended with exit code {tunnel.returncode}"
        remedies = [remedy for words, remedy in _REMEDIES.items() if words in text]
        message = f"SSHTunnel to {self.host} could not be opened: {': '.join([why, *remedies])}"
        raise ResnbError(message)

    def handle(self, tunnel: RunningProcess) -> dict[str, Any]:
        """As that of `Subprocess`, and the port."""
        return {**super().handle(tunnel), "port": self.port}

    def attach(self, handle: dict[str, Any]) -> RunningTunnel:
        """See `handle`."""
        self.port = handle["port"]
        return RunningTunnel(super().attach(handle), self.port)

    def _words(self) -> list[str]:
        """What says where to log in, and as whom."""
        has_port = re.fullmatch(r"(?!ssh:)[^:/]+:\d+", self.host)
        return [
            *(["-F", self.config] if self.config else []),
            *(["-l", self.user] if self.user else []),
            *(["-i", self.key, "-oIdentitiesOnly=yes"] if self.key else []),
            *("--", f"ssh://{self.host}" if has_port else self.host),
        ]


def _path(name: str, given: str | os.PathLike[str] | None) -> str | None:
    if given is None:
        return None
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        message = f"SSHTunnel: {name}={str(given)!r} is no file"
        raise OptionError(message)
    return str(path)


def _settings(words: list[str]) -> dict[str, str]:
    """What the user's configuration says for a host.

    Raises:
        ResnbError: ``ssh`` refuses the host or the configuration.
    """
    asked = ["ssh", "-G", *words]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - the user's own host
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        message = f"SSHTunnel to {words[-1]} could not be opened: {lines[-1]}"
        raise ResnbError(message)
    return {
        name: value for name, _, value in (one.partition(" ") for one in done.stdout.splitlines())
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


SSHTunnel = ResourceManager(SSHTunnelManager, name="SSHTunnel")

KIND = Kind(
    "ssh_tunnel",
    SSHTunnelManager,
    {"host": str, "remote_port": int},
    {"pid": int, "started": int, "place": [str], "folder": str, "port": int},
    manager=SSHTunnel,
)
