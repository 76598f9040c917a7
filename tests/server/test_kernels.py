"""Whose a lease is: the id by which the server's pages know its kernel."""

import time

import psutil
import pytest

from resnb.ledger.owner import start_time
from tests.ledger.things import command_of, until
from tests.ledger.worlds import gone, here


@pytest.fixture
def kernel(server):
    """A kernel that the server has started: its id, and its owner's record."""
    answer = server.ask("POST", "/api/kernels", {"name": "python3"})
    assert answer.status == 201, answer.text
    known = answer.json["id"]
    (pid,) = until(lambda: kernels_below(server.process.pid))
    try:
        yield known, here()._replace(pid=pid, started=start_time(pid))
    finally:
        server.ask("DELETE", f"/api/kernels/{known}")
        until(lambda: not psutil.pid_exists(pid))


def kernels_below(pid):
    """The kernels that a process has started; what they start themselves is none of them."""
    return [
        one.pid
        for one in psutil.Process(pid).children()
        if "ipykernel_launcher" in command_of(one.pid)
    ]


def test_a_lease_tells_which_of_the_servers_kernels_holds_it(server, lease, kernel):
    known, owner = kernel
    lease("a" * 32, owner, name="mine")
    lease("b" * 32, name="another process", dies_with_kernel=True)
    lease("c" * 32, gone(), name="nobody", state="kept", keep_until=time.time() + 1000)
    found = server.leases()
    assert {name: one["kernel_id"] for name, one in found.items()} == {
        "mine": known,
        "another process": None,
        "nobody": None,
    }
    assert {name for name, one in found.items() if one["ends_with_kernel"]} == {"another process"}
    kept = server.command("a" * 32, "keep")
    assert kept.json["leases"][0]["kernel_id"] == known
