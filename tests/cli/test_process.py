"""``resnb`` as a process of its own: what it imports, what the doctor sees, a Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from resnb.ledger.admin.commands import LedgerCommands
from tests.ledger.worlds import PATIENCE, end_sweepers, gone, here, lease, pickled

ROOT = Path(__file__).parents[2]
HEAVY = {"IPython", "dask", "distributed", "numpy", "pandas", "cloudpickle", "psutil", "graphviz"}
PROBE = """
import sys
from resnb.cli.main import main
main(["ls"], standalone_mode=False)
print(*sys.modules)
"""


def started(home, *words, **options):
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "RESNB_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def finished(process):
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def test_ls_imports_no_library_that_takes_long(tmp_path):
    LedgerCommands(tmp_path).store.add(lease("a", here()))
    code, output = finished(started(tmp_path, "-c", PROBE))
    assert code == 0, output
    assert set(output.split()) & HEAVY == set()


def test_the_doctor_finds_a_healthy_machine_healthy(tmp_path):
    code, output = finished(started(tmp_path / "ledger", "-m", "resnb.cli.main", "doctor"))
    assert code == 0, output
    *lines, lab, views = [line.split(":")[0] for line in output.splitlines()]
    assert lines == ["ok   ledger", "ok   reaper", "ok   recipes", "ok   pictures"]
    assert lab in ("ok   JupyterLab", "info JupyterLab")  # news: nothing depends on it
    assert views == "ok   live views"
    assert LedgerCommands(tmp_path / "ledger").leases(closed=True) == []


def test_the_doctor_finds_what_breaks_the_promise(tmp_path):
    home = tmp_path / "ledger"
    LedgerCommands(home).store.add(lease("a", gone(), state="failed", name="etl/db"))
    (home / "leases.db.damaged-1").touch()
    home.chmod(0o777)
    code, output = finished(started(home, "-m", "resnb.cli.main", "doctor"))
    assert code == 1, output
    assert "BAD  ledger:" in output
    assert "chmod go-w" in output
    assert "set aside: leases.db.damaged-1" in output
    home.chmod(0o700)
    code, output = finished(started(home, "-m", "resnb.cli.main", "doctor"))
    assert "info leases: not cleaned up: etl/db; see resnb ls" in output


def test_ctrl_c_ends_the_waiting_and_not_the_clean_up(tmp_path):
    home, gate, log = tmp_path / "ledger", tmp_path / "gate", tmp_path / "log"
    os.mkfifo(gate)
    commands = LedgerCommands(home)
    commands.store.add(lease("a", gone(), **waiting_for(gate, log)))
    sweep = started(home, "-m", "resnb.cli.main", "sweep", start_new_session=True)
    with gate.open("w") as go:  # opens when the clean-up does
        os.killpg(sweep.pid, signal.SIGINT)
        code, output = finished(sweep)
        assert (code, output.strip()) == (1, "Aborted!")
        go.write("go")
    assert commands.wait(PATIENCE) == []
    assert log.read_text() == "go"
    (one,) = commands.leases(closed=True)
    assert one.record.tries == 1
    end_sweepers(home)


def waiting_for(gate, log):
    """A recipe whose clean-up reads `gate` and writes what it read to `log`."""

    class Waiting:
        def __init__(self, gate, log):
            self.gate = gate
            self.log = log

        def cleanup(self, _):
            with Path(self.log).open("a") as file:
                file.write(Path(self.gate).read_text())

    return pickled(Waiting(str(gate), str(log)))
