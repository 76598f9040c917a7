"""The output around a flow's view: a front end that has no anywidget shows a picture there.

The output is a box of two of ipywidgets' own and the view. Where a view can be drawn, it hides the
picture (see `theme.css`); elsewhere the picture's style sheet hides what stands in for the view. So
nobody has to know which front end it is, and no kernel has to be idle.
"""

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, VBox

if TYPE_CHECKING:
    from resnb.graph.flow import Flow

WHAT_TO_INSTALL = (
    "This is a picture, not the live view: the environment in which JupyterLab runs has no "
    "anywidget. Install resnb there (or anywidget), and reload the page."
)
_STYLE = """<style>
.resnb-output .jupyter-widgets-error-widget { display: none !important; }
.resnb-still img { background: #fff; max-width: 100%; }
.resnb-still p { color: var(--jp-ui-font-color2, #616161); margin: 2px 0; }
</style>"""


class FlowOutput(VBox):  # type: ignore[misc]
    """A flow's view, and its picture where that cannot be shown.

    Args:
        view: the view's widget.
        model_id: its id, the same in every run.
    """

    def __init__(self, view: Any, model_id: str) -> None:
        self._still = HTML()
        self._still.add_class("resnb-still")
        super().__init__([self._still, view], model_id=model_id)
        self.add_class("resnb-output")

    def draw(self, flow: "Flow") -> None:
        """Draw the picture as `flow` is now."""
        bundle = flow._repr_mimebundle_()
        text, picture = bundle["text/plain"], bundle.get("image/png")
        shown = f"<pre>{escape(text)}</pre>"
        if picture is not None:
            data = b64encode(picture).decode()
            shown = f'<img alt="{escape(text)}" src="data:image/png;base64,{data}">'
        self._still.value = f"{_STYLE}{shown}<p>{WHAT_TO_INSTALL}</p>"

    def close(self) -> None:
        """Close the box, not the view."""
        self._still.close()
        super().close()
