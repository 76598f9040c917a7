"""The widget of a flow: one model for each flow, however many views show it.

A front end sends small JSON messages, of which only the known ones are looked at. Their handlers
run on whatever thread the message came in (a subshell's, while a cell is running), so they post
a command and return; frames are sent by the ticker's thread.
"""

from pathlib import Path
from typing import Any

import anywidget

from resnb.graph.flow import Flow
from resnb.notebook.flow_commands import COMMANDS, FlowCommands
from resnb.run.memory import memory_of
from resnb.view.frames import Frame
from resnb.view.live import LiveFlow
from resnb.view.ticker import TICKER

STATIC = Path(__file__).parents[1] / "view" / "static"
LONGEST_MESSAGE = 64 * 1024
"""How many characters the parameters of a message may have in all."""


class FlowWidget(anywidget.AnyWidget):
    """Shows a flow as it is built, runs and cleans up.

    Args:
        flow: the flow.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self._flow = flow
        self._live = LiveFlow(flow, lambda: memory_of(flow))
        self._commands = FlowCommands(flow, self._tell)
        self.on_msg(self._received)
        TICKER.add(self._live, self._tell)

    def _tell(self, frame: Frame) -> None:
        self.send(frame)

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        del buffers
        what = content.get("do") if isinstance(content, dict) else None
        if what == "open":
            self._commands.post(self._opened)
        elif what == "close":
            self._live.closed()
        elif what in COMMANDS and len(str(content)) <= LONGEST_MESSAGE:
            self._commands.take(what, content)

    def _opened(self) -> None:
        for frame in (*self._live.opened(), self._commands.form()):
            self._tell(frame)
        TICKER.look()

    def close(self) -> None:
        """Stop looking at the flow."""
        TICKER.remove(self._live)
        super().close()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<FlowWidget of {self._flow.name!r}>"


__all__ = ["FlowWidget"]
