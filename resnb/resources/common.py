"""What ready-made resources share: what they say of what is another's, is missing, or has ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from resnb.errors import CleanupError, NothingMadeError
from resnb.ledger.recipes.secrets import masked

_WIDTH = 72
"""Maximum number of characters of a command in a message."""
_LINES = 3
_TAIL = 300
"""Maximum number of lines and of characters of an output in a message."""


def leave_alone(what: str) -> NoReturn:
    """Refuse to clean up `what`, whose tag is not that of the lease.

    Raises:
        CleanupError: always.
    """
    message = f"{what} is not of this lease, and is left alone"
    raise CleanupError(message)


@contextmanager
def needed(what: str, extra: str) -> Iterator[None]:
    """Say how to install the library that the block imports; `what` says who needs it.

    Raises:
        NothingMadeError: it is not there.
    """
    try:
        yield
    except ImportError:
        message = f"{what}: pip install 'resnb[{extra}]'"
        raise NothingMadeError(message) from None


def shortened(command: str) -> str:
    """A command in one line, without its middle if it is long, and without what looks secret."""
    line = masked(" ".join(command.split()))
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 20]} ... {line[-15:]}"


def last_words(output: str, otherwise: str = "nothing was printed") -> str:
    """The last lines of what a program has printed, as one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    text = "; ".join(lines[-_LINES:])
    return (text if len(text) <= _TAIL else f"... {text[4 - _TAIL :]}") or otherwise
