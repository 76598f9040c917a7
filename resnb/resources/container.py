"""`DockerContainer`: a container of an engine that speaks Docker's API."""

import os
import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from resnb import ResourceManager
from resnb.durations import seconds
from resnb.errors import CleanupError, NothingMadeError, ResnbError
from resnb.ledger.recipes.found_process import Place, here, out_of_sight
from resnb.ledger.recipes.kinds import Kind
from resnb.resources import arguments
from resnb.resources.common import last_words, leave_alone, needed

if TYPE_CHECKING:
    from resnb.durations import Duration

LABEL = "resnb.lease"
GUARD_LABEL = "resnb.guard"
REMOVING = 30.0
"""How long the engine may take to remove a container, in seconds."""
_VERSIONS: dict[str, str] = {}
"""The version of Docker's API by engine, which takes the engine a while to tell."""
_GUARD = "sleep {}; kill -9 -1; sleep 5"
"""What guards do: they are process 1 of a container, and let the engine remove that before them."""


class RunningContainer:
    """A container that `DockerContainer` has started.

    Attributes:
        id: its id.
        host: where its ports are.
    """

    def __init__(self, container_id: str) -> None:
        self.id = container_id
        url = urlsplit(os.environ.get("DOCKER_HOST", ""))
        self.host = url.hostname or "127.0.0.1" if url.scheme == "tcp" else "127.0.0.1"

    def port(self, inside: int) -> int:
        """The port of `host` that leads to a port inside, which was among ``ports``.

        Raises:
            ResnbError: there is none.
        """
        with _client() as client:
            known = client.containers.get(self.id).attrs["NetworkSettings"]["Ports"] or {}
        bound = known.get(f"{inside}/tcp")
        if not bound:
            message = f"DockerContainer: port {inside} leads nowhere: give ports=[{inside}]"
            raise ResnbError(message)
        return int(bound[0]["HostPort"])

    def logs(self) -> str:
        """What it has printed."""
        with _client() as client:
            text: bytes = client.containers.get(self.id).logs()
        return text.decode(errors="replace")

    def __repr__(self) -> str:
        """A stable text, without its id."""
        return "<RunningContainer>"


