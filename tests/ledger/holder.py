"""Processes that hold their lock in a ledger's folder, and do what they are told."""

import subprocess
import sys
from pathlib import Path

from resnb.ledger.owner import from_text

ROOT = Path(__file__).parents[2]
HOLDER = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from resnb.ledger.liveness import Presence
presence = Presence(Path({home!r}))
print(presence.owner.to_text(), flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Holder:
    """A process that holds its lock and does what it is told."""

    def __init__(self, home, *, before=()):
        code = HOLDER.format(root=str(ROOT), home=str(home))
        self.process = subprocess.Popen(
            [*before, sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.owner = from_text(self.process.stdout.readline())

    def tell(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
