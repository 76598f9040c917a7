"""What tasks display, as far as it is noted and displayed again; a front end plugs itself in."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

DISPLAY: Final = "display"
"""What stands for a stream's name: the text is then the data of one display, as JSON."""


class FrontEnd(Protocol):
    """Where tasks display something."""

    def listening(self, note: Callable[[str], object]) -> AbstractContextManager[None]:
        """A block in which `note` is given each thing that this thread displays."""

    def show(self, data: str) -> None:
        """Display what was noted."""


class Displays:
    """The front end that is plugged in.

    Attributes:
        front_end: it; None where there is none.
    """

    front_end: FrontEnd | None = None

    def listening(self, note: Callable[[str], object]) -> AbstractContextManager[None]:
        """See `FrontEnd`."""
        return nullcontext() if self.front_end is None else self.front_end.listening(note)

    def show(self, data: str) -> None:
        """See `FrontEnd`."""
        if self.front_end is not None:
            self.front_end.show(data)


DISPLAYS = Displays()
