"""What `check_resource` has to know of an engine: the provider of the real things."""

from typing import Protocol, runtime_checkable


class Engine(Protocol):
    """Tells what is there, without resnb: the truth by which a manager is judged."""

    def count(self, lease_id: str) -> int:
        """How many things are there that carry the lease's id as a tag.

        It is not asked while the engine is stopped.
        """


@runtime_checkable
class StoppableEngine(Engine, Protocol):
    """An engine that can also be lost for a while, with all that it has made.

    A crash is a better `stop` than an orderly end; what runs in the engine may survive it or not.
    """

    def stop(self) -> None:
        """End the engine: clean-ups cannot reach it."""

    def start(self) -> None:
        """Start it again, at the same address."""
