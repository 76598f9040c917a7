"""What a task's handle knows of the latest run: its value, and its state."""

from typing import TYPE_CHECKING, Any, cast

from resnb.errors import NoValueError

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.tasks.task import Task
    from resnb.states import State


class Latest:
    """The part of a task that answers from its flow's memory."""

    name: str

    @property
    def flow(self) -> "Flow | None":
        """The flow that the task was added to, if any."""
        raise NotImplementedError

    @property
    def value(self) -> Any:
        """The latest value; for a scope's variable the resource while its lease is open.

        Raises:
            NoValueError: there is none; the message says how to get one.
        """
        flow = self.flow
        if flow is None:
            message = f"task {self.name!r} is in no flow, so it has no value: call it in a flow"
            raise NoValueError(message)
        if flow.memory is None:
            message = (
                f"task {self.name!r} has no value yet: flow {flow.name!r} has not run "
                f"(%flow run {flow.name}, or flow.run())"
            )
            raise NoValueError(message)
        return flow.memory.value_of(cast("Task", self))

    @property
    def state(self) -> "State":
        """The latest state; pending if the task has not run yet."""
        from resnb.states import Pending

        flow = self.flow
        if flow is None or flow.memory is None:
            return Pending()
        return flow.memory.state_of(cast("Task", self))


__all__ = ["Latest"]
