"""Libraries that replace threads by greenlets in the whole process, such as gevent when it patches.

Under them a thread that waits in the system stops all others, so clean-ups would hang with the
process, and a Ctrl-C with them.
"""

import sys
from typing import Any, Final

from resnb.errors import LedgerError

_NEEDED: Final = ("_thread", "threading", "queue", "os", "subprocess", "select", "socket")


def refuse_greenlets() -> None:
    """Make sure that threads are threads.

    Raises:
        LedgerError: they are not, so nothing may be created.
    """
    gevent = sys.modules.get("gevent.monkey")
    eventlet = sys.modules.get("eventlet.patcher")
    if _is_patched(gevent, "is_module_patched"):
        name, call = "gevent", "monkey.patch_all()"
    elif _is_patched(eventlet, "is_monkey_patched"):
        name, call = "eventlet", "monkey_patch()"
    else:
        return
    message = (
        f"{name} has replaced the threads and sockets of this process ({call}), so nothing here "
        "can be cleaned up for certain, and nothing was created: use resources in a process that "
        "is not patched"
    )
    raise LedgerError(message)


def _is_patched(library: Any, question: str) -> bool:
    ask = getattr(library, question, None)
    return ask is not None and any(map(ask, _NEEDED))