class DockerContainerManager:
    """Starts a container; removes it with its anonymous volumes.

    Args:
        image: the image.
        command: what runs in it; by default what the image says.
        ports: ports inside that get a free port of 127.0.0.1 each.
        environment: variables.
        volumes: as in Docker's library: ``{"/here": {"bind": "/there", "mode": "ro"}}``.
        ready_port: it is ready when something listens on this port inside, one of `ports`.
        ready_line: it is ready when its output has this text.
        self_destruct: the engine ends and removes it after this time, even if nobody is left who
            knows of it: a duration. Its process 1 is then that of a guard, a second container of
            the same image, which needs a shell.
    """

    kind = "docker"
    find_for = "2m"  # an engine may be slow
    env = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
    lease: Any

    def __init__(  # noqa: PLR0917 - in the order of their use
        self,
        image: str,
        command: str | Sequence[str] | None = None,
        ports: Sequence[int] = (),
        environment: Mapping[str, Any] | None = None,
        volumes: Mapping[str, Any] | None = None,
        ready_port: int | None = None,
        ready_line: str | None = None,
        self_destruct: "Duration | None" = None,
    ) -> None:
        self.image, self.command = arguments.text("DockerContainer", "image", image), command
        self.ports = list(ports)
        self.environment, self.volumes = environment, volumes
        self.ready_port, self.ready_line = ready_port, ready_line
        self.self_destruct = seconds(self_destruct, "DockerContainer: self_destruct")
        self._place = here()

    def setup(self) -> RunningContainer:
        """Create it with the lease's id as a label, and start it."""
        ports = [*self.ports, *([self.ready_port] if self.ready_port else [])]
        with _client() as client:
            guarded = {} if self.self_destruct is None else self._guarded(client)
            with self._explained(ResnbError if guarded else NothingMadeError):
                made = self._created(client, ports, guarded)
                container = RunningContainer(made.id)
                self.lease.record(self.handle(container))
                made.start()
        return container

    def _created(self, client: Any, ports: Sequence[int], guarded: Mapping[str, Any]) -> Any:
        return client.containers.create(
            self.image,
            self.command,
            detach=True,
            labels={LABEL: self.lease.id},
            ports={f"{one}/tcp": ("127.0.0.1", None) for one in ports},
            environment={name: str(one) for name, one in (self.environment or {}).items()},
            volumes=dict(self.volumes or {}),
            **guarded,
        )

    @contextmanager
    def _explained(self, missing: type[ResnbError] = NothingMadeError) -> Iterator[None]:
        """Say in one line why the engine refuses what the block asks for.

        Args:
            missing: what to raise if it has no such image.

        Raises:
            ResnbError: it refuses for another reason.
        """
        from docker.errors import APIError, ImageNotFound

        try:
            yield
        except ImageNotFound:
            message = (
                f"DockerContainer: the engine has no image {self.image!r}: pull it first, by "
                f"`docker pull {self.image}`"
            )
            raise missing(message) from None
        except APIError as error:
            why = last_words(str(error.explanation or error))
            message = f"DockerContainer: the engine refuses one of {self.image!r}: {why}"
            raise ResnbError(message) from None

    def _guarded(self, client: Any) -> dict[str, Any]:
        """Start a guard; gives the options of a container that ends with it.

        Raises:
            ResnbError: the image has no shell.
        """
        from docker.errors import APIError

        with self._explained():
            guard = client.containers.create(
                self.image,
                [_GUARD.format(self.self_destruct)],
                entrypoint=["sh", "-c"],
                detach=True,
                auto_remove=True,
                labels={LABEL: self.lease.id, GUARD_LABEL: "1"},
            )
        try:
            guard.start()
        except APIError as error:
            message = f"DockerContainer(self_destruct=...): {self.image} has no shell: {error}"
            raise ResnbError(message) from None
        return {"pid_mode": f"container:{guard.id}", "auto_remove": True}

    def ready(self, container: RunningContainer) -> bool:
        """Whether it listens, or has said its line.

        Raises:
            ResnbError: it has ended.
        """
        if self.ready_port is None and self.ready_line is None:
            return True
        from docker.errors import APIError

        try:
            with _client() as client:
                status = client.containers.get(container.id).status
            text = container.logs()  # after that, so that those of one that has ended are whole
            if self.ready_line is not None and self.ready_line in text:
                return True
        except APIError as error:  # a guarded one, which its engine removes
            if not _is_missing(error):
                raise
            text, status = "its output went with it", "dead"
        if status in ("exited", "dead", "stopped"):
            said = last_words(text)
            message = f"DockerContainer: one of {self.image!r} ended before it was ready: {said}"
            raise ResnbError(message)
        if self.ready_port is not None:
            address = container.host, container.port(self.ready_port)
            with suppress(OSError), socket.create_connection(address, 1.0):
                return True
        return False

    def handle(self, container: RunningContainer) -> dict[str, Any]:
        """Its id, and the machine whose engine knows it."""
        return {"id": container.id, "place": list(self._place)}

    def attach(self, handle: dict[str, Any]) -> RunningContainer:
        """See `handle`."""
        self._place = Place(*handle["place"])
        return RunningContainer(handle["id"])

    def find(self, lease_id: str) -> RunningContainer | None:
        """The container of a set-up that did not return."""
        with _client() as client:
            known = _tagged(client, lease_id)
            return RunningContainer(known[0]) if known else None

    def cleanup(self, container: RunningContainer) -> None:
        """Remove it.

        Raises:
            CleanupError: it is not of this lease, of another machine's engine, or does not go.
        """
        from docker.errors import APIError

        name = container.id[:12]
        with _client() as client:
            try:
                labels = client.containers.get(container.id).labels
            except APIError as error:
                if not _is_missing(error):
                    raise
                if self._place.machine != here().machine:
                    why = "it was started on another machine, whose engine cannot be asked"
                    raise out_of_sight(f"container {name}", why) from None
            else:
                if labels.get(LABEL) != self.lease.id:
                    leave_alone(f"container {name}")
            never, deadline = Event(), time.monotonic() + REMOVING
            while left := _tagged(client, self.lease.id):
                if time.monotonic() > deadline:
                    message = f"container {left[0][:12]} is there after {REMOVING:g} s"
                    raise CleanupError(message)
                for one in left:
                    _remove(client, one)
                never.wait(0.05)  # the engine may be about to remove what has ended


def _tagged(client: Any, lease_id: str) -> list[str]:
    """The ids of a lease's containers, a guard's last: what depends on it goes first."""
    filters = {"label": f"{LABEL}={lease_id}"}
    known = client.api.containers(all=True, filters=filters)
    known.sort(key=lambda one: GUARD_LABEL in (one["Labels"] or {}))
    return [one["Id"] for one in known]


def _remove(client: Any, container: str) -> None:
    from docker.errors import APIError

    with suppress(APIError):  # it does not run; podman would wait 10 s for its end
        client.api.kill(container)
    try:
        client.api.remove_container(container, force=True, v=True)
    except APIError as error:
        is_going = error.status_code == HTTPStatus.CONFLICT
        if not is_going and not _is_missing(error):
            raise


def _is_missing(error: Any) -> bool:
    """Whether the engine knows no such container; podman says so by an error 500, too."""
    return error.status_code == HTTPStatus.NOT_FOUND or "no such container" in str(error)


class _client:  # noqa: N801 - a block
    """A client of the engine, closed at the end of the block."""

    def __enter__(self) -> Any:
        with needed("DockerContainer needs Docker's library", "docker"):
            import docker
        host = os.environ.get("DOCKER_HOST", "")
        try:
            self._client = docker.from_env(version=_VERSIONS.get(host))
        except docker.errors.DockerException as error:
            where = host or "Docker's own socket"
            message = f"DockerContainer: no engine answers at {where}; is one running? {error}"
            raise NothingMadeError(message) from None
        _VERSIONS[host] = self._client.api.api_version
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()


DockerContainer = ResourceManager(DockerContainerManager, name="DockerContainer")

KIND = Kind(
    "docker",
    DockerContainerManager,
    {"image": str},
    {"id": re.compile("[0-9a-f]{64}"), "place": [str]},
    manager=DockerContainer,
    module="docker",
    install="resnb[docker]",
)
