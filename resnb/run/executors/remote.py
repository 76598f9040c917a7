"""The interface of what runs tasks on clusters; the run itself knows no Dask."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope


class Remote(Protocol):
    """Runs rows on clusters (see `resnb.dask.clusters`); with the lock held, nothing here waits.

    Attributes:
        link: the address of the latest cluster's dashboard; empty if there is none.
    """

    link: str

    def take(self, row: int) -> None:
        """`row` may run; called with the lock held."""

    def claim(self) -> None:
        """A cancel begins: mark every row that may have begun as running; with the lock held."""

    def over(self) -> None:
        """Every row has its final state; with the lock held."""

    def join(self) -> None:
        """The run is over: wait until nothing goes on any more."""

    def leave(self, scope: "Scope") -> None:
        """The resource of `scope` is about to be cleaned up: fetch the values that are needed."""

    def readable(self, values: list[Any]) -> Any:
        """`values`; those on a cluster are fetched when they are looked up."""


__all__ = ["Remote"]
