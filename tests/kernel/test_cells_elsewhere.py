"""Resources that cells define outlive their kernel's death, and are cleaned up all the same."""

import os
import signal

import pytest

from resnb.ledger.store.store import Store
from tests.kernel.client import Kernel, wait_for

START = """
%load_ext resnb
import os, signal, subprocess
from pathlib import Path
from resnb import resource

def start():
    return subprocess.Popen(["sleep", "1000"], start_new_session=True)

def stop(process):
    process.kill()
    process.wait()
"""
NOTED = """Path("pid").write_text(str(process.pid))"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"

OPEN = {
    "cell": f"""
%%resource machine(suffix=".txt")
process = start()
{NOTED}
yield process
stop(process)
Path("cleaned" + suffix).touch()
""",
    "cell with commands": f"""
%%resource machine(suffix=".txt")
process = start()
{NOTED}
yield process
!kill -9 {{process.pid}}
!touch cleaned$suffix
""",
    "generator function": f"""
@resource
def machine(suffix=".txt"):
    process = start()
    {NOTED}
    try:
        yield process
    finally:
        stop(process)
        Path("cleaned" + suffix).touch()
""",
}
HALF_MADE = {
    "cell that records": f"""
%%resource machine(suffix=".txt")
process = start()
{NOTED}
lease.record(process)
{DIE}
yield process
stop(process)
Path("cleaned" + suffix).touch()
""",
    "cell with find": f"""
%%resource machine(suffix=".txt")
def find(lease_id):
    import psutil
    tag = f"0.{{int(lease_id, 16)}}"
    tagged = [one for one in psutil.process_iter(["cmdline"]) if tag in (one.info["cmdline"] or ())]
    return tagged[0] if tagged else None
process = subprocess.Popen(["sleep", "1000", f"0.{{int(lease.id, 16)}}"], start_new_session=True)
{NOTED}
{DIE}
yield process
stop(process)
Path("cleaned" + suffix).touch()
""",
}
USE = "%%flow etl --with machine(suffix='.ok') --run\n# open"


@pytest.fixture
def kernel(tmp_path, ledger_home):
    kernel = Kernel(tmp_path, START)
    yield kernel
    kernel.close()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def cleaned_up_by_the_reaper(folder):
    pid = int((folder / "pid").read_text())
    wait_for((folder / "cleaned.ok").exists, "the reaper")
    wait_for(lambda: not is_alive(pid), "the end of the process")


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", OPEN)
def test_what_is_open_when_the_kernel_is_killed(kernel, tmp_path, ledger_home, kind):
    kernel.run(OPEN[kind])
    kernel.run(USE)
    (record,) = Store(ledger_home).alive()
    assert (record.unprotected, record.notice) == ("", "")
    assert kernel.run("%flow plan etl").texts == ""
    assert is_alive(int((tmp_path / "pid").read_text()))
    os.kill(kernel.pid, signal.SIGKILL)
    cleaned_up_by_the_reaper(tmp_path)


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", HALF_MADE)
def test_what_is_half_made_when_the_kernel_is_killed(kernel, tmp_path, kind):
    kernel.run(HALF_MADE[kind])
    kernel.send(USE)
    kernel.wait_until_gone()
    cleaned_up_by_the_reaper(tmp_path)


def test_the_plan_tells_the_marks_of_what_is_open(kernel):
    kernel.run("%%resource machine\nguard = open('x', 'w')\nyield 1\nguard.close()")
    kernel.run("%%flow etl --with machine --run\n# open")
    assert kernel.run("%flow plan etl").stdout.splitlines()[-1] == (
        "machine: if the kernel dies during set-up this may leak: define find(lease_id), or call self.lease.record(handle) early; unprotected once "
        "open: variable 'guard' (TextIOWrapper) does not pickle: PicklingError: Cannot "
        "pickle files that are not opened for reading: w"
    )
    kernel.run("%flow close etl")


def test_a_cell_that_takes_too_much_along_is_refused_before_its_set_up(kernel):
    kernel.run("table = bytearray(50_000_000)\nmade = []")
    kernel.run("%%resource machine\nmade.append(1)\nyield 1\nlen(table)")
    shown = kernel.fail("%%flow etl --with machine --run\n# open")
    assert "the largest part is name 'table' with 50,000," in shown.message
    assert kernel.value("made") == []
    kernel.run("%flow close etl")
