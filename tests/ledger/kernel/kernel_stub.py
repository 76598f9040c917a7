"""Kernels for tests: a server forks one for each line that it reads, and tells how each ended.

Such a kernel sets up, holds and cleans up one machine. At steps with a name it dies, or kills its
reaper, as it was told.
"""

import json
import os
import signal
import sys
from pathlib import Path

from resnb.ledger.kernel import reaper_client
from resnb.ledger.kernel.book import LeaseBook
from resnb.ledger.kernel.keeper import Keeper, users_ledger
from resnb.ledger.kernel.lease import Lease
from resnb.ledger.kernel.managed import ManagedResource
from resnb.ledger.kernel.request import LeaseRequest
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.owner import start_time
from resnb.ledger.store.store import Store
from tests.ledger.things import Machine, kill, until

STEPS = {
    "before the record": (Store, "add", "before"),
    "after the record": (LeaseBook, "begin", "after"),
    "before set-up": (Machine, "setup", "before"),
    "after the thing exists": (Machine, "setup", "after"),
    "after record": (Lease, "record", "after"),
    "after the handle": (Lease, "set_up", "after"),
    "before the claim": (Lease, "close", "before"),
    "after the claim": (Lease, "_claimed", "after"),
    "after its own clean-up": (ManagedResource, "clean_up", "after"),
    "after the end": (Lease, "close", "after"),
}


class Recording(Machine):
    def setup(self):
        name = super().setup()
        self.lease.record(name)
        return name

    def __reduce__(self):
        return Machine, (self.root,)


class Failing(Machine):
    """Its clean-up fails in the kernel, and works elsewhere."""

    def cleanup(self, name):
        raise OSError("not here")

    def __reduce__(self):
        return Machine, (self.root,)


class Kernel:
    def __init__(self, *, root, home, dies="", reaper_dies="", waits=False, fails=False, env=None):
        os.environ.update({"RESNB_HOME": home, "RESNB_TEST_ROOT": root, **(env or {})})
        self.dies, self.reaper_dies, self.waits = dies, reaper_dies, waits
        self.keeper = Keeper(users_ledger)
        self.manager = (Failing if fails else Recording)(root)
        self.killed = None
        reaper_client._REAPER = Path(__file__).parents[1] / "reaper" / "reaper_stub.py"

    def run(self):
        for name in {self.dies, self.reaper_dies} - {""}:
            self._watch(name, *STEPS[name])
        lease = self.keeper.prepare(LeaseRequest("flow/machine", self.manager, LeaseThread()))
        lease.set_up()
        try:
            lease.close()
        except OSError:  # the reaper goes on, and this kernel lives until it has done so
            until(lambda: lease.state == "closed")
            self._kill_reaper()

    def _watch(self, step, owner, name, when):
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            if when == "before":
                self._reached(step)
            result = original(*args, **kwargs)
            if when == "after":
                self._reached(step)
            return result

        setattr(owner, name, watched)

    def _reached(self, step):
        if step == self.reaper_dies:
            self._kill_reaper()
        if step == self.dies:
            if self.waits and self.killed is not None and self.keeper.alive():
                until(lambda: self.keeper.book.reaper.pid != self.killed)
            kill(os.getpid())

    def _kill_reaper(self):
        self.killed = self.keeper.book.reaper.pid
        if self.killed is not None:
            kill(self.killed)
            until(lambda: start_time(self.killed) is None)


def main():
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                Kernel(**json.loads(line)).run()
            finally:
                sys.stderr.flush()
                os._exit(1 if sys.exc_info()[0] else 0)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - to who asked


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
