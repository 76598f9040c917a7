"""Scripts that hold a lease of a real flow until they are told to go on, or are killed."""

import signal
from pathlib import Path

from tests.ledger.things import command_of, processes, until
from tests.run.scripts import script

STUB = Path(__file__).parent / "reaper" / "reaper_stub.py"
HEAD = """
from pathlib import Path
import resnb.ledger.kernel.reaper_client
resnb.ledger.kernel.reaper_client._REAPER = Path({stub!r})
from resnb.ledger.kernel.keeper import KEEPER
from tests.ledger.hasty import be_hasty
be_hasty()
log = {log!r}

@resource_manager(on="failure")
class Held:
    def __init__(self, word="cleaned"):
        self.log, self.word = log, word
    def setup(self):
        return "thing"
    def cleanup(self, thing):
        import os
        with open(self.log, "a") as file:
            file.write(f"{{self.word}} {{os.getpid()}}\\n")

def hold(*makers):
    global flow, scopes
    with Flow("f") as flow:
        scopes = []
        for make in makers:
            with make() as scope:
                scopes.append(scope)
                task(lambda: None, name="t")()
    state = flow.run(quiet=True)
    say("open" if state.is_successful() else state.message)
    return scopes

def wait():
    sys.stdin.readline()
"""


def held(log, text):
    """A script that has opened what `text` holds; the caller ends it."""
    return script(HEAD.format(stub=str(STUB), log=str(log)) + text)


def reaper_of(home, kernel):
    """The pid of the reaper of a kernel, once it has left the process that was started."""

    def found():
        ours = (
            pid
            for pid in processes()
            if "reaper_stub.py" in command_of(pid)
            and str(home) in command_of(pid)
            and f", {kernel}, " in command_of(pid)
            and parent_of(pid) not in (None, kernel)
        )
        return next(ours, None)

    return until(found)


def parent_of(pid):
    """The parent's pid; None if the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def killed(process):
    """Kill a script, and take it away."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
