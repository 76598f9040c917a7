"""``%resources`` and the leases of other kernels: what is listed, cleaned up, kept and refused."""

import itertools
import os

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.kernel.client import Kernel
from tests.kernel.conftest import BEGIN
from tests.ledger.worlds import ELSEWHERE, appending, end_sweepers, failing, gone, here, lease

LATER = 2e10
"""When a kept lease ends, in seconds since the epoch: not during these tests."""
_numbers = itertools.count()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("ledger")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, home):
    folder = tmp_path_factory.mktemp("kernel")
    kernel = Kernel(folder, BEGIN, env={**os.environ, "RESNB_HOME": str(home)})
    yield kernel
    kernel.close()


@pytest.fixture
def ledger(home):
    """The kernel's ledger, where other kernels have leases too, until the test ends."""
    yield LedgerCommands(home)
    end_sweepers(home)


def added(ledger, *records):
    for one in records:
        called = {"name": f"etl/{one.id}", "notebook": f"/nb/{one.id}.ipynb"}
        ledger.store.add(one._replace(id=f"{one.id}{next(_numbers)}", **called))


LIST = """
etl/c   open     this kernel
etl/a   open     /nb/a.ipynb
etl/b   kept     /nb/b.ipynb, whose kernel has ended
etl/c1  unknown  /nb/c1.ipynb, whose kernel cannot be seen from here  whether its kernel has ended cannot be seen from here; if it has: resnb adopt etl/c1
etl/d   failed   /nb/d.ipynb, whose kernel has ended          OSError: no <Thing>
"""


def test_all_kernels_are_listed_with_their_notebooks(notebook, ledger):
    added(
        ledger,
        lease("d", gone(), state="failed", reason="OSError: no <Thing at 0x7f00>"),
        lease("c1", ELSEWHERE),
        lease("b", gone(), state="kept", keep_until=LATER),
        lease("a", here()),
    )
    notebook.run("%%flow etl --with Cluster(2) as c --run\nx = use(c)")
    shown = notebook.run("%resources --all")
    wide = [line.split("  ") for line in LIST.strip().splitlines()]
    narrow = [line.split("  ") for line in shown.stdout.strip().splitlines()]
    assert [list(filter(None, one)) for one in narrow] == [list(filter(None, one)) for one in wide]
    assert notebook.run("%resources --all").stdout == shown.stdout
    assert notebook.run("%resources").stdout == "etl/c  open\n"


def test_nothing_is_listed_where_there_is_nothing(notebook, ledger):
    assert notebook.run("%resources --all").stdout == "no resources are open\n"


def test_what_an_ended_kernel_left_is_cleaned_up_by_name(notebook, ledger, tmp_path):
    log = tmp_path / "log"
    values = {"state": "kept", "keep_until": LATER, **appending(log, "gone")}
    added(ledger, lease("old", gone(), **values))
    assert notebook.run("%resources cleanup etl/old").stdout == "cleaned up etl/old\n"
    assert log.read_text() == "gone\n"
    assert ledger.leases() == []


def test_a_clean_up_that_fails_elsewhere_is_an_error(notebook, ledger):
    added(ledger, lease("old", gone(), **failing()))
    shown = notebook.fail("%resources cleanup etl/old")
    assert shown.error == "CleanupError"
    assert shown.message == "not cleaned up: etl/old: OSError: stuck"


@pytest.mark.parametrize("command", ["cleanup etl/x", "keep etl/x 5m"])
@pytest.mark.parametrize(("owner", "where"), [(here, "(/nb/x.ipynb)"), (None, "cannot be seen")])
def test_what_another_kernel_holds_is_left_to_that(notebook, ledger, command, owner, where):
    added(ledger, lease("x", owner() if owner else ELSEWHERE))
    before = ledger.leases()
    shown = notebook.fail(f"%resources {command}")
    assert shown.message.startswith("etl/x is held by another kernel")
    assert where in shown.message
    assert ledger.leases() == before


def test_what_is_kept_can_be_kept_longer(notebook, ledger):
    added(ledger, lease("x", gone(), state="kept", keep_until=LATER))
    shown = notebook.run("%resources keep etl/x 1h")
    assert shown.stdout == "etl/x: kept for 1h from now on\n"
    (one,) = ledger.leases()
    assert one.is_kept
    assert one.record.keep_until < LATER


def test_cleanup_without_a_name_is_about_this_kernel_only(notebook, ledger):
    added(ledger, lease("x", gone(), state="kept", keep_until=LATER))
    notebook.run("%%flow etl --with Cluster(2) as c --run\nx = use(c)")
    assert notebook.run("%resources cleanup").stdout == "cleaned up etl/c\n"
    assert [one.name for one in ledger.leases()] == ["etl/x"]
