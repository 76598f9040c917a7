"""The collector of garbage, while much is made that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """A block that makes many lasting objects, and no garbage in circles.

    The collector goes by how many objects were made: it would go through everything that there is,
    time and again, in vain.
    """
    if not gc.isenabled():  # it is the user's wish, or another run is in its block
        yield
        return
    try:
        gc.disable()
        yield
    finally:
        gc.enable()


__all__ = ["no_collection"]
