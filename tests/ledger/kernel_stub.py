"""A process that records a lease, makes the thing, and is killed: argv is home, thing, moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from resnb.ledger.home import made_private
from resnb.ledger.link import ReaperLink
from resnb.ledger.owner import this_process
from resnb.ledger.recipe import handle_of, recipe_of
from resnb.ledger.record import Environment, Record
from resnb.ledger.store import Store


class Machine:
    """A detached process that makes a folder; the folder is named by the lease's id."""

    def __init__(self, folder):
        self.folder = folder

    def setup(self):
        code = f"import os, time; os.mkdir({self.folder!r}); time.sleep(3600)"
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        while not Path(self.folder).exists():
            os.sched_yield()
        return process

    def find(self, lease_id):
        return lease_id if Path(self.folder).exists() else None

    def cleanup(self, process):
        if hasattr(process, "terminate"):
            process.terminate()
            process.wait(10)
        else:
            subprocess.run(["pkill", "-f", self.folder], check=False)
        Path(self.folder).rmdir()


def main(home, folder, moment):
    store = Store(made_private(Path(home)))
    link = ReaperLink(store.home, this_process(), lambda *_: None)
    link.ensure()
    machine = Machine(folder)
    environment = Environment(sys.executable, sys.prefix, tuple(sys.path), str(Path.cwd()), ())
    recipe = recipe_of("machine", machine)
    store.add(
        Record(
            "lease", "flow/machine", "opening", this_process(), "notebook", "", environment,
            recipe=recipe.data, can_find=True, created=time.time(), used=time.time(),
        )
    )  # fmt: skip
    if moment != "after the record":
        process = machine.setup()
        if moment == "after the handle":
            handle = handle_of(machine, process)
            store.change("lease", state="open", handle=handle.data)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
