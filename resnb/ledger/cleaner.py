"""One clean-up in a fresh interpreter: started by file path, told what to do on standard input.

The recipe is user data: it is unpickled here and nowhere else. What the clean-up prints goes to
the lease's log; the result is one line of JSON on the descriptor that its argument names.
"""

import base64
import inspect
import json
import os
import pickle
import sys
import time
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_LONGEST_PAUSE = 1.0
_LONGEST_REASON = 1000

CLEANED, NOTHING, FAILED, WRONG_ENVIRONMENT = "cleaned", "nothing", "failed", "wrong environment"


class _Lease:
    """What a recipe sees as ``self.lease``."""

    def __init__(self, lease: str) -> None:
        self.id = lease

    def record(self, handle: Any) -> None:
        """Nothing is to be kept any more."""


def main() -> None:
    """Carry out what standard input says, and report on the descriptor of the first argument."""
    order = json.load(sys.stdin)
    report = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    sys.path[:] = order["path"]
    try:
        os.chdir(order["folder"])
    except OSError as error:
        print(f"its folder is gone ({error}); going on in {Path.cwd()}")  # noqa: T201
    try:
        manager = pickle.loads(base64.b64decode(order["recipe"]))  # noqa: S301 - the user's own
        handle = order["handle"] and pickle.loads(base64.b64decode(order["handle"]))  # noqa: S301
    except BaseException as error:  # noqa: BLE001 - whatever unpickling runs
        traceback.print_exc()
        _say(report, WRONG_ENVIRONMENT, f"its recipe cannot be loaded: {_line(error)}")
        return
    with suppress(AttributeError):  # a class with __slots__ cannot ask for its lease
        manager.lease = _Lease(order["lease"])
    try:
        found = _clean(manager, order, handle)
    except BaseException as error:  # noqa: BLE001 - the user's code
        traceback.print_exc()
        _say(report, FAILED, _line(error))
        return
    _say(report, CLEANED if found else NOTHING, "")


def _clean(manager: Any, order: dict[str, Any], handle: Any) -> bool:
    if order["handle"] is not None:
        attach = getattr(manager, "attach", None)
        resource = _resolved(attach(handle)) if attach is not None else handle
        _resolved(manager.cleanup(resource))
        return True
    quiet = float(order["find_quiet"])
    found, deadline, pause = False, time.monotonic() + quiet, 0.1
    while time.monotonic() < deadline:
        thing = _resolved(manager.find(order["lease"]))
        if thing is None:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        _resolved(manager.cleanup(thing))
        found, deadline, pause = True, time.monotonic() + quiet, 0.1
    return found


def _resolved(value: Any) -> Any:
    """`value`, awaited if need be; on one loop, to which what `attach` opened may be bound."""
    if not inspect.isawaitable(value):
        return value

    async def awaited() -> Any:
        return await value

    return _loop().run(awaited())


@cache
def _loop() -> Any:
    import asyncio

    return asyncio.Runner()


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:_LONGEST_REASON]


def _say(report: Any, result: str, reason: str) -> None:
    json.dump({"result": result, "reason": reason}, report)
    report.close()


if __name__ == "__main__":
    main()
