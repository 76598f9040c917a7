"""``with resource(...)`` in a ``@flow`` function: a block that holds a lease.

Entering sets up, on the lease's thread; leaving waits for what was submitted inside, and cleans
up.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Protocol

from resnb.graph.resources.scope import Scope

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.graph.resources.resource import ResourceManager
    from resnb.run.scheduling.plan import PlannedScope

INNERMOST: ContextVar["Block | None"] = ContextVar("resnb_block", default=None)
"""The block around the line that is running; coroutines side by side have their own."""


class BlockOwner(Protocol):
    """Sets up and cleans up what blocks hold."""

    def enter(self, block: "Block") -> Any:
        """Set up; returns the resource."""

    def leave(self, block: "Block", error: BaseException | None) -> None:
        """Clean up."""

    async def enter_async(self, block: "Block") -> Any:
        """Set up; returns the resource."""

    async def leave_async(self, block: "Block", error: BaseException | None) -> None:
        """Clean up."""


class Block(Scope):
    """One use of a resource in a ``@flow`` function: ``with Cluster(2) as client:``.

    In an async function, ``async with`` does not hold up what else runs on its event loop.

    Attributes:
        rows: those of its init, set-up and clean-up, once it was entered.
        inside: the rows of the tasks inside.
        inputs: the arguments by name.
        call: the arguments as they were given.
    """

    def __init__(
        self,
        owner: BlockOwner,
        flow: "FlowFunction",
        manager: "ResourceManager",
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        super().__init__(manager, flow, manager.scope_options, manager.name)
        self.inputs, _ = manager.signature.assign(f"resource {manager.name!r}", args, kwargs)
        self.call = args, kwargs
        self.rows: PlannedScope | None = None
        self.inside: list[int] = []
        self._owner = owner
        self._token: Token[Block | None] | None = None
        manager.furnish(self)

    @property
    def is_mapped(self) -> bool:
        """No: a function has a block for each item."""
        return False

    def open(self) -> None:
        """Its resource is there, and what comes now is inside."""
        self._token = INNERMOST.set(self)

    def close(self) -> None:
        """What comes now is outside."""
        token, self._token = self._token, None
        if token is not None and INNERMOST.get() is self:
            INNERMOST.reset(token)

    def __enter__(self) -> Any:
        return self._owner.enter(self)

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        self._owner.leave(self, error)

    async def __aenter__(self) -> Any:
        return await self._owner.enter_async(self)

    async def __aexit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        await self._owner.leave_async(self, error)
