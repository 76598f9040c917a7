"""What values and code are, as short texts: equal for what is equal, in every process.

Values are hashed by what they hold: arrays, models and containers of any kind; frames are taken
apart into columns before.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from resnb.run.caching.code_keys import CodeWalk, task_key
from resnb.run.caching.glance import written
from resnb.run.caching.hasher import PLAIN, hashed

if TYPE_CHECKING:
    from resnb.graph.tasks.task import Task


def value_key(value: Any) -> str:
    """The key of a value.

    Raises:
        NoKeyError: it holds something that does not pickle.
    """
    if type(value) in PLAIN:
        return digest((type(value).__name__, written(value)))
    return hashed(value, CodeWalk(hashed))


def code_key(task: "Task") -> str:
    """The key of a task's code and all that it refers to.

    Raises:
        NoKeyError: it refers to a value that has no key.
    """
    return digest(task_key(task, CodeWalk(hashed)))


def digest(description: Any) -> str:
    """The key of nested tuples of texts."""
    return hashlib.sha256(repr(description).encode("utf-8", "surrogatepass")).hexdigest()[:40]
