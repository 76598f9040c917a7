"""The reaper, made to die at the step that a variable names, and to be quicker than usual."""

import os
import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))

from resnb.ledger.reaper import cleanup_process, decisions, reaper, renewal
from resnb.ledger.reaper.cleanup_process import CleanupProcess
from resnb.ledger.reaper.cleanups import Cleanups
from resnb.ledger.reaper.reaper import Reaper
from resnb.ledger.store.store import Store
from tests.ledger.hasty import be_hasty

ROOT = os.environ.get("RESNB_TEST_ROOT", "")
BEFORE = {
    "before its claim": (Reaper, "_claim"),
    "before the order": (CleanupProcess, "give_order"),
    "after the clean-up": (Reaper, "_finished"),
}
AFTER = {
    "after the claim": (Reaper, "_claim"),
    "after the start": (CleanupProcess, "__init__"),
    "after the close": (Store, "close"),
}


def die():
    try:
        os.close(os.open(Path(ROOT, "died"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(owner, name, *, first):
    original = getattr(owner, name)

    def step(*args, **kwargs):
        is_process = isinstance(args[0], CleanupProcess)
        if kwargs.get("rehearsed") or (is_process and getattr(args[0], "_rehearsed", ())):
            return original(*args, **kwargs)  # no clean-up
        if first:
            die()
        result = original(*args, **kwargs)
        if not first:
            die()
        return result

    setattr(owner, name, step)


def die_once_it_has_begun():
    collect = Cleanups.collect

    def step(self):
        log = Path(ROOT, "log")
        if self.running and log.exists() and "begin" in log.read_text():
            die()
        collect(self)

    Cleanups.collect = step


def main():
    step = os.environ.get("RESNB_TEST_DIES", "")
    if step in BEFORE:
        deadly(*BEFORE[step], first=True)
    elif step in AFTER:
        deadly(*AFTER[step], first=False)
    elif step == "in the middle":
        die_once_it_has_begun()
    decisions.FENCE_AFTER = float(os.environ.get("RESNB_TEST_FENCE", "0.5"))
    cleanup_process.EXTRA = float(os.environ.get("RESNB_TEST_EXTRA", "0.5"))
    reaper.AFTER_ERROR = reaper.LOOK_EVERY_SHARED = renewal.RENEW_EVERY = 0.2
    reaper.LINGER = float(os.environ.get("RESNB_TEST_LINGER", "30"))
    pause = float(os.environ.get("RESNB_TEST_PAUSE", "0.05"))
    reaper.pause_after = lambda tries: pause * tries
    be_hasty()
    if os.environ.get("RESNB_TEST_NO_LOCKS"):
        reaper.is_seen = lambda *_: False
    reaper.main(sys.argv[1:])


if __name__ == "__main__":
    main()
