"""What the tests of the inspector and the buttons share: a view without a front end."""

from queue import SimpleQueue

from resnb.notebook.widget.commands import FlowCommands
from resnb.run.memory import memory_of
from resnb.view.live.flow import LiveFlow
from resnb.view.live.layout import Box, Layout
from resnb.view.wire.frames import Frame
from resnb.wire import fault

PATIENCE = 60.0
"""Seconds after which a test gives up waiting for a frame."""


def laid_out(outline, direction="down"):
    del direction
    box = Box(0, 0, 1, 1)
    return Layout(1, 1, (box,) * len(outline.nodes), (box,) * len(outline.clusters), ())


class FakeView:
    """A view without a front end: a flow, its commands, and the frames that were sent."""

    def __init__(self, flow, **options):
        self.flow = flow
        self.frames = SimpleQueue()
        self.commands = FlowCommands(self.frames.put, **options)
        self.live = LiveFlow(
            flow,
            lambda: memory_of(flow),
            ["me"],
            lay_out=laid_out,
            sources=lambda subject: self.commands.sources(self.live, subject),
        )

    def send(self, command, view="me", **content):
        return self.commands.take(self.live, view, {"do": command, **content})

    def await_frame(self, kind):
        """The next frame of that kind; others are dropped."""
        while True:
            frame = self.frames.get(timeout=PATIENCE)
            assert fault(Frame, frame) == ""
            if frame["frame"] == kind:
                return frame

    def look(self, label, what="node", view="me"):
        """Inspect a node or a cluster: its rows as a table, its texts, and the frame."""
        assert self.send("inspect", view, what=what, id=label)
        while True:  # a button updates what was inspected before
            frame = self.await_frame("inspected")
            if (frame["id"], frame["what"], frame["to"]) == (label[:200], what, view):
                break
        return dict(frame["rows"]), dict(frame["texts"]), frame

    def preview(self):
        return self.await_frame("preview")

    def logs(self):
        """The logs of what is inspected, by name."""
        frame = self.live.inspections.frame(
            lambda subject: self.commands.sources(self.live, subject)
        )
        return {} if frame is None else {one["name"]: one["text"] for one in frame["logs"]}

    def said(self):
        return self.await_frame("said")["text"]
