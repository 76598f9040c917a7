"""`SparkSession`: Spark in this kernel, or a session of a Spark Connect server."""

import os
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from resnb import ResourceManager
from resnb.errors import OptionError, ResnbError
from resnb.ledger.owner import start_time
from resnb.ledger.recipes.found_process import FoundProcess
from resnb.ledger.recipes.kinds import Kind
from resnb.resources.common import leave_alone, needed

PORT = 15002
"""Where a Spark Connect server listens by default."""
GRACE = 10.0
"""How long the Java process has to end, in seconds; then it is killed."""
_CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"
"""A variable that pyspark sets with the first session of a server, and never takes back."""


class SparkSessionManager:
    """Opens a Spark session; stops it, and the Java process that was started for it.

    Without `remote`, Spark's driver runs beside this kernel and ends with it, whatever ends that; a
    kernel can have only one such session. With `remote`, the session has the lease's id, by which
    anybody who may can release it. The ledger keeps the server's address and the user, and not the
    token: to clean up after a killed kernel, the token has to be in the variable
    ``SPARK_CONNECT_AUTHENTICATE_TOKEN``.

    Args:
        master: where tasks run: ``local[4]``, ``spark://host:7077`` or what else Spark knows.
        remote: the address of a Spark Connect server: ``sc://host:15002``; ``local[2]`` starts one
            for this kernel.
        config: settings of Spark.

    >>> from resnb.resources import SparkSession
    >>> with SparkSession("local[2]", config={"spark.ui.enabled": False}) as spark:
    ...     print(spark.range(10).count())
    10
    """

    kind: str | None = "spark"
    env = ("SPARK_CONF_DIR",)
    lease: Any

    def __init__(
        self,
        master: str = "local[*]",
        remote: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        if remote is not None and not re.match(r"sc://\S|local", remote):
            message = f"SparkSession: remote={remote!r} is no address such as 'sc://host:15002'"
            raise OptionError(message)
        if "session_id=" in (remote or ""):
            message = "SparkSession: remote= names a session_id, but a session of its own is opened"
            raise OptionError(message)
        self.is_connected = remote is not None and remote.startswith("sc://")
        self.dies_with_kernel = not self.is_connected
        if self.dies_with_kernel:
            self.kind = None  # its Java process is ended, and there is nothing to find
        self._address = _complete(remote) if remote and self.is_connected else remote or ""
        self.master, self._config = master, dict(config or {})
        self._found = False
        self._gateway: Any = None
        self._java: FoundProcess | None = None
        self._sets_mode = False
        self._answers = False

    @property
    def remote(self) -> str | None:
        """The address without its token; asked for before set-up, so the server has to answer.

        Raises:
            ResnbError: it does not.
        """
        if self.is_connected and not self._answers:
            found = urlsplit(self._address)
            try:
                socket.create_connection((found.hostname or "", found.port or PORT), 10.0).close()
            except (OSError, ValueError) as error:
                where = f"no Spark Connect server answers at {found.netloc}"
                message = f"SparkSession: {where}: {error}"
                raise ResnbError(message) from None
            self._answers = True
        return _without_token(self._address) or None

    def setup(self) -> Any:
        """Connect to the server, or start Spark."""
        with needed("SparkSession needs pyspark", "spark"):
            import pyspark
        if not self.is_connected:
            return self._started(pyspark)
        self.remote  # noqa: B018 - it has to answer
        self._sets_mode = _CONNECT_MODE not in os.environ
        return self._connected(_session_id(self.lease.id))

    def ready(self, session: Any) -> bool:
        """Whether it answers."""
        return bool(session.version)

    def handle(self, session: Any) -> dict[str, str]:
        """The session's id; empty if it ends with the kernel."""
        return {"session": str(session.session_id) if self.is_connected else ""}

    def attach(self, handle: dict[str, str]) -> Any:
        """See `handle`."""
        return self._connected(handle["session"]) if handle["session"] else None

    def find(self, lease_id: str) -> Any:
        """The session of a set-up that did not return; once, as nobody can ask if it is there."""
        if self._found or not self.is_connected:
            return None
        self._found = True
        return self._connected(_session_id(lease_id))

    def cleanup(self, session: Any) -> None:
        """Stop it.

        Raises:
            CleanupError: it is not of this lease.
            pyspark.errors.PySparkException: the server refuses, or does not answer.
        """
        if not self.is_connected:
            self._stop(session)
            return
        if str(session.session_id) != _session_id(self.lease.id):
            leave_alone(f"session {session.session_id}")
        if session.is_stopped:  # here, which says nothing of the server
            session = self._connected(_session_id(self.lease.id))
        client = session.client
        client.set_retry_policies([])  # whoever cleans up tries again
        client.release_session()  # `stop` would only log that this failed
        session.stop()
        if self._sets_mode:
            os.environ.pop(_CONNECT_MODE, None)

    def __getstate__(self) -> dict[str, Any]:
        """What may be written down: no token."""
        return {**self.__dict__, "_address": _without_token(self._address), "_gateway": None}

    def _connected(self, session_id: str) -> Any:
        """A session of the server; nothing is there before it is used."""
        from pyspark.sql import SparkSession

        url = f"{self._address};session_id={session_id}"
        return SparkSession.builder.remote(url).config(map=self._config).create()

    def _started(self, pyspark: Any) -> Any:
        """A session of a Java process of its own."""
        from pyspark.java_gateway import launch_gateway

        context = pyspark.SparkContext
        if context._active_spark_context is not None:  # noqa: SLF001 - there is no other way to know
            message = (
                "SparkSession: this kernel has a session, and can have only one: close that first, "
                "such as by %resources close, or by its own stop()"
            )
            raise ResnbError(message)
        if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
            message = "SparkSession needs Java 17: install it, or set JAVA_HOME"
            raise ResnbError(message)
        is_new = context._gateway is None  # noqa: SLF001 - likewise
        builder = pyspark.sql.SparkSession.builder
        if self._address:
            builder = builder.config(map=self._config).remote(self._address)
        else:
            builder = builder.config(map=self._settings()).master(self.master)
        try:
            if is_new and not self._address:
                settings = {**self._settings(), "spark.master": self.master}
                conf = pyspark.SparkConf(loadDefaults=False).setAll(settings.items())
                own = {"start_new_session": True}  # what kills the kernel's group lets it tidy up
                context(conf=conf, gateway=launch_gateway(conf, own))
            session = builder.getOrCreate()
            if is_new:
                self._gateway = context._gateway  # noqa: SLF001 - likewise
                pid = self._gateway.proc.pid
                self._java = FoundProcess(pid, start_time(pid) or -1)
            return session  # noqa: TRY300 - an interrupt at this very line counts
        except BaseException:
            self._gateway = context._gateway if is_new else None  # noqa: SLF001 - likewise
            self._end(context)
            raise

    def _settings(self) -> dict[str, str]:
        """What Spark is told at its start."""
        found: dict[str, Any] = {
            "spark.app.name": "resnb",
            "spark.resnb.lease": self.lease.id,  # so that its Java process can be told from others
            "spark.ui.showConsoleProgress": "false",
        }
        if self.master.startswith("local"):  # nobody else has to reach it
            found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        return {name: _text(value) for name, value in {**found, **self._config}.items()}

    def _stop(self, session: Any) -> None:
        """Stop a session of this kernel, also if its Java process has gone."""
        import pyspark

        context, own = pyspark.SparkContext, getattr(session, "_sc", None)
        if own is not None and own._jsc is None:  # noqa: SLF001 - it was stopped
            return
        try:
            session.stop()
        except Exception:
            if self._gateway is None:
                raise
        left = context._active_spark_context  # noqa: SLF001 - the Java process had gone
        if self._gateway is not None and left is not None:
            left.stop()
        pyspark.sql.SparkSession._instantiatedSession = None  # noqa: SLF001 - likewise
        self._end(context)

    def _end(self, context: Any) -> None:
        """End the Java process, if it is this session's own."""
        gateway, self._gateway = self._gateway, None
        if gateway is None:
            return
        gateway.shutdown()
        with suppress(OSError):
            gateway.proc.stdin.close()  # it ends with that
        try:
            gateway.proc.wait(GRACE)
        except subprocess.TimeoutExpired:
            gateway.proc.kill()
            gateway.proc.wait()
        context._gateway = context._jvm = None  # noqa: SLF001 - for the next one


def _session_id(lease_id: str) -> str:
    return str(uuid.UUID(lease_id))


def _complete(remote: str) -> str:
    """An address with its user, since another user does not find the session."""
    address, _, rest = remote.removeprefix("sc://").partition("/")
    words = [one for one in rest.split(";") if one]
    user = os.environ.get("SPARK_USER") or os.environ.get("USER")
    if user and not any(one.startswith("user_id=") for one in words):
        words.append(f"user_id={user}")
    return "".join([f"sc://{address}/", *(f";{one}" for one in words)])


def _without_token(address: str) -> str:
    return re.sub(r";token=[^;]*", "", address)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


SparkSession = ResourceManager(SparkSessionManager, name="SparkSession")

KIND = Kind(
    "spark",
    SparkSessionManager,
    {"remote": (str, None)},
    {"session": re.compile("([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?")},
    manager=SparkSession,
    module="pyspark",
    install="resnb[spark]",
)
