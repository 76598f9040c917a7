"""`LocalExecutor`: runs tasks one after the other on the thread that runs the flow."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnb.run.engine.engine import Engine


class LocalExecutor:
    """Runs tasks one after the other, on the thread that called ``flow.run``.

    For debugging, and for code that must run on the main thread. Set-up and clean-up still run on
    their lease thread.

    Example:
        >>> import threading
        >>> with Flow("here", executor=LocalExecutor()) as flow:
        ...     thread = task(threading.get_ident)()
        >>> state = flow.run()
        >>> thread.value == threading.get_ident()
        True
    """

    def start(self, engine: "Engine") -> "InlineWorker":
        """Get ready for one run."""
        return InlineWorker(engine)

    def __repr__(self) -> str:
        """The call that makes it."""
        return "LocalExecutor()"


class InlineWorker:
    """The waiting thread as the only worker."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def drive(self) -> None:
        """Run rows until the run is over."""
        self._engine.work()

    def join(self) -> None:
        """There is no thread to wait for."""
