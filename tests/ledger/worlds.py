"""Ledgers for tests: leases whose kernels are here, gone or out of sight, and real recipes."""

import threading
import time
from pathlib import Path

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.owner import nobody, status_by_ids, this_process
from resnb.ledger.recipes.recipe import recipe_of
from tests.ledger.records import record

ELSEWHERE = this_process()._replace(namespace="another", pid=4000)
"""A kernel in another container, without a lock to be told by."""
PATIENCE = 60.0
_never = threading.Event()


def here():
    """A kernel that is alive: this process."""
    return this_process()


def gone():
    """A kernel of this machine that has ended."""
    return nobody(this_process())


def seen(owner):
    """Whether an owner without a lock is alive."""
    return status_by_ids(owner, this_process(), is_shared=False)


def appending(file, line):
    """A recipe whose clean-up appends a line to a file."""

    class Appending:
        def __init__(self, file, line):
            self.file = file
            self.line = line

        def cleanup(self, _):
            with Path(self.file).open("a") as log:
                log.write(f"{self.line}\n")

    return pickled(Appending(str(file), line))


def failing(text="stuck"):
    """A recipe whose clean-up always raises an OSError."""

    class Failing:
        def __init__(self, text):
            self.text = text

        def cleanup(self, _):
            raise OSError(self.text)

    return pickled(Failing(text))


def running(statements):
    """A recipe whose clean-up runs some statements."""

    class Running:
        def __init__(self, statements):
            self.statements = statements

        def cleanup(self, _):
            exec(self.statements, {})

    return pickled(Running(statements))


def finding_nothing():
    """A recipe that looks for half-made things, and never finds one."""

    class Finding:
        def find(self, _):
            return None

        def cleanup(self, _):
            raise AssertionError

    return {**pickled(Finding()), "handle": None, "can_find": True, "find_for": 0.1}


def pickled(manager):
    """The recipe and a handle for a manager, as a record has them."""
    return {"recipe": recipe_of("thing", manager).data, "handle": recipe_of("thing", None).data}


def lease(lease_id, owner, **values):
    """A record of an open lease."""
    return record(lease_id, owner=owner, **values)


class Sweeper:
    """Closes what dead kernels have left, in no time, unless it is told to fail."""

    def __init__(self):
        self.calls = 0
        self.reason = ""

    def __call__(self, home):
        self.calls += 1
        commands = LedgerCommands(home, self)
        for one in commands.leases():
            if one.kernel != "dead" or one.is_kept:
                continue
            if self.reason:
                commands.store.change(
                    one.record.id, state="failed", reason=self.reason, next_try=time.time() + 1000
                )
            else:
                commands.store.close(one.record.id, 3000.0, "cleaned up by the reaper")


def end_sweepers(home):
    """Let nothing be left to do in a ledger, and wait until its sweepers have ended."""
    store = LedgerCommands(home).store
    for one in store.alive():
        store.close(one.id, time.time())  # one that ended long ago would be removed at once
    wait_for(lambda: not sweepers(home), f"the sweepers of {home} to end")


def sweepers(home):
    """The command lines of the sweepers of a ledger; a zombie has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if b"sweeper.py" in command and f"{home}".encode() in command:
            found.append(command)
    return found


def wait_for(condition, what):
    """Look every few milliseconds until `condition` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        _never.wait(0.02)
