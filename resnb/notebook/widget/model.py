"""The widget of a flow: one model for each flow, however many views show it.

A front end sends small JSON messages; one that is no command is answered with what is wrong with
it. They come in on any thread (a subshell's, while a cell is running), so their handler posts a
command and returns; frames of states are sent by the ticker's thread only, hence in order.
"""

import threading
from collections import deque
from pathlib import Path
from typing import Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

import anywidget
import traitlets
from IPython.core.getipython import get_ipython

from resnb.events import Event
from resnb.graph.flow import Flow
from resnb.ledger.kernel.keeper import KEEPER
from resnb.notebook.control_channel import keep_busy
from resnb.notebook.widget.commands import FlowCommands
from resnb.notebook.widget.flow_origins import cells_of
from resnb.notebook.widget.kept_frames import KeptFrames
from resnb.notebook.widget.saved_outputs import SavedOutputs
from resnb.notebook.widget.still import FlowOutput
from resnb.notebook.widget.timeline_record import FlowTimes, record_of
from resnb.run.memory import memory_of
from resnb.view.live.flow import LiveFlow
from resnb.view.live.ticker import TICKER
from resnb.view.names import message
from resnb.view.timeline.feed import TimelineFeed
from resnb.view.wire.commands import Command
from resnb.view.wire.frames import Frame
from resnb.view.wire.kinds import MODEL_PREFIX, OUTPUT_PREFIX
from resnb.wire import fault

STATIC = Path(__file__).parents[2] / "view" / "static"
LONGEST_MESSAGE = 64 * 1024
"""Maximum number of characters in a message."""
LONGEST_ID = 64
"""Maximum number of characters in the id of a view or a message."""
REMEMBERED = 1000
"""Number of messages that are known when they come again."""
ACTIONS = frozenset(
    {"run", "run_again", "run_stale", "cancel", "cleanup", "cleanup_one", "keep_one"}
)
"""The commands that change something."""


def _static(name: str) -> Any:
    text = (STATIC / name).read_text(encoding="utf-8")
    return traitlets.Unicode(text).tag(sync=True)


class FlowWidget(anywidget.AnyWidget):
    """Shows a flow while it is built, runs and cleans up.

    Args:
        flow: the flow.

    Attributes:
        rest: the frames that draw the flow as it was last at rest, for a view that has been sent
            nothing: the first one, while a cell is running, and one without a kernel.
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
        self._output_id = f"{OUTPUT_PREFIX}{name}"
        self._commands = FlowCommands(self._send_frame)
        self._taken: deque[str] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()
        self._kept = KeptFrames(self._keep)
        self._output: FlowOutput | None = None
        self._outputs = SavedOutputs(flow, self.bundle)
        self._live = self._live_flow(flow)
        super().__init__(model_id=f"{MODEL_PREFIX}{name}", rest=_drawn(self._live))
        self.on_msg(self._received)
        _release(self.comm)
        self._output = FlowOutput(self, self._output_id)
        TICKER.add(self._live, self._send_frame)

    def follow(self, flow: Flow) -> None:
        """Show `flow` from now on, which has replaced another one of its name."""
        before = self._live
        if before.flow is flow:
            return
        self._live = self._live_flow(flow, before)
        self.rest = _drawn(self._live)
        TICKER.remove(before)
        TICKER.add(self._live, self._send_frame)

    def _live_flow(self, flow: Flow, before: LiveFlow | None = None) -> LiveFlow:
        """`flow` for the views that have shown `before`."""
        watched = () if before is None else before.timelines.views
        self._outputs = SavedOutputs(flow, self.bundle, self._outputs.places)
        live = LiveFlow(
            flow,
            lambda: memory_of(flow),
            () if before is None else before.views,
            timelines=TimelineFeed(flow.name, lambda drawn: record_of(flow, drawn), watched),
            sources=lambda subject: self._commands.sources(live, subject),
            is_deaf=lambda: KEEPER.activity.is_busy,
            draw_still=lambda: self._draw_still(flow),
            cells=lambda drawn: cells_of(flow, drawn),
            outputs=self,
            times=FlowTimes(flow),
        )
        return live

    def _draw_still(self, flow: Flow) -> None:
        if self._output is not None:  # else the first layout takes long, and a display follows
            self._output.draw(flow)

    def shown(self, place: str = "") -> None:
        """The widget was displayed: keep its views up to date, whether or not they can say so.

        Args:
            place: the id of the output, if it has one.
        """
        if place:
            self._outputs.shown(place)
        self._live.shown()
        TICKER.look()

    def bundle(self) -> dict[str, Any]:
        """What a front end needs to show a view of this model, or a picture in its place."""
        content = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": self._output_id,
            "flow": self._live.flow.name,
        }
        return {"application/vnd.jupyter.widget-view+json": content}

    def _send_frame(self, frame: Frame) -> None:
        self.send(frame)
        self._kept.sent(frame, is_moving=self._live.is_moving)
        _release(self.comm)

    def _keep(self) -> None:
        self.rest = self._live.at_rest()

    def happened(self, event: Event) -> None:
        """Something has happened."""
        self._outputs.happened(event)

    def settle(self, *, is_moving: bool) -> bool:
        """Bring up to date what is kept of a flow at rest: outputs, and `rest`.

        Returns:
            Whether something will be due.
        """
        is_due = self._outputs.settle(is_moving=is_moving)
        return is_due if is_moving else self._kept.settle() or is_due

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        del buffers
        self.take(content)
        if (kernel := getattr(get_ipython(), "kernel", None)) is not None:
            keep_busy(kernel)

    def take(self, content: Any) -> None:
        """Take a message of a view; one that is no command is answered with what is wrong."""
        if not isinstance(content, dict) or len(str(content)) > LONGEST_MESSAGE:
            return
        if found := fault(Command, content):
            text = f"the kernel cannot read what a view asks for: {found}"
            self._send_frame({"frame": "said", "text": message(text), "done": False})
            return
        view, ask = content["view"], content["ask"]
        if max(len(view), len(ask)) > LONGEST_ID:
            return
        FlowWidget.is_seen = True  # each widget has a class of its own
        if content["do"] in ACTIONS:
            self._outputs.asked()
        if self._is_repeated(ask) or self._commands.take(self._live, view, content):
            self._send_frame({"frame": "taken", "ask": ask})
        TICKER.look()

    def _is_repeated(self, ask: str) -> bool:
        """Whether this was taken before: what is not answered soon is sent another way, too."""
        with self._lock:  # they come in on several threads
            is_repeated = ask in self._taken
            self._taken.append(ask)
        return is_repeated

    def close(self) -> None:
        """Stop watching the flow."""
        TICKER.remove(self._live)
        if self._output is not None:
            self._output.close()
        super().close()

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<FlowWidget of {self._live.flow.name!r}>"


def _drawn(live: LiveFlow) -> list[Frame]:
    """The first frames of a flow, which go to the front end with its model."""
    live.shown()
    live.refresh()
    return live.at_rest()


def _release(comm: Any) -> None:
    """Let messages go to the subshell that the front end names, also while a cell is running.

    ipykernel 7.4 sends them to the shell in whose name something was last published: for resnb's
    threads that is the one that runs cells.
    """
    getattr(comm, "__dict__", {}).pop("_reply_subshell_id", None)
