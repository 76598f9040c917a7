"""The options of a run: the values of its parameters, and what else ``flow.run`` is given."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import OptionError, RunError
from resnb.graph.base.active_function import ACTIVE_FUNCTION
from resnb.graph.base.building import BUILDING
from resnb.graph.tasks.task import Task
from resnb.states import State
from resnb.unsupported import NEEDLESS, RUN_OPTIONS, refuse

if TYPE_CHECKING:
    from resnb.graph.base.roles import Flow
    from resnb.graph.structure import Structure


def run_options(
    flow: "Structure",
    parameters: Mapping[str, Any] | None,
    params: Mapping[str, Any],
    *,
    has_quiet: bool,
) -> dict[str, Any]:
    """The options ``parameters`` and ``quiet`` of a run.

    Args:
        flow: the flow.
        parameters: values by parameter name.
        params: the keywords: more values, and perhaps ``quiet``.
        has_quiet: whether ``quiet`` is a parameter of the flow.

    Raises:
        OptionError: a value was given twice, or a keyword is an option of Prefect's runs.
    """
    given = _given_parameters(flow, parameters, params)
    quiet = not has_quiet and bool(given.pop("quiet", False))
    return {"parameters": given, "quiet": quiet}


def _given_parameters(
    flow: "Structure", parameters: Mapping[str, Any] | None, params: Mapping[str, Any]
) -> dict[str, Any]:
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


def refuse_nested(flow: "Flow") -> None:
    """Refuse a run of `flow` inside its own block, or inside a ``@flow`` function.

    Raises:
        RunError: the line that is running is inside one of these.
    """
    if BUILDING.get().flow is flow:
        message = (
            f"flow {flow.name!r} cannot run inside its own building block: "
            "run it after the `with` block or %%flow cell"
        )
        raise RunError(message)
    if (running := ACTIVE_FUNCTION.get()) is not None:
        message = (
            f"flow {flow.name!r} cannot run inside @flow function {running.flow.name!r}: run "
            "it before or after, or make it a @flow function, too, and call that"
        )
        raise RunError(message)


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
