"""How long leases last: age, idleness, and what survives its kernel to be adopted by another."""

import signal

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.clock import now
from resnb.ledger.store.store import Store
from tests.ledger.held import held, killed
from tests.ledger.things import settle, until
from tests.run.scripts import lines_until, outcome

KEPT = """
@resource_manager(on="failure", keep=KEEP)
class Kept:
    def __init__(self, size):
        self.log, self.size = log, size
    def setup(self):
        with open(self.log, "a") as file:
            file.write("setup\\n")
        return f"thing {self.size}"
    def attach(self, handle):
        with open(self.log, "a") as file:
            file.write("attach\\n")
        return handle
    def cleanup(self, thing):
        with open(self.log, "a") as file:
            file.write(f"cleanup\\n")

(scope,) = hold(lambda: Kept(SIZE))
say(scope.value)
wait()
"""


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def kept(log, size=1, keep=600.0):
    return held(log, KEPT.replace("KEEP", str(keep)).replace("SIZE", str(size)))


def words(log):
    return log.read_text().split() if log.exists() else []


def until_kept(home):
    """Wait until the only lease outlives its kernel; gives its record."""
    return until(lambda: next((one for one in Store(home).alive() if one.state == "kept"), None))


def end(kernel, how):
    if how == "killed":
        killed(kernel)
    elif how == "terminated":
        kernel.send_signal(signal.SIGTERM)
        kernel.communicate()
    else:
        assert outcome(kernel)[1:] == ("", 0)


ENDS = ["killed", "terminated", "exits"]


@pytest.fixture
def patient(monkeypatch):
    """Reapers do not take a kernel that is slow for one that hangs."""
    monkeypatch.setenv("RESNB_TEST_FENCE", "60")


CELL_ENDED = "KEEPER.activity.begin('cell'); KEEPER.activity.end('cell')"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("dies", [False, True])
def test_a_kernel_that_has_just_run_a_cell_is_asked_again_and_cleans_up_itself(
    ledger_home, log, dies
):
    kernel = held(
        log,
        f"""
Held.dies_with_kernel = {dies}
(scope,) = hold(Held.options(idle_timeout=0.5))
{CELL_ENDED}; wait()""",
    )
    lines_until(kernel, "open")
    until(lambda: words(log))
    assert log.read_text() == f"cleaned {kernel.pid}\n"
    until(lambda: Store(ledger_home).alive() == [])
    assert outcome(kernel)[1:] == ("", 0)
    settle(ledger_home)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("limit", "seconds"), [("ttl", 600.0), ("idle_timeout", 0.5)])
def test_a_kernel_that_is_alive_cleans_up_itself(ledger_home, log, limit, seconds):
    kernel = held(log, f"hold(Held.options({limit}={seconds})); wait()")
    lines_until(kernel, "open")
    if limit == "ttl":  # which is not over before the run is
        (one,) = Store(ledger_home).alive()
        assert one.ttl == seconds
        Store(ledger_home).change(one.id, ttl=0.1)
    until(lambda: words(log))
    assert log.read_text() == f"cleaned {kernel.pid}\n"
    until(lambda: Store(ledger_home).alive() == [])
    assert outcome(kernel)[1:] == ("", 0)
    settle(ledger_home)
    assert words(log).count("cleaned") == 1


USES = {
    "a value": """
store, (lease,) = KEEPER.book.store, KEEPER.alive()
first = store.get(lease.id).used
while store.get(lease.id).used < first + 1.0:  # until the reaper was told of later use
    assert scope.value == "thing"
    never.wait(0.1)
""",
    "a cell": f"""
{CELL_ENDED}; KEEPER.activity.begin("another")
store, (lease,) = KEEPER.book.store, KEEPER.alive()
first = store.get(lease.id).used
while store.get(lease.id).used < first + 2.0:  # until it was asked again and again
    assert scope.value == "thing"
    never.wait(0.1)
KEEPER.activity.end("another")
""",
    "a run": """
with Flow("g") as other:
    with Held.options(on="always", idle_timeout=1)("inner") as inner:
        task(lambda thing: never.wait(2.5))(inner)
assert other.run().is_successful()
assert "inner" in open(log).read()
""",
}


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "use", [pytest.param("a value", marks=pytest.mark.long), "a cell", "a run"]
)
def test_what_is_in_use_is_not_idle(ledger_home, log, use):
    kernel = held(
        log,
        f"""
never = threading.Event()
(scope,) = hold(Held.options(idle_timeout={4 if use == "a value" else 1}))
{USES[use]}
say("used")
wait()
""",
    )
    lines_until(kernel, "used")
    until(lambda: "cleaned" in words(log))
    assert outcome(kernel)[1:] == ("", 0)
    settle(ledger_home)


@pytest.mark.sample(1)
@pytest.mark.parametrize("how", ENDS)
def test_what_is_kept_survives_its_kernel_for_so_long(ledger_home, log, how):
    kernel = kept(log)
    lines_until(kernel, "thing 1")
    end(kernel, how)
    one = until_kept(ledger_home)
    assert one.keep_until > now() + 300.0
    assert words(log) == ["setup"]
    Store(ledger_home).change(one.id, keep_until=now())
    settle(ledger_home)
    assert words(log) == ["setup", "attach", "cleanup"]
    assert LedgerCommands(ledger_home).leases() == []


@pytest.mark.sample(1)
@pytest.mark.parametrize("how", ENDS)
def test_the_next_kernel_adopts_what_is_kept(ledger_home, log, how):
    kernel = kept(log)
    lines_until(kernel, "thing 1")
    end(kernel, how)
    until_kept(ledger_home)
    another = kept(log, keep=0.2)
    lines_until(another, "thing 1")
    assert words(log) == ["setup", "attach"]
    killed(another)
    settle(ledger_home)
    assert words(log)[2:] in (["attach", "cleanup"], ["cleanup"])
    assert LedgerCommands(ledger_home).leases() == []


def test_other_arguments_adopt_nothing(ledger_home, log):
    kernel = kept(log)
    lines_until(kernel, "thing 1")
    killed(kernel)
    one = until_kept(ledger_home)
    another = kept(log, size=2, keep=0.1)
    lines_until(another, "thing 2")
    killed(another)
    Store(ledger_home).change(one.id, keep_until=now())
    settle(ledger_home)
    assert words(log).count("setup") == words(log).count("cleanup") == 2


def test_of_two_kernels_one_adopts(ledger_home, log):
    kernel = kept(log)
    lines_until(kernel, "thing 1")
    killed(kernel)
    until_kept(ledger_home)
    others = [kept(log, keep=0.1) for _ in range(3)]
    for one in others:
        lines_until(one, "thing 1")
    assert sorted(words(log)) == ["attach", "setup", "setup", "setup"]
    for one in others:
        killed(one)
    settle(ledger_home)
    assert words(log).count("cleanup") == 3
    assert LedgerCommands(ledger_home).leases() == []
