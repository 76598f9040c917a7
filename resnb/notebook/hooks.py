"""Hooks around cells: an error in one is told by one line, and the others run all the same.

IPython would show such an error with all frames of resnb, below a cell that has done nothing wrong.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from resnb.errors import described, harmless
from resnb.view.names import message


@contextmanager
def told(what: str) -> Iterator[None]:
    """Tell an error in the block by a line on stderr, and go on after it.

    The traceback is logged by ``resnb.notebook`` at level debug.

    Args:
        what: what the block does, as the line's subject.
    """
    try:
        yield
    except KeyboardInterrupt:
        _say(f"{what} was interrupted")
    except Exception as error:
        logging.getLogger(__name__).debug(what, exc_info=True)
        _say(f"{what} failed: {message(described(error))}")


def on(shell: Any, event: str, what: str, hook: Callable[[Any], object]) -> Callable[[], None]:
    """Call `hook` at an event of IPython's.

    Args:
        shell: IPython's shell.
        event: the event's name, such as ``post_run_cell``.
        what: what `hook` does, for errors.
        hook: is given what the event brings, or None.

    Returns:
        A function that ends that; it may be called again.
    """

    def called(brought: Any = None) -> None:
        with told(what):
            hook(brought)

    shell.events.register(event, called)

    def end() -> None:
        if called in shell.events.callbacks[event]:
            shell.events.unregister(event, called)

    return end


def _say(line: str) -> None:
    print(f"resnb: {harmless(line)}", file=sys.stderr)  # noqa: T201
