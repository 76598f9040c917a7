"""The parameter values, and the states of tasks, that a run is given."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import OptionError
from resnb.graph.tasks.task import Task
from resnb.states import State
from resnb.unsupported import NEEDLESS, RUN_OPTIONS, refuse

if TYPE_CHECKING:
    from resnb.graph.structure import Structure


def given_parameters(
    flow: "Structure", parameters: Mapping[str, Any] | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """The values, given as one mapping or as keywords.

    Raises:
        OptionError: one was given twice, or is an option that Prefect's runs have.
    """
    if not isinstance(parameters, Mapping | None):
        message = (
            f"flow {flow.name!r}: parameters={parameters!r} is no mapping of names to values: "
            "pass name=value"
        )
        raise OptionError(message)
    unknown = {name: value for name, value in params.items() if name not in flow.parameter_names}
    refuse(f"the run of flow {flow.name!r}", unknown, RUN_OPTIONS)
    passing = unknown.keys() & (RUN_OPTIONS.keys() | NEEDLESS)
    params = {name: value for name, value in params.items() if name not in passing}
    twice = set(parameters or ()) & params.keys()
    if twice:
        message = f"parameter {min(twice)!r} was given twice"
        raise OptionError(message)
    return {**(parameters or {}), **params}


def refuse_states(flow: "Structure", states: Any) -> None:
    """Refuse what are no states of tasks.

    Raises:
        OptionError: `states` is neither None, nor a run's state, nor a mapping of tasks to states.
    """
    if states is None or isinstance(states, State):
        return
    fault = states
    if isinstance(states, Mapping):
        wrong = (one for one in states.items() if not _is_state_of_task(*one))
        if (found := next(wrong, None)) is None:
            return
        fault = dict([found])
    raise OptionError(
        f"flow {flow.name!r}: task_states={fault!r} has to be the state of an earlier run, or a "
        "mapping of tasks to states"
    )


def _is_state_of_task(task: Any, state: Any) -> bool:
    return isinstance(task, Task) and isinstance(state, State)
