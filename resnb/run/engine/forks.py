"""Tasks that fork: the child process is no worker, so it ends where the task's code ends."""

import os
import sys
import traceback
from contextlib import suppress
from typing import NoReturn


def end_child(error: BaseException | None = None) -> NoReturn:
    """End this forked child as Python would end it, without the parent's exit hooks.

    Args:
        error: what the task's code raised in it, if anything.
    """
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        code = 1
        with suppress(Exception):
            traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


__all__ = ["end_child"]
