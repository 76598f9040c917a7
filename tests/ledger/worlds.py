"""Ledgers for tests: leases whose kernels are here, gone or out of sight, and real recipes."""

from pathlib import Path

from resnb.ledger.listed import nobody
from resnb.ledger.owner import this_process
from resnb.ledger.recipe import recipe_of
from tests.ledger.records import KERNEL, record

ELSEWHERE = KERNEL
"""A kernel on another machine."""


def here():
    """A kernel that is alive: this process."""
    return this_process()


def gone():
    """A kernel of this machine that has ended."""
    return nobody(this_process())


def appending(file, line):
    """A recipe whose clean-up appends a line to a file."""

    class Appending:
        def __init__(self, file, line):
            self.file = file
            self.line = line

        def cleanup(self, _):
            with Path(self.file).open("a") as log:
                log.write(f"{self.line}\n")

    return _pickled(Appending(str(file), line))


def failing(text="stuck"):
    """A recipe whose clean-up always raises an OSError."""

    class Failing:
        def __init__(self, text):
            self.text = text

        def cleanup(self, _):
            raise OSError(self.text)

    return _pickled(Failing(text))


def _pickled(manager):
    return {"recipe": recipe_of("thing", manager).data, "handle": recipe_of("thing", None).data}


def lease(lease_id, owner, **values):
    """A record of an open lease."""
    return record(lease_id, owner=owner, **values)
