"""Records for tests: everything has a value, and each test says what matters to it."""

import sys
from pathlib import Path

from resnb.ledger.owner import Owner
from resnb.ledger.record import Environment, LeaseRecord

KERNEL = Owner("machine", "boot", "namespace", 4000, 1)
REAPER = Owner("machine", "boot", "namespace", 4001, 2)
HERE = Environment(sys.executable, sys.prefix, tuple(sys.path), str(Path.cwd()), ())


def record(lease="a", **values):
    known = {
        "name": f"flow/{lease}",
        "state": "open",
        "owner": KERNEL,
        "notebook": "/notebooks",
        "session": "",
        "environment": HERE,
        "recipe": b"recipe",
        "handle": b"handle",
        "created": 1000.0,
        "used": 1000.0,
    }
    return LeaseRecord(lease, **{**known, **values})
