"""Setting up and cleaning up the resources of a ``@flow`` function's blocks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, RunError
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.functions.async_wait import AsyncWatcher, row_ended
from resnb.run.functions.binding import bound_resource
from resnb.run.functions.scopes import Block

if TYPE_CHECKING:
    from resnb.graph.resources.resource import ResourceManager
    from resnb.ledger.kernel.lease import Lease
    from resnb.run.functions.task_calls import TaskCalls


class Blocks:
    """The blocks of one run.

    Attributes:
        open: the blocks that were entered and not closed, outer ones first.
    """

    def __init__(self, calls: "TaskCalls") -> None:
        self.open: dict[Block, None] = {}
        self._calls = calls
        self._engine = calls.engine
        self._execution = calls.engine.execution
        self._body = calls.body
        self._recorder = calls.recorder

    def use(
        self, manager: "ResourceManager", args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Block:
        """A block that holds a resource, once it is entered."""
        return Block(self, self._recorder.flow, manager, args, kwargs)

    def enter(self, block: Block) -> Any:
        """Set up the resource of `block`; returns the resource.

        Raises:
            BaseException: what init or set-up raised; nothing is left behind.
        """
        try:
            with self._body.paused:
                for row in self._begin(block):
                    self._body.wait_for(row)
                    resource = self._calls.outcome(row)
        except BaseException:
            if block in self.open:
                with self._body.paused:
                    self.close(block)
            raise
        block.open()
        return resource

    async def enter_async(self, block: Block) -> Any:
        """Do the same as `enter`, in an async function."""
        try:
            with self._body.paused:
                rows = self._begin(block)
            for row in rows:
                await row_ended(self._engine, row)
                resource = self._calls.outcome(row)
        except BaseException as error:
            if block in self.open and not isinstance(error, GeneratorExit):
                await self.close_async(block)
            raise
        block.open()
        return resource

    def leave(self, block: Block, error: BaseException | None) -> None:
        """Wait for the tasks that were begun in `block`, and clean up, unless that comes later.

        Raises:
            LeaseLost: the resource was taken away meanwhile, and no line of the block raised.
        """
        with self._body.paused:
            if self._is_to_close(block, error):
                self.close(block)
        self._refuse_loss(block, error)

    async def leave_async(self, block: Block, error: BaseException | None) -> None:
        """Do the same as `leave`, in an async function."""
        is_to_close = self._is_to_close(block, error)
        if is_to_close and not isinstance(error, GeneratorExit):  # else the run's end closes it
            broken = await self.close_async(block)
            if broken is not None:
                raise broken
        self._refuse_loss(block, error)

    def _refuse_loss(self, block: Block, error: BaseException | None) -> None:
        lease = self._execution.scopes.leases.get(ScopeUse(block))
        if error is None and lease is not None and lease.is_lost:
            reason = f"was cleaned up before its block ended: {lease.reason}"
            raise LeaseLost(f"resource {block.name!r} {reason}")

    def close(self, block: Block) -> None:
        """Clean up the resource of `block` once the tasks inside have ended, and wait for that."""
        cleanup = self._let_go(block)
        if self._execution.defect is None:
            self._body.wait_for(cleanup)
        self._closed(block)

    async def close_async(self, block: Block) -> BaseException | None:
        """Do the same as `close`, in an async function; returns what broke the wait."""
        watcher = AsyncWatcher()
        self._execution.post(self._execution.plan.added.watch, self._let_go(block), watcher)
        broken = await watcher.wait_out() if self._execution.defect is None else None
        self._closed(block)
        return broken

    def give_up(self, lease: "Lease") -> None:
        """The resource of `lease` is taken away: close its block, though its lines go on."""
        for block in tuple(self.open):
            if self._execution.scopes.leases.get(ScopeUse(block)) is lease and block.rows:
                self._let_go(block)

    def _begin(self, block: Block) -> tuple[int, int]:
        """Record a block, and begin to set up its resource; returns the rows of init and set-up.

        Raises:
            RunError: it was entered before.
        """
        if block.rows is not None:
            message = (
                f"resource {block.name!r} was entered twice: write "
                f"`with {block.manager.name}(...)` for each use"
            )
            raise RunError(message)
        KEEPER.watch_ends()  # here, because only the main thread can install signal handlers
        inputs = bound_resource(f"resource {block.name!r}", block.inputs, self._recorder.provenance)
        self.open[block] = None
        try:
            rows = self._recorder.add_block(block, inputs)
        except BaseException:
            if block.rows is None:
                del self.open[block]
            raise
        return rows.init, rows.setup

    def _is_to_close(self, block: Block, error: BaseException | None) -> bool:
        """End the lines of `block`; returns whether it is to be closed now."""
        block.close()
        if error is not None:
            self._execution.scopes.failed.add(block)
            reason = f"the block of resource {block.name!r} raised"
            self._execution.post(self._execution.scheduler.cancel, block.inside, reason)
        inner = any(one is not block and block in one.around() for one in self.open)
        return block.options.lifetime != "flow" and not inner

    def _let_go(self, block: Block) -> int:
        """Let the clean-up start when the tasks inside have ended; returns its row.

        If resnb itself has failed, the run closes its leases, and there is nothing to wait for.
        """
        assert block.rows is not None
        if self._execution.defect is None:
            self._execution.post(self._execution.scheduler.let_go, block.rows.cleanup)
        return block.rows.cleanup

    def _closed(self, block: Block) -> None:
        self.open.pop(block, None)
        self._execution.scopes.release_thread(ScopeUse(block))
