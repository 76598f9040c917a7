"""What a worker has of a run's live resources: each is attached by its handle, once."""

import pickle
import threading
from typing import Any

from resnb.errors import RunError
from resnb.run.scheduling.outcome import text_of


class Attachments:
    """The resources that one worker has attached, by run and lease."""

    def __init__(self) -> None:
        self._attached: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def attach(self, topic: str, name: str, lease: str, data: bytes) -> Any:
        """The live resource of a lease, for a run and a task.

        `data` has its manager, if that attaches, and its handle.

        Raises:
            RunError: the manager raised.
        """
        key = topic, lease
        with self._lock:
            if key not in self._attached:
                manager, handle = pickle.loads(data)  # noqa: S301 - the kernel's
                live = handle if manager is None else _attached(name, manager, handle)
                self._attached[key] = manager, live
            return self._attached[key][1]

    def leave(self, topic: str) -> list[tuple[Any, Any]]:
        """Forget a run's resources; gives each with its manager."""
        keys = [key for key in (*self._attached,) if key[0] == topic]  # others attach meanwhile
        return [self._attached.pop(key) for key in keys]


def _attached(name: str, manager: Any, handle: Any) -> Any:
    try:
        return manager.attach(handle)
    except Exception as error:
        message = (
            f"task {name!r}: attach of {type(manager).__name__} raised {text_of(error)} on a Dask "
            "worker"
        )
        raise RunError(message) from error
