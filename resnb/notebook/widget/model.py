"""The widget of a flow: one model for each flow, however many views show it.

A front end sends small JSON messages; those that are not commands are ignored. They come in on any
thread (a subshell's, while a cell is running), so their handler posts a command and returns; frames
of states are sent by the ticker's thread only, hence in order.
"""

from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import anywidget
import traitlets

from resnb.graph.flow import Flow
from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.widget.commands import FlowCommands
from resnb.notebook.widget.timeline_record import record_of
from resnb.run.memory import memory_of
from resnb.view.live.flow import LiveFlow
from resnb.view.live.frames import Frame
from resnb.view.live.ticker import TICKER
from resnb.view.timeline.feed import TimelineFeed

STATIC = Path(__file__).parents[2] / "view" / "static"
MODEL_PREFIX = "resnb-"
"""How the ids of flows' models begin."""
LONGEST_MESSAGE = 64 * 1024
"""Maximum number of characters in a message."""
LONGEST_ID = 64
"""Maximum number of characters in the id of a view."""
_DRAWN = frozenset({"structure", "states", "delta"})


def _static(name: str) -> Any:
    text = (STATIC / name).read_text(encoding="utf-8")
    return traitlets.Unicode(text).tag(sync=True)


class FlowWidget(anywidget.AnyWidget):
    """Shows a flow while it is built, runs and cleans up.

    Args:
        flow: the flow.

    Attributes:
        rest: the frames with the flow's latest state of rest, for views without a kernel: those of
            a notebook that was saved with its widgets.
        is_seen: whether a view has ever been opened in this kernel.
    """

    # as paths, anywidget would keep every widget for as long as the kernel lives
    _esm = _static("widget.js")
    _css = _static("widget.css")
    rest: Any = traitlets.List().tag(sync=True)
    is_seen: ClassVar[bool] = False

    def __init__(self, flow: Flow) -> None:
        # the same in every run; the plugin for JupyterLab knows its models by the prefix
        name = uuid5(NAMESPACE_URL, f"resnb:{flow.name}").hex
        super().__init__(model_id=f"{MODEL_PREFIX}{name}")
        self._commands = FlowCommands(self._send_frame)
        self._live = self._live_flow(flow)
        self.on_msg(self._received)
        _release(self.comm)
        TICKER.add(self._live, self._send_frame)

    def follow(self, flow: Flow) -> None:
        """Show `flow` from now on, which has replaced another one of its name."""
        before = self._live
        if before.flow is flow:
            return
        self._live = self._live_flow(flow, before)
        self.rest = []
        TICKER.remove(before)
        TICKER.add(self._live, self._send_frame)

    def _live_flow(self, flow: Flow, before: LiveFlow | None = None) -> LiveFlow:
        """`flow` for the views that have shown `before`."""
        watched = () if before is None else before.timelines.views
        live = LiveFlow(
            flow,
            lambda: memory_of(flow),
            () if before is None else before.views,
            timelines=TimelineFeed(flow.name, lambda drawn: record_of(flow, drawn), watched),
            sources=lambda subject: self._commands.sources(live, subject),
            is_deaf=lambda: KEEPER.activity.is_busy,
        )
        return live

    def expect(self, *, views: bool) -> None:
        """Expect views whose messages may be held back until the running cell has ended."""
        self._live.expect(views=views)
        TICKER.look()

    def bundle(self) -> dict[str, Any]:
        """What a front end needs to show a view of this model."""
        content = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": content}

    def _send_frame(self, frame: Frame) -> None:
        self.send(frame)
        if frame["frame"] in _DRAWN and not self._live.is_moving:
            self.rest = self._live.at_rest()
        _release(self.comm)

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        del buffers
        if not isinstance(content, dict) or len(str(content)) > LONGEST_MESSAGE:
            return
        view = content.get("view")
        if not isinstance(view, str) or len(view) > LONGEST_ID:
            return
        FlowWidget.is_seen = True  # each widget has a class of its own
        if self._commands.take(self._live, view, content):
            self._send_frame({"frame": "taken", "ask": str(content.get("ask"))})
        TICKER.look()

    def close(self) -> None:
        """Stop watching the flow."""
        TICKER.remove(self._live)
        super().close()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<FlowWidget of {self._live.flow.name!r}>"


def _release(comm: Any) -> None:
    """Let messages go to the subshell that the front end names, also while a cell is running.

    ipykernel 7.4 sends them to the shell in whose name something was last published: for resnb's
    threads that is the one that runs cells.
    """
    getattr(comm, "__dict__", {}).pop("_reply_subshell_id", None)


__all__ = ["FlowWidget"]
