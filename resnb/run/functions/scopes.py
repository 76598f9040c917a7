"""``with resource(...)`` in a ``@flow`` function: a block that holds a lease.

Entering sets up, on the lease's thread; leaving waits for what was submitted inside, and cleans
up. `RunScopes` does both, as for any flow.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any

from resnb.graph.resources.scope import Scope, ScopeUse
from resnb.run.engine.scopes import RunScopes
from resnb.run.scheduling.plan import PlannedScope

if TYPE_CHECKING:
    from resnb.graph.resources.resource import ResourceManager
    from resnb.run.functions.run import FunctionRun

INNERMOST: ContextVar["Block | None"] = ContextVar("resnb_block", default=None)
"""The block around the line that is running; coroutines side by side have their own."""


class UnfoldingScopes(RunScopes):
    """The scopes of a run whose graph unfolds."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.raised: set[Scope] = set()
        self._counts: dict[str, int] = {}

    def enter(self, block: "Block", planned: PlannedScope) -> None:
        """Know one more scope, whose rows there are."""
        base = "kernel" if block.options.lifetime == "kernel" else self._plan.flow.name
        name = f"{base}/{block.name}"
        self._counts[name] = count = self._counts.get(name, 0) + 1
        self._names[block] = name if count == 1 else f"{name}-{count}"
        block.rows, block.index = planned, len(self._plan.scopes)
        for row in (planned.init, planned.setup, planned.cleanup):
            self._plan.scope_of[row] = block.index
        self._plan.scopes.append(planned)

    def add_member(self, block: "Block", row: int) -> None:
        """Count `row` as inside `block`."""
        block.inside.append(row)
        self._plan.scope_of.setdefault(row, block.index)

    def let_thread_go(self, block: "Block") -> None:
        """`block` is closed: its thread ends, unless the lease needs it yet."""
        with self._lock:
            thread = self._threads.pop(ScopeUse(block), None)
        if thread is not None:
            thread.close()

    def _succeeded(self, use: ScopeUse) -> bool:
        return use.scope not in self.raised and super()._succeeded(use)


class Block(Scope):
    """One use of a resource in a ``@flow`` function: ``with Cluster(2) as client:``.

    In an async function, ``async with`` does not hold up what else runs on its event loop.

    Attributes:
        rows: those of its init, set-up and clean-up, once it was entered.
        inside: the rows of the tasks inside.
        index: its place among the run's scopes.
        inputs: the arguments by name.
        call: the arguments as they were given.
    """

    def __init__(
        self,
        run: "FunctionRun",
        manager: "ResourceManager",
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        super().__init__(manager, run.flow, manager.scope_options, manager.name)
        self.inputs, _ = manager.signature.assign(f"resource {manager.name!r}", args, kwargs)
        self.call = args, kwargs
        self.rows: PlannedScope | None = None
        self.inside: list[int] = []
        self.index = -1
        self._run = run
        self._token: Token[Block | None] | None = None
        manager.furnish(self)

    @property
    def is_mapped(self) -> bool:
        """No: such a function has a block for each item."""
        return False

    def is_innermost(self) -> None:
        """Its resource is there, and what comes now is inside."""
        self._token = INNERMOST.set(self)

    def is_over(self) -> None:
        """What comes now is outside."""
        token, self._token = self._token, None
        if token is not None and INNERMOST.get() is self:
            INNERMOST.reset(token)

    def __enter__(self) -> Any:
        return self._run.enter(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._run.leave(self, error)

    async def __aenter__(self) -> Any:
        from resnb.run.functions.async_run import entered

        return await entered(self._run, self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        from resnb.run.functions.async_run import left

        await left(self._run, self, error)


__all__ = ["INNERMOST", "Block", "UnfoldingScopes"]
