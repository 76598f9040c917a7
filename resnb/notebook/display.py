"""What cells show: the picture of a flow beside a text that is the same on every run."""

from typing import Any

from resnb.graph.flow import Flow


def show_flow(flow: Flow) -> None:
    """Show `flow` below the cell."""
    from IPython import display

    show: Any = display.display
    bundle: Any = flow._repr_mimebundle_()
    show(bundle, raw=True)


__all__ = ["show_flow"]
