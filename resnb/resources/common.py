"""What ready-made resources share: what they say of what is another's, and of what is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from resnb.errors import CleanupError, NothingMadeError


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
