"""One clean-up in a fresh interpreter: started by file path, with its order on standard input.

The recipe is user data, which the reaper itself never unpickles. What the clean-up prints goes to
the lease's log; the result is JSON on the descriptor that the argument names. A completed one is
written into the ledger at once, so that nobody repeats it should the reaper be gone. A clean-up
that hangs is ended by a timer of its own.
"""

import base64
import faulthandler
import gc
import importlib.util
import inspect
import io
import json
import os
import pickle
import sys
import time
import traceback
from contextlib import closing, suppress
from functools import cache
from pathlib import Path, PurePath
from typing import Any

_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
"""The first pause and the longest one between two looks, in seconds."""
_FINDS = 100
"""How often something is found before the reaper paces the looks."""
_LONGEST_REASON = 1000
_NICE = 10

CLEANED, NOTHING, FAILED, WRONG_ENVIRONMENT = "cleaned", "nothing", "failed", "wrong environment"
REHEARSED = "rehearsed"


class _Lease:
    """The ``self.lease`` of a recipe."""

    state = "closing"
    reason = ""
    resource = None

    def __init__(self, lease: str, name: str) -> None:
        self.id = lease
        self.name = name

    def record(self, handle: Any) -> None:
        """Ignore it: there is nothing to keep any more."""


class _Log(io.FileIO):
    """The lease's log: what does not fit on a full disk is lost, and the clean-up goes on."""

    def write(self, data: Any) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def main() -> None:
    """Carry out the order, and report on the descriptor of the first argument."""
    sys.stdout, sys.stderr = _to_log(1), _to_log(2)
    report = int(sys.argv[1])
    os.set_inheritable(report, False)  # noqa: FBT003 - what it starts may outlive it
    os.write(report, b"locked\n" if _locked(sys.argv[2]) else b"unlocked\n")
    order = json.load(sys.stdin)  # if the reaper has died meanwhile, an error ends it here
    faulthandler.dump_traceback_later(order["deadline"], exit=True)
    sys.path[:] = order["path"] or sys.path
    os.environ.update(order["variables"])
    try:
        os.chdir(order["folder"])
    except OSError as error:
        print(f"its folder is gone ({error}); going on in {Path.cwd()}")  # noqa: T201
    result, reason = _result(order) if not order["rehearse"] else _rehearsed(order["rehearse"])
    with suppress(Exception):  # the clean-up may have closed anything
        if result == CLEANED:
            print(time.strftime("%Y-%m-%d %H:%M:%S"), "cleaned up by the reaper", flush=True)  # noqa: T201
    with suppress(OSError):
        os.write(report, json.dumps({"result": result, "reason": reason}).encode())
    if result == CLEANED and order["end"] is not None:  # which may take long, or fail
        _write_end(order["end"])


def _to_log(descriptor: int) -> io.TextIOWrapper:
    file = io.BufferedWriter(_Log(descriptor, "w", closefd=False))
    return io.TextIOWrapper(file, "utf-8", "backslashreplace", line_buffering=True)


def _locked(path: str) -> bool:
    """Lock the file as long as this process lives, so that others see that it does."""
    try:
        import fcntl

        fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _loaded(order: dict[str, Any]) -> tuple[Any, Any]:
    """Recipe and handle, if there is one; those of a kind are plain data."""
    recipe = base64.b64decode(order["recipe"])
    handle = None if order["handle"] is None else base64.b64decode(order["handle"])
    if order["kind"]:
        from resnb.ledger.recipes.kinds import loaded

        manager, handle = loaded(order["kind"], recipe, handle)
    else:
        manager = pickle.loads(recipe)  # noqa: S301 - the user's own
        handle = handle and pickle.loads(handle)  # noqa: S301 - likewise
    with suppress(AttributeError):  # a class with __slots__ cannot ask for its lease
        manager.lease = _Lease(order["lease"], order["name"])
    return manager, handle


def _rehearsed(orders: list[dict[str, Any]]) -> tuple[str, str]:
    """For each lease, why it could not be cleaned up, and why it could not be found."""
    os.nice(_NICE)
    gc.disable()  # it ends soon, and imports make much that stays
    found = []
    for order in orders:
        try:
            found.append(_own("rehearsal").faults_of(*_loaded(order), _resolved))
        except BaseException as error:  # noqa: BLE001 - whatever unpickling runs
            found.append((f"its recipe cannot be loaded: {_line(error)}", ""))
    return REHEARSED, json.dumps(found)


