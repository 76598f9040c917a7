"""The stream: what it tells and when, and readers that are slow, many or gone."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack

import psutil
import pytest
import websocket

import resnb
from resnb.ledger.owner import Owner, start_time, this_process
from tests.ledger.held import held, killed
from tests.ledger.worlds import gone, wait_for
from tests.ledger.worlds import lease as made
from tests.run.scripts import lines_until
from tests.server.served import PATIENCE, told

KEYS = {
    "id", "name", "state", "kernel", "pid", "notebook", "session", "created", "ended", "ttl",
    "idle_timeout", "keep", "keep_until", "protected", "checking", "remedy", "unfindable", "unprotected",
    "notice",
    "reason", "tries", "note", "asked", "kept", "orphan", "given_up",
    "kernel_id", "kernel_ended", "path", "ends_with_kernel",
}  # fmt: skip


def test_the_first_message_is_the_whole_state(server, lease):
    lease("abcd", notebook="/a.ipynb", reason="\x1b[31mred\x1b[0m <b>")
    with server.stream() as stream:
        message = json.loads(stream.recv())
    assert set(message) == {"version", "now", "leases", "total", "error"}
    assert (message["version"], message["total"], message["error"]) == (resnb.__version__, 1, "")
    assert abs(message["now"] - time.time()) < PATIENCE
    (one,) = message["leases"]
    assert set(one) == KEYS
    assert (one["id"], one["reason"], one["note"]) == ("abcd", "red <b>", "red <b>")
    assert [one] == server.ask("GET", "leases").json["leases"]


def test_each_step_of_a_lease_is_told(server, store, lease):
    with server.stream() as stream:
        told(stream, lambda found, _: not found)
        lease("abcd", state="opening", handle=None)
        assert told(stream, lambda found, _: found)["flow/abcd"]["state"] == "opening"
        store.change("abcd", state="open", handle=b"handle")
        told(stream, lambda found, _: found["flow/abcd"]["state"] == "open")
        assert server.command("abcd", "cleanup").status == 202
        assert told(stream, lambda found, _: found["flow/abcd"]["asked"])
        store.change("abcd", state="closing")
        told(stream, lambda found, _: found["flow/abcd"]["state"] == "closing")
        store.close("abcd", 3000.0)
        told(stream, lambda found, _: not found)


def test_a_kernels_own_leases_are_told_and_its_death(server, store, tmp_path, monkeypatch):
    monkeypatch.setenv("RESNB_HOME", str(server.home))
    with server.stream() as stream:
        kernel = held(tmp_path / "log", "hold(Held)\nwait()\n")
        try:
            lines_until(kernel, "open")
            (one,) = told(stream, lambda found, _: "open" in str(found)).values()
            assert one["pid"] == kernel.pid
        finally:
            killed(kernel)
        told(stream, lambda found, _: not found)
    assert (tmp_path / "log").read_text().startswith("cleaned")


def test_a_death_that_nobody_wrote_down_is_told(server, lease):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        me = this_process()
        kernel = Owner(me.machine, me.boot, me.namespace, process.pid, start_time(process.pid))
        lease("abcd", kernel)
        with server.stream() as stream:
            told(stream, lambda found, _: found["flow/abcd"]["kernel"] == "alive")
            process.kill()
            process.wait()
            one = told(stream, lambda found, _: found["flow/abcd"]["kernel"] == "dead")
            assert one["flow/abcd"]["orphan"] is True


def test_what_shows_nothing_new_is_not_told(server, store, lease):
    lease("abcd")
    with server.stream() as stream:
        stream.recv()
        store.change("abcd", used=2000.0)
        store.change("abcd", reason="told")
        assert told(stream, lambda *_: True)["flow/abcd"]["reason"] == "told"


def test_nothing_may_be_sent_to_it(server):
    with server.stream() as stream:
        stream.recv()
        stream.send("{}")
        opcode, data = stream.recv_data()
        assert opcode == 8
        assert data == b"\x03\xf0this stream is for reading only"


@pytest.mark.long
def test_a_slow_reader_slows_nobody_and_is_told_the_latest(server, store):
    store.restore(made(f"many{number}", this_process(), reason="x" * 1900) for number in range(500))
    with ExitStack() as stack:
        small = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
        slow = stack.enter_context(server.stream(sockopt=small))
        fast = stack.enter_context(server.stream())
        for number in range(CHANGES):
            store.change("many0", reason=f"change {number}")
            told(fast, lambda found, _, n=number: found["flow/many0"]["reason"] == f"change {n}")
        messages = 0
        while True:
            messages += 1
            found = json.loads(slow.recv())["leases"]
            if found[0]["reason"] == f"change {CHANGES - 1}":
                break
    assert messages < CHANGES  # of 2 MB each: one on its way, some in the system's buffers


def test_a_reader_that_is_gone_holds_nothing(server, lease):
    process = psutil.Process(server.process.pid)
    with server.stream() as stream:
        stream.recv()
    before = process.num_fds()
    for _ in range(READERS):
        with server.stream() as stream:
            stream.recv()
            stream.shutdown()  # without a word
    # the server may open some files of its own meanwhile, but none for each reader
    wait_for(lambda: process.num_fds() < before + READERS / 2, "the server to let go of them")


def test_there_are_not_more_streams_than_the_server_bears(server):
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(server.stream())
        answer = server.ask("GET", "stream", headers={**server.pass_by_token, **UPGRADE})
        assert answer.status == 503
        assert answer.json["message"] == "200 streams are open: close some of them"
    wait_for(lambda: _opens(server), "the server to let go of them")


def _opens(server):
    try:
        with server.stream():
            return True
    except (OSError, websocket.WebSocketException):
        return False


READERS = 20
CHANGES = 6
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}  # fmt: skip


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.long
def test_a_thousand_requests_at_once_are_all_answered(server, store, lease, many_files):
    for number in range(50):
        lease(f"live{number:02}")
    lease("dead", gone(), state="failed", tries=99, next_try=4e9)

    async def ask(number):
        path = ("leases", "leases?name=flow/live07", "leases/live07/cleanup", "leases/x/keep")[
            number % 4
        ]
        method = "GET" if number % 4 < 2 else "POST"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"{method} /resnb/api/{path} HTTP/1.1\r\nHost: {server.site}\r\nConnection: close\r\n"
            f"Authorization: token {server.token}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        await writer.wait_closed()
        return number % 4, int(answer.split()[1])

    async def ask_all():
        return Counter(await asyncio.gather(*map(ask, range(1000))))

    with server.stream() as stream:
        found = asyncio.run(ask_all())
        for kind, wanted in enumerate((200, 200, 202, 404)):
            assert found[kind, wanted] + found[kind, 503] == 250  # the latter if all is very slow
            assert found[kind, wanted] > 0
        assert told(stream, lambda found, _: found["flow/live07"]["asked"])
    assert server.ask("GET", "version").status == 200
    assert "Traceback" not in server.log()
