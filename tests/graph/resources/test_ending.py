"""Objects of any library as resources: in which order they are ended by what, with real ones."""

import asyncio
import inspect
import multiprocessing
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import psutil
import pytest

from resnb import resource
from resnb.errors import CleanupError, GraphError
from resnb.graph.resources import known_endings
from resnb.graph.resources.ending import METHODS, ending_method
from tests.ledger.worlds import wait_for

SLEEP = [sys.executable, "-Sc", "import time; time.sleep(600)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """A process that is told to end is given the time that a busy machine takes for it."""
    monkeypatch.setattr(known_endings, "GRACE", 60.0)


def life(manager, use=lambda made: None):
    """Set up, use and clean up as a lease does it; gives the resource."""
    made = manager.resource_class()

    async def whole():
        async def called(function, *args):
            done = function(*args)
            return await done if inspect.isawaitable(done) else done

        found = await called(made.setup)
        await called(use, found)
        await called(made.cleanup, found)
        return found

    return asyncio.run(whole())


def of(*names, **more):
    """A class whose objects have methods of these names, which say that they were called."""
    log = []

    def method(name):
        return lambda self: log.append(name)

    return type("Thing", (), {**{name: method(name) for name in names}, **more, "log": log})


# ---- what is called


@pytest.mark.parametrize("name", METHODS)
def test_each_of_the_methods_ends_an_object(name):
    kind = of(name)
    assert life(resource(kind)).log == [name]


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["close", "quit"], "quit"),  # of a browser, `close` only closes a window
        (["shutdown", "close"], "close"),  # of a client of memcached, `shutdown` ends its server
        (["stop", "terminate"], "terminate"),  # of an instance of EC2
        (["shutdown", "destroy"], "destroy"),  # of a droplet
        (["stop", "remove"], "remove"),  # of a container
        (["stop", "shutdown"], "shutdown"),
        (["stop", "close"], "close"),  # of an event loop
        (["cleanup", "stop"], "stop"),  # a `cleanup` that does not take the resource
    ],
)
def test_the_most_fitting_method_is_called(names, called):
    assert life(resource(of(*names))).log == [called]


def test_a_context_manager_is_left_rather_than_closed():
    kind = of("close", __enter__=lambda self: 5, __exit__=lambda self, *_: self.log.append("left"))
    assert life(resource(kind)) == 5
    assert kind.log == ["left"]


def test_a_method_that_needs_arguments_is_passed_over():
    assert life(resource(of("stop", close=lambda self, how: None))).log == ["stop"]
    assert life(resource(of("stop", close=lambda self, how=1: self.log.append("c")))).log == ["c"]
    assert life(resource(of("stop", close=staticmethod(lambda how: None)))).log == ["stop"]
    assert ending_method(socket.socket) == "close", "its shutdown needs an argument"


def test_an_async_method_is_awaited():
    async def close(self):
        self.log.append("closed")

    assert life(resource(of(close=close))).log == ["closed"]


def test_what_makes_objects_may_be_any_callable():
    kind = of("stop")

    async def later():
        return kind()

    for makes in (kind, lambda: kind(), partial(kind), later):
        kind.log.clear()
        assert life(resource(makes)).log == ["stop"]
    assert resource(partial(kind)).name == "Thing"


def test_an_object_is_used_at_once():
    thing = of("stop")()
    with resource(thing) as found:
        assert found is thing
    assert thing.log == ["stop"]


class Manager:
    def __init__(self):
        self.log = []

    def close(self):
        self.log.append("closed")

    def cleanup(self, resource):
        self.log.append("cleaned up")


def test_a_manager_is_one_whatever_else_it_has():
    made = resource(Manager).resource_class()
    made.cleanup(None)
    assert made.log == ["cleaned up"]


@pytest.mark.parametrize("definition", [5, "text", [1], {1}, {}, sys, of("stop", "x")().log])
def test_what_nothing_ends(definition):
    with pytest.raises(GraphError, match="is no resource: it is no context manager, and has no m"):
        resource(definition)


def test_a_function_that_gives_what_nothing_ends():
    with pytest.raises(GraphError, match=r"'gives' made 'dict', which nothing ends: .*release;"):
        life(resource(lambda: {"a": 1}, name="gives"))


# ---- processes


def test_a_process_is_ended_and_its_pipes_are_closed():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    found = life(resource(partial(subprocess.Popen, SLEEP, **pipes)))
    assert found.returncode == -signal.SIGTERM
    assert found.stdin.closed
    assert found.stdout.closed


def test_a_process_that_has_ended_is_left_alone():
    made = resource(partial(subprocess.Popen, ["true"])).resource_class()
    found = made.setup()
    assert found.wait() == 0
    made.cleanup(found)
    made.cleanup(found)
    assert found.returncode == 0


def test_a_process_that_does_not_obey_is_killed(monkeypatch):
    monkeypatch.setattr(known_endings, "GRACE", 0.2)
    command = [sys.executable, "-c", STUBBORN]
    popen = partial(subprocess.Popen, command, stdout=subprocess.PIPE)
    assert life(resource(popen), lambda one: one.stdout.readline()).returncode == -signal.SIGKILL


def test_a_process_that_cannot_be_killed_is_an_error(monkeypatch):
    monkeypatch.setattr(known_endings, "GRACE", 0.01)

    class Stuck(subprocess.Popen):
        def terminate(self): ...

        kill = terminate

    made = resource(partial(Stuck, SLEEP)).resource_class()
    found = made.setup()
    with pytest.raises(CleanupError, match=f"process {found.pid} cannot be ended, not even by SIG"):
        made.cleanup(found)
    subprocess.Popen.kill(found)
    found.wait(60)
    made.cleanup(found)


def has_ended(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("popen", [subprocess.Popen, psutil.Popen], ids=["subprocess", "psutil"])
def test_a_process_that_leads_its_group_takes_that_along(popen):
    script = "sleep 600 & echo $!; exec sleep 600"
    start = partial(popen, script, shell=True, start_new_session=True, stdout=subprocess.PIPE)
    others = []

    def read(process):
        others.append(psutil.Process(int(process.stdout.readline())))

    life(resource(start), read)
    (other,) = others
    wait_for(lambda: has_ended(other), "the other one to end")


@pytest.mark.parametrize("is_started", [False, True])
def test_a_process_of_multiprocessing_is_started_and_ended(is_started):
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    if is_started:
        process.start()
    life(resource(lambda: process), lambda one: one.is_alive() or pytest.fail("it does not run"))
    assert process.exitcode == -signal.SIGTERM
    process.close()


def test_a_process_of_asyncio():
    assert life(resource(partial(asyncio.create_subprocess_exec, *SLEEP))).returncode == -15


# ---- servers, connections, files


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()


@pytest.mark.parametrize("is_served", [False, True])
def test_a_server_is_stopped_if_it_serves(is_served):
    threads = []

    def serve(server):
        if is_served:
            threads.append(threading.Thread(target=server.serve_forever))
            threads[0].start()
            with socket.create_connection(server.server_address) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert client.recv(13) == b"HTTP/1.0 204 "

    server = life(resource(partial(ThreadingHTTPServer, ("127.0.0.1", 0), Answers)), serve)
    for one in threads:
        one.join(60)
        assert not one.is_alive()
    assert server.fileno() == -1
    assert isinstance(server, socketserver.BaseServer)


def test_a_connection_to_a_database_is_committed_and_closed(tmp_path):
    path = tmp_path / "db"
    connect = partial(sqlite3.connect, path)
    connection = life(resource(connect), lambda one: one.execute("create table t as select 1"))
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("select 1")
    other = sqlite3.connect(path)
    assert other.execute("select * from t").fetchall() == [(1,)]
    other.close()


class Refusing:
    """A connection whose `with` closes it, and that refuses to be closed twice, like pymysql's."""

    def __init__(self):
        self.log = []

    def cursor(self): ...
    def commit(self): ...
    def rollback(self): ...
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.log.append("closed")
        if len(self.log) > 1:
            raise RuntimeError("already closed")


def test_a_connection_may_be_closed_by_its_block():
    assert life(resource(Refusing)).log == ["closed"] * 2
    assert life(resource(type("Knows", (Refusing,), {"closed": 1}))).log == ["closed"]


@pytest.mark.parametrize("kind", [tempfile.NamedTemporaryFile, tempfile.TemporaryDirectory])
def test_what_is_temporary_is_removed(kind):
    paths = []
    life(resource(kind), lambda found: paths.append(Path(getattr(found, "name", found))))
    assert [path.exists() for path in paths] == [False]


def test_a_folder_that_is_no_object():
    with pytest.raises(GraphError, match="'mkdtemp' made 'str', which nothing ends"):
        life(resource(tempfile.mkdtemp))


def test_an_archive_is_closed(tmp_path):
    archive = life(resource(partial(ZipFile, tmp_path / "a.zip", "w")))
    assert archive.fp is None


def test_an_executor_ends_what_it_was_given():
    done = []
    life(resource(partial(ThreadPoolExecutor, 1)), lambda pool: pool.submit(done.append, 1))
    assert done == [1]


@pytest.mark.parametrize("name", ["requests.Session", "httpx.Client", "httpx.AsyncClient"])
def test_sessions(name):
    module, _, kind = name.partition(".")
    life(resource(getattr(import_module(module), kind)))


def test_an_async_session_whose_plain_block_refuses():
    import aiohttp

    assert life(resource(aiohttp.ClientSession)).closed


def test_an_engine_of_sqlalchemy():
    import sqlalchemy

    used = []

    def use(engine):
        with engine.connect() as one:
            used.append((engine.pool, one.execute(sqlalchemy.text("select 1")).scalar()))

    engine = life(resource(partial(sqlalchemy.create_engine, "sqlite://")), use)
    ((pool, value),) = used
    assert value == 1
    assert engine.pool is not pool