def _result(order: dict[str, Any]) -> tuple[str, str]:
    try:
        manager, handle = _loaded(order)
    except BaseException as error:  # noqa: BLE001 - whatever unpickling runs
        with suppress(Exception):
            traceback.print_exc()
        return WRONG_ENVIRONMENT, f"its recipe cannot be loaded: {_line(error)}"
    if fault := _lost(order, handle):
        return WRONG_ENVIRONMENT, fault
    process = os.getpid()
    try:
        found = _clean(manager, order, handle)
    except BaseException as error:  # noqa: BLE001 - the user's code
        with suppress(Exception):
            traceback.print_exc()
        _end_fork(process, error)
        is_out_of_sight = getattr(error, "is_out_of_sight", False)
        return WRONG_ENVIRONMENT if is_out_of_sight else FAILED, _line(error)
    _end_fork(process)
    return CLEANED if found else NOTHING, ""


def _end_fork(process: int, error: BaseException | None = None) -> None:
    """End a child that the clean-up has forked and let out of its code: it speaks for nobody."""
    if os.getpid() != process:
        code = getattr(error, "code", None) if isinstance(error, SystemExit) else error
        os._exit(code if isinstance(code, int) else int(code is not None))


@cache
def _own(name: str) -> Any:
    """A module beside this file, by its path: resnb itself may not be there."""
    module: Any = None
    for one in ("code_references", name):
        whole = f"resnb.ledger.reaper.{one}"
        spec = importlib.util.spec_from_file_location(whole, Path(__file__).with_name(f"{one}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[whole] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def _lost(order: dict[str, Any], handle: Any) -> str:
    """Why a handle that is a path leads nowhere, so that a clean-up would do nothing."""
    if not isinstance(handle, str | PurePath):
        return ""
    path, is_absolute = str(handle), os.path.isabs(handle)  # noqa: PTH117 - it may be a text
    if is_absolute and order["elsewhere"] and not os.path.lexists(path):
        return f"{path} was made in another container or on another machine, and is not there"
    if not is_absolute and isinstance(handle, PurePath) and not Path(order["folder"]).is_dir():
        return f"{path} is relative to {order['folder']}, which is gone"
    return ""


def _clean(manager: Any, order: dict[str, Any], handle: Any) -> bool:
    if order["handle"] is not None:
        attach = getattr(manager, "attach", None)
        resource = _resolved(attach(handle)) if attach is not None else handle
        _resolved(manager.cleanup(resource))
        return True
    quiet = float(order["look"])  # for how long nothing new must be found for now
    finds, last, pause, deadline = 0, None, _PAUSE, time.monotonic() + quiet
    while finds < _FINDS:
        thing = _resolved(manager.find(order["lease"]))
        is_new = thing is not None and not _is_same(thing, last)
        if thing is not None:
            _resolved(manager.cleanup(thing))
            finds, last = finds + 1, thing
        if is_new:
            pause, deadline = _PAUSE, time.monotonic() + quiet
        left = deadline - time.monotonic()
        if left <= 0 and not is_new:
            break
        time.sleep(max(0.0, min(pause, left)))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return finds > 0


def _is_same(one: Any, other: Any) -> bool:
    """Whether what was found is what was found before: many things take time to disappear."""
    with suppress(Exception):  # of the user's objects
        return bool(one == other)
    return False


def _resolved(value: Any) -> Any:
    """`value`, awaited where necessary; on one loop, as what `attach` opened may be bound to it."""
    if not inspect.isawaitable(value):
        return value

    async def awaited() -> Any:
        return await value

    return _loop().run(awaited())


@cache
def _loop() -> Any:
    import asyncio

    return asyncio.Runner()


def _write_end(end: dict[str, Any]) -> None:
    """Write the lease's end; if that fails, the reaper does it."""
    with suppress(Exception):
        if "url" in end:
            import psycopg

            with psycopg.connect(end["url"], autocommit=True) as shared:
                for statement, values in end["steps"]:
                    shared.execute(statement, values or None)
            return
        import sqlite3

        uri = f"{Path(end['path']).as_uri()}?mode=rw"  # a ledger that is gone is not made again
        with closing(sqlite3.connect(uri, uri=True, timeout=end["timeout"])) as db, db:
            for statement, values in end["steps"]:
                db.execute(statement, values)


def _line(error: BaseException) -> str:
    try:
        text = f"{type(error).__name__}: {str(error).lstrip()}"
    except Exception:  # noqa: BLE001 - the user's own __str__
        text = type(error).__name__
    return text.splitlines()[0].removesuffix(": ")[:_LONGEST_REASON]


if __name__ == "__main__":
    main()
