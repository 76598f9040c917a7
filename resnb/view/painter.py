"""Draws flows; plugged into `resnb.graph.base.ports`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from resnb.errors import OptionError
from resnb.view.as_computed import AsComputed
from resnb.view.engines import FORMATS
from resnb.view.outcome import FinalProgress
from resnb.view.picture import Picture
from resnb.view.snapshot import Progress, snapshot

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.states import State


class Painter:
    """Draws flows in the state that their memory has, or in that of a given run.

    Attributes:
        tells_what_was_found: whether texts say of values that they were found on disk; what is
            saved with a notebook does not, as it is to be the same on every machine.
    """

    def __init__(self) -> None:
        self.tells_what_was_found = True

    def visualize(
        self,
        flow: "Flow",
        flow_state: "State | None" = None,
        filename: str | None = None,
        format: str | None = None,  # noqa: A002 - Prefect's name
    ) -> Picture:
        """A picture of `flow`; see `Flow.visualize`.

        Raises:
            OptionError: the format is unknown.
            DrawingError: a file is asked for and no engine can draw it.
        """
        ending = str(filename).rpartition(".")[2] if filename is not None else ""
        chosen = format or (ending if ending in FORMATS else "png")
        if chosen not in FORMATS:
            message = f"visualize(format={chosen!r}): must be one of {', '.join(FORMATS)}"
            raise OptionError(message)
        progress = _memory(flow) if flow_state is None else FinalProgress(flow_state)
        picture = self._picture(flow, progress, chosen)
        if filename is not None:
            picture.save(filename)
        return picture

    def mimebundle(self, flow: "Flow") -> Mapping[str, Any]:
        """What a notebook shows for `flow`: ``image/png`` and ``text/plain``."""
        return self.picture(flow).mimebundle()

    def picture(self, flow: "Flow", caption: str = "") -> Picture:
        """A picture of `flow` in the state that its memory has.

        Args:
            flow: the flow.
            caption: a line to add.
        """
        return self._picture(flow, _memory(flow), caption=caption)

    def in_words(self, progress: Progress | None) -> Progress | None:
        """What texts are made of."""
        if progress is None or self.tells_what_was_found:
            return progress
        return AsComputed(progress)

    def _picture(
        self,
        flow: "Flow",
        progress: Progress | None,
        format: str = "png",  # noqa: A002 - Prefect's name
        caption: str = "",
    ) -> Picture:
        seen, told = snapshot(flow, progress), self.in_words(progress)
        return Picture(
            seen, format, caption, in_words=seen if told is progress else snapshot(flow, told)
        )


def _memory(flow: "Flow") -> Progress | None:
    return cast("Progress | None", flow.memory)  # what runs flows keeps both protocols


PAINTER = Painter()
