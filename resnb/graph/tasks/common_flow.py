"""The flow that a line means which connects tasks."""

from typing import Any, NoReturn

from resnb.errors import OutsideFlowError
from resnb.graph.base.building import flow_being_built
from resnb.graph.base.roles import Flow
from resnb.graph.tasks.handle import Handle


def common_flow(*tasks: Any) -> Flow:
    """The flow in which to connect `tasks`: the one being built, or else the one they belong to.

    Raises:
        OutsideFlowError: no flow is being built, and none of `tasks` is in one.
    """
    flow = flow_being_built()
    if flow is None:
        known = [task for task in tasks if isinstance(task, Handle)]
        flow = next((task.flow for task in known if task.flow is not None), None)
        if flow is None:
            return no_flow(known[0])
    return flow


def no_flow(task: Handle[Any]) -> NoReturn:
    """Raise `OutsideFlowError` for a call of `task`."""
    message = (
        f"task {task.name!r} was called outside a flow: call it inside `with Flow(...)`, a %%flow "
        f"cell or a @flow function, pass flow=..., or call its code with {task.name}.run(...)"
    )
    raise OutsideFlowError(message)
