"""What the lines of a ``@flow`` function can hold: blocks with a resource."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import RunError
from resnb.ledger.kernel.keeper import KEEPER
from resnb.run.functions.binding import bound_resource
from resnb.run.functions.engine import Call
from resnb.run.functions.futures import TaskFuture
from resnb.run.functions.scopes import INNERMOST, Block
from resnb.run.functions.task_calls import Called
from resnb.run.scheduling.plan import PlannedScope

if TYPE_CHECKING:
    from resnb.graph.resources.resource import ResourceManager


class Holding(Called):
    """The part of a run that sets up and cleans up.

    Attributes:
        blocks: the blocks that were entered and not closed, outer ones first.
    """

    blocks: dict[Block, None]

    def use(
        self, manager: "ResourceManager", args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Block:
        """A block that holds a resource, once it is entered."""
        return Block(self, manager, args, kwargs)  # type: ignore[arg-type]

    def enter(self, block: Block) -> Any:
        """Set up the resource of `block`; gives the resource.

        Raises:
            BaseException: what init or set-up raised; nothing is left behind.
        """
        try:
            with self.body.paused:
                rows = self.begin_block(block)
                for row in (rows.init, rows.setup):
                    self.body.wait_for(row)
                    resource = self.outcome(row)
        except BaseException:
            if block in self.blocks:
                with self.body.paused:
                    self.close_block(block)
            raise
        block.is_innermost()
        return resource

    def leave(self, block: Block, error: BaseException | None) -> None:
        """Wait for what was begun in `block`, and clean up, unless that comes later."""
        with self.body.paused:
            if self.end_block(block, error):
                self.close_block(block)

    def begin_block(self, block: Block) -> PlannedScope:
        """Record a block, and begin to set up its resource.

        Raises:
            RunError: it was entered before.
        """
        if block.rows is not None:
            message = (
                f"resource {block.name!r} was entered twice: write "
                f"`with {block.manager.name}(...)` for each use"
            )
            raise RunError(message)
        KEEPER.watch_ends()  # here, for only the main thread can install signal handlers
        owner, engine = f"resource {block.name!r}", self.engine
        inputs = bound_resource(owner, block.inputs, self.origins)
        around = INNERMOST.get()
        nodes = self.flow.record_scope(block, self._sources(inputs), around)
        sources = [row for rows, _ in inputs.values() for row in rows]
        cleanup = -1 if around is None or around.rows is None else around.rows.cleanup
        with engine.adding:
            first = len(engine.plan.tasks)
            rows = PlannedScope(block, first, first + 1, first + 2, block.inside)
            self.scopes.enter(block, rows)
            self.blocks[block] = None
            manager = TaskFuture(self, rows.init, block.init_task)  # type: ignore[arg-type]
            calls = (Call(*block.call), sources), (Call((manager,), {}), [rows.init])
            upstream = (*calls, (Call((), {}), [rows.init, rows.setup]))
            for row in (rows.init, rows.setup, rows.cleanup):
                engine.output.show(row)
            for node, (call, before) in zip(nodes, upstream, strict=True):
                row = engine.add(node, call, before, cleanup=cleanup)
                if around is not None:
                    self.scopes.add_member(around, row)
        self._redrawing.changed(first)
        return rows

    def end_block(self, block: Block, error: BaseException | None) -> bool:
        """The lines of `block` are over; gives whether it is to be closed now."""
        block.is_over()
        if error is not None:
            self.scopes.raised.add(block)
            reason = f"the block of resource {block.name!r} raised"
            self.engine.post(self.engine.scheduler.give_up_pending, block.inside, reason)
        inner = any(one is not block and block in one.around() for one in self.blocks)
        return block.options.lifetime != "flow" and not inner

    def close_block(self, block: Block) -> None:
        """Clean up what `block` holds as soon as what was begun in it has ended; waits."""
        assert block.rows is not None
        self.blocks.pop(block, None)
        if self.engine.defect is None:  # else the run closes what is open
            self.engine.post(self.engine.scheduler.let_go, block.rows.cleanup)
            self.body.wait_for(block.rows.cleanup)
        self.scopes.let_thread_go(block)


__all__ = ["Holding"]
