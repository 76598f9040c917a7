"""What a flow asks of the layers above it: to be run, and to be drawn.

The graph knows these two interfaces only; `resnb` itself plugs in the real parts (lazily, so
that building a flow imports neither threads nor Graphviz).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.tasks.task import Task
    from resnb.states import State


class Memory(Protocol):
    """What a flow remembers of its runs."""

    def value_of(self, task: "Task") -> Any:
        """The latest value of `task`, or `NoValueError`."""

    def state_of(self, task: "Task") -> "State":
        """The latest state of `task`."""


class Runner(Protocol):
    """The part that runs flows."""

    def run(self, flow: "Flow", **options: Any) -> "State":
        """Run and wait."""

    def start(self, flow: "Flow", **options: Any) -> Any:
        """Run in the background."""

    async def run_async(self, flow: "Flow", **options: Any) -> "State":
        """Run and await."""


class Unfolder(Runner, Protocol):
    """The part that runs ``@flow`` functions."""

    def call(self, flow: Any, args: Any, kwargs: Any, *, return_state: bool = False) -> Any:
        """Run the function; gives what it returns, or the state."""


class Painter(Protocol):
    """The part that draws flows."""

    def visualize(self, flow: "Flow", **options: Any) -> Any:
        """A picture of the flow, optionally with a run's states."""

    def mimebundle(self, flow: "Flow") -> Mapping[str, Any]:
        """What a notebook shows for a flow."""


class Ports:
    """The parts that are plugged in."""

    def __init__(self) -> None:
        self.runner: Callable[[], Runner] = _unplugged
        self.painter: Callable[[], Painter] = _unplugged
        self.unfolder: Callable[[], Unfolder] = _unplugged
        self.clusters: Callable[[], Any] = _unplugged
        self.logger: Callable[[], Any] = _unplugged


def _unplugged() -> Any:
    message = "import resnb rather than resnb.graph: it plugs in the parts that run and draw flows"
    raise RuntimeError(message)


PORTS = Ports()

__all__ = ["PORTS", "Memory", "Painter", "Ports", "Runner", "Unfolder"]
