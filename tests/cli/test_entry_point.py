"""``resnb run -- COMMAND``: as the first process of a container would run it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from resnb.ledger.admin.commands import LedgerCommands
from tests.ledger.worlds import PATIENCE, wait_for
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
KERNEL = """
import sys, threading
from resnb import Flow, resource_manager, task

@resource_manager(on="failure", cleanup_timeout=20)
class Thing:
    def __init__(self, log):
        self.log = log
    def setup(self):
        return "thing"
    def cleanup(self, thing):
        import threading
        threading.Event().wait({pause})
        with open(self.log, "a") as file:
            file.write("cleaned")

with Flow("f") as flow:
    with Thing({log!r}):
        task(lambda: None, name="t")()
flow.run().raise_for_failure()
print("open", flush=True)
"""


def started(home, *command, options=()):
    environment = {**os.environ, "RESNB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("RESNB_SESSION", None)
    return subprocess.Popen(
        [sys.executable, "-m", "resnb", "run", *options, "--", *command],
        cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finished(process):
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


@pytest.mark.parametrize(
    ("command", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_the_exit_code_is_that_of_the_command(ledger_home, command, code):
    assert finished(started(ledger_home, "sh", "-c", command)) == (code, "")


def test_what_cannot_be_started_is_said_in_one_line(ledger_home):
    code, output = finished(started(ledger_home, "no-such-command"))
    assert (code, output) == (127, "resnb run: no-such-command: No such file or directory\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(ledger_home, number):
    command = f"trap 'echo caught; exit 5' {number:d}; echo ready; while :; do read line; done"
    process = started(ledger_home, "sh", "-c", command)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.stdin.close()  # so that the shell's read returns
    assert process.stdout.readline() == "caught\n"
    process.stdout.close()
    assert process.wait(PATIENCE) == 5


def test_the_command_gets_its_signals_unblocked(ledger_home):
    code = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    assert finished(started(ledger_home, sys.executable, "-c", code)) == (0, "set()\n")


@pytest.mark.skipif(sys.platform != "linux", reason="subreapers are Linux's")
def test_it_reaps_what_is_orphaned(ledger_home):
    orphan = "import os, sys; sys.stdin.readline(); print(os.getppid(), flush=True)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {orphan!r}])"
    process = started(
        ledger_home, sys.executable, "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {parent!r}]); "
        "print('ended', flush=True); import threading; threading.Event().wait(600)",
    )  # fmt: skip
    assert process.stdout.readline() == "ended\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == f"{process.pid}\n"
    process.terminate()
    assert finished(process)[0] == 143


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(0)"])
def test_it_waits_for_the_clean_ups(ledger_home, tmp_path, end):
    log = tmp_path / "log"
    text = KERNEL.format(log=str(log), pause=0.5) + f"import os; {end}"
    code, output = finished(started(ledger_home, sys.executable, "-c", text))
    assert (code, output) == (137 if "kill" in end else 0, "open\n")
    assert log.read_text() == "cleaned"
    assert LedgerCommands(ledger_home).leases() == []


def test_a_kernel_that_outlives_the_command_is_told_to_end(ledger_home, tmp_path):
    log = tmp_path / "log"
    text = KERNEL.format(log=str(log), pause=0) + "threading.Event().wait(600)"
    begin = (
        "import subprocess, sys; "
        f"kernel = subprocess.Popen([sys.executable, '-c', {text!r}], stdout=subprocess.PIPE); "
        "kernel.stdout.readline()"
    )
    assert finished(started(ledger_home, sys.executable, "-c", begin)) == (0, "")
    assert log.read_text() == "cleaned"


def test_after_the_limit_it_says_what_is_left(ledger_home, tmp_path):
    text = KERNEL.format(log=str(tmp_path / "log"), pause=600) + "import os; os._exit(0)"
    process = started(ledger_home, sys.executable, "-c", text, options=["--timeout", "1s"])
    code, output = finished(process)
    assert code == 1
    assert output.startswith("open\nf/Thing: ")


def test_the_first_signal_does_not_end_the_wait(ledger_home, tmp_path):
    log, waits = tmp_path / "log", tmp_path / "waits"
    text = KERNEL.format(log=str(log), pause=0).replace(
        "threading.Event().wait(0)",
        f"open({str(waits)!r}, 'w').close(); "
        f"[threading.Event().wait(0.05) for _ in range(1200) if os.path.exists({str(waits)!r})]",
    )
    text = text.replace("        import threading", "        import os, threading")
    process = started(ledger_home, sys.executable, "-c", text + "import os; os._exit(0)")
    assert process.stdout.readline() == "open\n"
    wait_for(waits.exists, "the clean-up, which follows the command's end")
    process.terminate()
    waits.unlink()
    assert finished(process) == (0, "")
    assert log.read_text() == "cleaned"


def test_an_unknown_option_is_bad_usage(ledger_home):
    code, output = finished(started(ledger_home, "true", options=["--timout", "5s"]))
    assert code == 2
    assert "No such option '--timout'" in output


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("exit 0", 1)])
def test_a_shared_ledger_that_is_away_changes_no_exit_code(ledger_home, monkeypatch, command, code):
    monkeypatch.setenv("RESNB_LEDGER", f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    done = finished(started(ledger_home, "sh", "-c", command, options=["--timeout", "1s"]))
    assert done[0] == code
    assert "cannot be reached" in done[1]


def test_a_second_signal_ends_the_wait(ledger_home, tmp_path):
    text = KERNEL.format(log=str(tmp_path / "log"), pause=600) + "import os; os._exit(0)"
    process = started(ledger_home, sys.executable, "-c", text)
    assert process.stdout.readline() == "open\n"
    while process.poll() is None:  # the first may still go to the command
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
    # the last of them may come when Python, on its way out, has no handlers any more
    assert process.returncode in (1, 143, -signal.SIGTERM)
    assert "f/Thing" in process.communicate()[0] or process.returncode == 143
