"""A server that is told to stop: what it waits for, for how long, and who ends the waiting."""

import asyncio
import logging
import os
import time

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.store.store import Store
from resnb.server import stopping
from resnb.server.stopping import Pending, StopWait
from tests.ledger.things import until
from tests.ledger.worlds import ELSEWHERE, gone, here
from tests.ledger.worlds import lease as made
from tests.server.served import PATIENCE, Served, end_all

# ---- what it waits for


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "ledger")


def pending(store, kernels=()):
    return [one.name for one in Pending(kernels).of(LedgerCommands(store.home).leases())]


def test_it_waits_for_what_its_own_kernels_hold(store):
    store.add(made("a" * 32, here(), name="mine"))
    assert pending(store, [os.getsid(0)]) == ["mine"]
    assert pending(store, [2**22 + 1]) == [], "another server's kernel"
    store.change("a" * 32, keep=60.0)
    assert pending(store, [os.getsid(0)]) == [], "it is to survive its kernel"


def test_it_waits_for_what_is_being_cleaned_up_for_kernels_that_ended_before(store):
    store.add(made("a" * 32, gone(), name="open"))
    kept = {"state": "kept", "keep": 60.0, "keep_until": time.time() + 1000}
    store.add(made("b" * 32, gone(), name="kept", **kept))
    store.add(made("c" * 32, gone(), name="later", state="failed", next_try=4e9))
    store.add(made("d" * 32, ELSEWHERE, name="unseen"))
    assert pending(store) == ["open"]


def test_a_lease_stays_awaited_when_its_kernel_has_ended(store):
    store.add(made("a" * 32, here(), name="mine"))
    awaited = Pending([os.getsid(0)])
    leases = LedgerCommands(store.home).leases()
    assert awaited.of(leases)
    ended = [one._replace(kernel="dead") for one in leases]
    assert awaited.of(ended)
    failing = ended[0].record._replace(state="failed", next_try=4e9)
    assert awaited.of([ended[0]._replace(record=failing)]), "it is tried again while we wait"
    kept = ended[0].record._replace(state="kept", keep=60.0, keep_until=4e9)
    assert not awaited.of([ended[0]._replace(record=kept)])


# ---- for how long


class Ledger:
    """Gives lists one after the other, the last one for ever; knows what was asked for."""

    def __init__(self, *lists):
        self.lists = list(lists)
        self.looks = 0
        self.asked = []

    async def look(self):
        self.looks += 1
        found = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def ask(self, leases):
        self.asked += [one.name for one in leases]


@pytest.fixture
def one(store):
    store.add(made("a" * 32, here(), name="thing"))
    return LedgerCommands(store.home).leases()


def asked_for(leases):
    return [one._replace(record=one.record._replace(request="cleanup")) for one in leases]


def waits(ledger, seconds=30.0):
    return StopWait(
        seconds, ledger.look, ledger.ask, lambda: {os.getsid(0): "k"}, logging.getLogger("stopping")
    )


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(stopping, "LOOK_EVERY", 0.001)


def test_kernels_are_asked_to_clean_up_until_nothing_is_left(one):
    ledger = Ledger(one, asked_for(one), asked_for(one), [])
    asyncio.run(waits(ledger).wait())
    assert (ledger.asked, ledger.looks) == (["thing"], 4)


def test_with_nothing_to_wait_for_it_looks_once():
    ledger = Ledger([])
    asyncio.run(waits(ledger).wait())
    assert (ledger.asked, ledger.looks) == ([], 1)


def test_with_0_seconds_it_does_not_even_look(one):
    ledger = Ledger(one)
    asyncio.run(waits(ledger, 0.0).wait())
    assert ledger.looks == 0


def test_it_gives_up_when_its_time_is_over_and_names_what_is_left(one, caplog):
    asyncio.run(waits(Ledger(one), 0.02).wait())
    assert caplog.records[-1].levelname == "WARNING"
    assert caplog.records[-1].getMessage().endswith("resnb sweep): thing")


def test_a_ledger_that_cannot_be_read_for_a_moment_ends_no_waiting(one, caplog):
    ledger = Ledger(one, OSError("stale"), asked_for(one), [])
    asyncio.run(waits(ledger).wait())
    assert ledger.looks == 4
    assert "stale" in caplog.text


def test_a_ledger_that_never_answers_holds_up_nobody(caplog):
    class Silent(Ledger):
        async def look(self):
            await asyncio.Event().wait()

    asyncio.run(waits(Silent([]), 0.02).wait())
    assert "TimeoutError" in caplog.text


def test_a_second_request_ends_the_waiting(one):
    async def twice():
        stop = waits(Ledger(one), 1000.0)
        first = asyncio.ensure_future(stop.wait())
        await asyncio.sleep(0)
        await asyncio.wait_for(stop.wait(), PATIENCE)
        await asyncio.wait_for(first, PATIENCE)

    asyncio.run(twice())


# ---- a real one

SLOW = """
%load_ext resnb
from resnb import resource_manager

@resource_manager
class Slow:
    def setup(self):
        return "thing"

    def cleanup(self, thing):
        open({0!r}, "a").close()
        with open({1!r}) as pipe:
            pipe.read()
"""
OPEN = "%%flow stopped --with Slow() as thing --run --quiet\n# open"


@pytest.fixture
def serve(tmp_path, own_ipython_profile, no_orphans):
    """Starts a server whose kernel holds a resource whose clean-up waits for `go`."""
    os.mkfifo(tmp_path / "go")
    started = []

    def start(*options):
        served = Served(tmp_path, *options)
        started.append(served)
        answer = served.ask("POST", "/api/kernels", {"name": "python3"})
        run(tmp_path / "runtime" / f"kernel-{answer.json['id']}.json",
            SLOW.format(str(tmp_path / "begun"), str(tmp_path / "go")), OPEN)  # fmt: skip
        return served

    def let_go():
        with (tmp_path / "go").open("w"):
            pass

    start.let_go = let_go
    yield start
    for served in started:
        served.process.kill()
        end_all(Store(served.home))
        served.close()


def run(connection, *cells):
    from jupyter_client.blocking.client import BlockingKernelClient

    until(connection.exists)
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        for cell in cells:  # the kernel takes the first one as soon as it is there
            client.execute(cell)
            reply = client.get_shell_msg(timeout=PATIENCE)
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)


def test_a_server_stays_until_its_kernel_has_cleaned_up(serve, tmp_path):
    served = serve("--ResnbServer.stop_wait=1000")
    served.process.terminate()
    until((tmp_path / "begun").exists)
    assert served.process.poll() is None, served.log()
    serve.let_go()
    assert served.process.wait(PATIENCE) == 0, served.log()
    assert not Store(served.home).alive()


@pytest.mark.long
def test_a_server_leaves_when_its_time_is_over(serve):
    served = serve("--ResnbServer.stop_wait=3")
    served.process.terminate()
    assert served.process.wait(PATIENCE) == 0, served.log()
    assert "resnb leaves to whoever comes next" in served.log()
    assert [one.state for one in Store(served.home).alive()] == ["closing"]
    serve.let_go()
