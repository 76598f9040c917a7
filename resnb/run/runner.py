"""The runner that `Flow` and the notebook use: it runs a flow or a part of it, in four ways."""

import asyncio
from collections.abc import Collection
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from resnb.errors import shown_without_ours
from resnb.graph.tasks.task import Task
from resnb.run.engine.interrupts import LOOK, Interrupts
from resnb.run.flow_run import FlowRun
from resnb.states import State

if TYPE_CHECKING:
    from resnb.graph.flow import Flow


class FlowRunner:
    """Runs flows; see `resnb.graph.base.ports`."""

    def run(self, flow: "Flow", **options: Any) -> State:
        """Run `flow` and wait."""
        return FlowRun(flow, **options).run()

    def run_part(self, flow: "Flow", tasks: Collection[Task], **options: Any) -> State:
        """Run some tasks of `flow` and wait; what else they need must be given."""
        return FlowRun(flow, only=tasks, **options).run()

    def start(self, flow: "Flow", **options: Any) -> FlowRun:
        """Run `flow` in the background."""
        return FlowRun(flow, **options).start()

    async def run_async(self, flow: "Flow", **options: Any) -> State:
        """Run `flow` and await it.

        A cancel of the awaiting task, or another exception, cancels the run, and its end is still
        awaited. If the coroutine is closed, the run ends in the background.
        """
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def concluded() -> None:
            loop.call_soon_threadsafe(set_over)

        def set_over() -> None:
            if not over.done():
                over.set_result(None)

        run = FlowRun(flow, **options)
        broken = [
            asyncio.CancelledError() if isinstance(error, KeyboardInterrupt) else error
            for error in run.launch(concluded).noted
        ]
        further = Interrupts(run.patience.end, run.patience.end)
        with ExitStack() as stack:
            while not over.done():
                try:
                    # a Ctrl-C comes through at a turn of the loop, and ipykernel does not wake that
                    await asyncio.wait([over], timeout=LOOK)
                except BaseException as error:
                    with suppress(KeyboardInterrupt):
                        run.interrupted()
                    if isinstance(error, GeneratorExit):
                        raise
                    if not broken:  # ipykernel passes only the first Ctrl-C on
                        stack.enter_context(further)
                    broken.append(error)  # a second one cuts no clean-up short
        if broken:
            raise shown_without_ours(broken[0])
        return run.wait()


RUNNER = FlowRunner()
