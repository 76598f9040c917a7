"""What is there, counted outside resnb: the engines of `check_resource`."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker
import psutil
import psycopg

from benchmarks.crash.engine import script


class Folders:
    """Folders in the one for temporary files."""

    def count(self, lease_id):
        return len(list(Path(tempfile.gettempdir()).glob(f"*{lease_id}")))


class Processes:
    """Processes that have a variable."""

    def __init__(self, variable):
        self.mark = f"{variable}=".encode()

    def count(self, lease_id):
        return sum(self.mark + lease_id.encode() in one for one in self._environments())

    def _environments(self):
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                yield path.read_bytes()


class Containers:
    """Containers of an engine, which can be killed: they outlive it."""

    def __init__(self):
        self.socket = Path(os.environ["DOCKER_HOST"].removeprefix("unix://"))

    def count(self, lease_id):
        filters = {"label": f"resnb.lease={lease_id}"}
        with closing(docker.from_env(version="1.41")) as client:
            return len(client.api.containers(all=True, filters=filters))

    def stop(self):
        service = self._service()
        self.command, self.environment = service.cmdline(), service.environ()
        service.kill()
        psutil.wait_procs([service], 10)
        self.socket.unlink()

    def start(self):
        subprocess.run(["setsid", "--fork", *self.command], env=self.environment, check=True)
        never, deadline = threading.Event(), time.monotonic() + 30
        while not self.socket.exists():
            assert time.monotonic() < deadline
            never.wait(0.05)
        self.socket.with_name("pid").write_text(str(self._service().pid))

    def _service(self):
        found = psutil.process_iter(["cmdline"])
        address = f"unix://{self.socket}"
        return next(one for one in found if address in (one.info["cmdline"] or ()))


class Databases:
    """Databases of a server, which can be killed."""

    def __init__(self, server):
        self.server = server
        self.stop, self.start = server.kill, server.start

    def count(self, lease_id):
        with psycopg.connect(self.server.url_of("postgres")) as db:
            query = (
                "select count(*) from pg_database where datname like %s"
                " or shobj_description(oid, 'pg_database') like %s"
            )
            return db.execute(query, [f"%{lease_id}%"] * 2).fetchone()[0]


_OPTIONS = """
from dask_gateway_server.options import Mapping, Options
c.Backend.cluster_options = Options(Mapping("environment", {}))
c.ClusterConfig.worker_cmd"""


@contextmanager
def gateway_server(folder):
    """The URL of a Dask Gateway whose users may give their clusters variables, as most do."""
    starter = folder / "dask-gateway"
    text = script("dask-gateway").read_text()
    starter.write_text(text.replace("c.ClusterConfig.worker_cmd", _OPTIONS.lstrip(), 1))
    variables = {**os.environ, "GATEWAY_PYTHON": sys.executable}

    def run(verb):
        command = ["bash", starter, verb, folder]
        return subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)

    try:
        yield run("start").stdout.strip()
    finally:
        run("stop")
