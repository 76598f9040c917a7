"""What cells show: the picture of a flow beside a text that is the same on every run."""

from typing import Any

from resnb.graph.flow import Flow
from resnb.notebook.closing import wait_for_reaper
from resnb.run.memory import memory_of


def show_flow(flow: Flow) -> None:
    """Show `flow` below the cell, as it is when the reaper has had its try."""
    from IPython import display

    wait_for_reaper(memory_of(flow).leases())
    show: Any = display.display
    bundle: Any = flow._repr_mimebundle_()
    show(bundle, raw=True)


__all__ = ["show_flow"]
