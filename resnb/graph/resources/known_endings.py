"""Types whose own ``with`` does not end them, or waits for ever, and how to end them.

Types are recognised by their names, so that nothing is imported to look for them.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from resnb.errors import CleanupError

GRACE: Final = 5.0
"""How long a process has to end after SIGTERM, in seconds."""


def _end_process(process: Any) -> None:
    """End a process by SIGTERM, after a grace by SIGKILL; with its group, if it leads one."""
    group = process.pid if _is_running(process) and _leads_group(process.pid) else 0
    for name in ("terminate", "kill"):
        others = _others_in(group)
        for one in [process, *others] if _is_running(process) else others:
            with suppress(ProcessLookupError):
                getattr(one, name)()
        if not _runs_on(process, group):
            break
    else:
        message = f"process {process.pid} cannot be ended, not even by SIGKILL"
        raise CleanupError(message)
    for name in ("stdin", "stdout", "stderr"):
        with suppress(BrokenPipeError):  # it did not read all that it was sent
            if (pipe := getattr(process, name, None)) is not None:
                pipe.close()


def _runs_on(process: Any, group: int) -> bool:
    """Whether the process or one of its group is still running after the grace."""
    never, deadline = threading.Event(), time.monotonic() + GRACE
    while is_left := _is_running(process) or bool(_others_in(group)):
        if time.monotonic() >= deadline:
            break
        never.wait(0.02)
    return is_left


def _is_running(process: Any) -> bool:
    if process.pid is None:  # it was never started
        return False
    alive = getattr(process, "is_alive", None)
    return bool(alive()) if alive is not None else process.poll() is None


def _leads_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _others_in(group: int) -> list[Any]:
    """The processes of a group without its leader."""
    if not group:
        return []
    import psutil

    found = []
    for one in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if one.pid != group and os.getpgid(one.pid) == group and one.status() != "zombie":
                found.append(one)
    return found


async def _end_async_process(process: Any) -> None:
    import asyncio

    for name in ("terminate", "kill"):
        if process.returncode is None:
            with suppress(ProcessLookupError):
                getattr(process, name)()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE)


def _end_server(server: Any) -> None:
    """Shut a server down: its ``with`` does not, and ``shutdown`` hangs if it is not serving."""
    if _is_serving(server):
        server.shutdown()
    server.server_close()


def _is_serving(server: Any) -> bool:
    for frame in sys._current_frames().values():  # noqa: SLF001 - documented, for such uses
        one: Any = frame
        while one is not None:
            if one.f_code.co_name == "serve_forever" and one.f_locals.get("self") is server:
                return True
            one = one.f_back
    return False


def _remove_container(container: Any) -> None:
    """Remove a container, even if it runs; one that is gone or being removed counts as removed."""
    from docker.errors import APIError

    try:
        container.remove(force=True, v=True)
    except APIError as error:
        if error.status_code not in {404, 409}:
            raise


_ENDINGS: Final[Mapping[tuple[str, str], Callable[[Any], Any]]] = {
    ("subprocess", "Popen"): _end_process,
    ("psutil", "Popen"): _end_process,
    ("multiprocessing.process", "BaseProcess"): _end_process,
    ("resnb.ledger.recipes.found_process", "FoundProcess"): _end_process,
    ("asyncio.subprocess", "Process"): _end_async_process,
    ("socketserver", "BaseServer"): _end_server,
    ("docker.models.containers", "Container"): _remove_container,
    ("resnb.ledger.recipes.found_objects", "FoundContainer"): _remove_container,
}


def known_ending(kind: type) -> Callable[[Any], Any] | None:
    """The function that ends instances of `kind`; None if that is not known."""
    found = (_ENDINGS.get((one.__module__, one.__qualname__)) for one in kind.__mro__)
    return next(filter(None, found), None)


def is_of(kind: type, module: str, name: str) -> bool:
    """Whether `kind` is that class, or is derived from it."""
    return any((one.__module__, one.__qualname__) == (module, name) for one in kind.__mro__)
