"""The widget of a flow: one model for each flow, however many views show it.

A front end sends small JSON messages, of which only the known ones are looked at. Their handlers
run on whatever thread the message came in (a subshell's, while a cell is running), so they post
a command and return; frames of states are sent by the ticker's thread only, hence in order.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import anywidget
import traitlets

from resnb.graph.flow import Flow
from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.widget.commands import FlowCommands
from resnb.notebook.widget.timeline_record import recorded
from resnb.run.memory import memory_of
from resnb.view.live.flow import LiveFlow
from resnb.view.live.ticker import TICKER
from resnb.view.names import message
from resnb.view.timeline.feed import TimelineFeed
from resnb.view.wire.commands import Command
from resnb.view.wire.frames import Frame
from resnb.view.wire.kinds import MODEL_PREFIX
from resnb.wire import fault

STATIC = Path(__file__).parents[2] / "view" / "static"
LONGEST_MESSAGE = 64 * 1024
"""How many characters the parameters of a message may have in all."""
LONGEST_ID = 64
"""How many characters the name of a view may have."""
_DRAWN = frozenset({"structure", "states", "delta"})


class FlowWidget(anywidget.AnyWidget):
    """Shows a flow as it is built, runs and cleans up.

    Args:
        flow: the flow.

    Attributes:
        rest: the frames with all there was to see when the flow last came to rest, for views that
            no kernel tells anything: those of a notebook that was saved with its widgets.
        is_seen: whether a front end has ever opened a view in this kernel.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"

    rest: Any = traitlets.List().tag(sync=True)
    is_seen: ClassVar[bool] = False

    def __init__(self, flow: Flow) -> None:
        # the same in every run; by its beginning our plugin for JupyterLab knows what is ours
        name = uuid5(NAMESPACE_URL, f"resnb:{flow.name}").hex
        super().__init__(model_id=f"{MODEL_PREFIX}{name}")
        self._commands = FlowCommands(self._tell)
        self._live = self._made(flow)
        self.on_msg(self._received)
        _release(self.comm)
        TICKER.add(self._live, self._tell)

    def follow(self, flow: Flow) -> None:
        """Show `flow` from now on, which has taken the place of another one of its name."""
        before = self._live
        if before.flow is flow:
            return
        self._live = self._made(flow, before)
        self.rest = []
        TICKER.remove(before)
        TICKER.add(self._live, self._tell)

    def _made(self, flow: Flow, before: LiveFlow | None = None) -> LiveFlow:
        """`flow` for the views that have shown `before`."""
        watched = () if before is None else before.timelines.views
        live = LiveFlow(
            flow,
            lambda: memory_of(flow),
            () if before is None else before.views,
            timelines=TimelineFeed(flow.name, lambda drawn: recorded(flow, drawn), watched),
            sources=lambda subject: self._commands.sources(live, subject),
            is_deaf=lambda: KEEPER.use.is_on,
        )
        return live

    def expect(self, *, views: bool) -> None:
        """Views may be open that cannot say so yet, because the cell that runs shows the first."""
        self._live.expect(views=views)
        TICKER.look()

    def bundle(self) -> dict[str, Any]:
        """What a front end needs to show a view of this model."""
        content = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": content}

    def _tell(self, frame: Frame) -> None:
        self.send(frame)
        if frame["frame"] in _DRAWN and not self._live.is_moving:
            self.rest = self._live.at_rest()
        _release(self.comm)

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        del buffers
        if not isinstance(content, dict) or len(str(content)) > LONGEST_MESSAGE:
            return
        if found := fault(Command, content):
            text = f"the kernel cannot read what a view asks for: {found}"
            self._tell({"frame": "said", "text": message(text), "done": False})
            return
        live, what, view = self._live, content["do"], content["view"]
        if len(view) > LONGEST_ID:
            return
        if what == "close":
            live.closed(view)
            return
        is_new = live.heard(view)
        if what == "here":
            if is_new and "id" in content:  # it was forgotten, with what it looked at
                self._commands.take(live, {**content, "do": "inspect"})
            if is_new:
                TICKER.look()
        elif self._shows(live, view, content) or self._commands.take(live, content):
            self._tell({"frame": "taken", "ask": content["ask"]})
            TICKER.look()

    def _shows(self, live: LiveFlow, view: str, content: Mapping[str, Any]) -> bool:
        """Change what a view is shown; false if it asks for something else."""
        what = content.get("do")
        if what == "open":
            FlowWidget.is_seen = True  # each widget has a class of its own
            live.opened(view)
        elif what in ("unfold", "fold"):
            live.unfold(unfolded=what == "unfold")
        elif what == "timeline":
            live.timelines.shown(view, is_shown=content.get("shown") is True)
        else:
            return False
        return True

    def close(self) -> None:
        """Stop looking at the flow."""
        TICKER.remove(self._live)
        super().close()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<FlowWidget of {self._live.flow.name!r}>"


def _release(comm: Any) -> None:
    """Let what a front end sends go to the subshell that it names, also while a cell is running.

    ipykernel 7.4 sends it to the shell in whose name something was last published: for our
    threads that is the one which runs cells.
    """
    getattr(comm, "__dict__", {}).pop("_reply_subshell_id", None)


__all__ = ["FlowWidget"]
