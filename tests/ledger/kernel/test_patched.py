"""Processes whose threads a library has replaced: one line instead of a hang."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from resnb.errors import LedgerError
from resnb.ledger.kernel.keeper import KEEPER
from tests.run.scripts import HEAD, LIMIT

FLOW = """
with Flow("f") as flow:
    with Thing() as thing:
        task(lambda one: None, name="t")(thing)
try:
    flow.run()
except Exception as error:
    say(error)
"""


def test_under_gevent_the_first_lease_is_refused_in_one_line(ledger_home):
    code = f"from gevent import monkey; monkey.patch_all()\n{HEAD}{FLOW}"
    said = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=LIMIT)
    (line,) = said.splitlines()
    assert line.startswith("gevent has replaced the threads and sockets of this process")
    assert not ledger_home.exists() or not list(ledger_home.iterdir())


@pytest.mark.parametrize(
    ("module", "question"),
    [("gevent.monkey", "is_module_patched"), ("eventlet.patcher", "is_monkey_patched")],
)
@pytest.mark.parametrize("patched", ["threading", "subprocess", "socket", None])
def test_what_is_only_imported_or_patched_elsewhere_is_fine(monkeypatch, module, question, patched):
    library = SimpleNamespace(**{question: lambda name: name == patched})
    monkeypatch.setitem(sys.modules, module, library)
    if patched is None:
        KEEPER.watch_ends()
        return
    with pytest.raises(LedgerError, match=r"use resources in a process that is not patched"):
        KEEPER.watch_ends()
