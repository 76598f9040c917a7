"""The interfaces through which layers above run and draw a flow.

The graph knows nothing else of these layers. `resnb` itself plugs in the implementations, lazily,
so that building a flow imports neither threads nor Graphviz.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from resnb.states import State


class Runner(Protocol):
    """Runs flows."""

    def run(self, flow: Any, **options: Any) -> State:
        """Run and wait."""

    def start(self, flow: Any, **options: Any) -> Any:
        """Run in the background."""

    async def run_async(self, flow: Any, **options: Any) -> State:
        """Run and await."""


class FunctionRunner(Runner, Protocol):
    """Runs ``@flow`` functions."""

    def call(self, flow: Any, args: Any, kwargs: Any, *, return_state: bool = False) -> Any:
        """Run the function, and return what it returns, or the state."""


class Holder(Protocol):
    """Holds resources outside flows."""

    def __call__(self, manager: Any, args: Any, kwargs: Any, /) -> Any:
        """A use of a resource, to be entered or opened."""


class Painter(Protocol):
    """Draws flows."""

    def visualize(self, flow: Any, **options: Any) -> Any:
        """A picture of the flow, optionally with a run's states."""

    def mimebundle(self, flow: Any) -> Mapping[str, Any]:
        """What a notebook shows for a flow."""


class Ports:
    """The implementations that are plugged in."""

    def __init__(self) -> None:
        self.runner: Callable[[], Runner] = _unplugged
        self.painter: Callable[[], Painter] = _unplugged
        self.function_runner: Callable[[], FunctionRunner] = _unplugged
        self.holder: Callable[[], Holder] = _unplugged
        self.clusters: Callable[[], Any] = _unplugged
        self.context: Callable[[], Any] = _unplugged
        self.logger: Callable[[], Any] = _unplugged


def _unplugged() -> Any:
    message = "import resnb instead of resnb.graph: it plugs in what runs and draws flows"
    raise RuntimeError(message)


PORTS = Ports()
