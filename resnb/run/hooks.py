"""Calling the user's state handlers and hooks, in whichever form they were written."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from resnb.graph.signature import signature_of
from resnb.run.outcome import Outcome, of_state
from resnb.states import CANCELLED, FAILED, RUNNING, SKIPPED, Pending, State

if TYPE_CHECKING:
    from resnb.graph.task import Task
    from resnb.run.engine import Engine


def handled(task: "Task", old: State | None, outcome: Outcome) -> Outcome:
    """`outcome` after the task's state handlers, each of which may put another state in its place.

    A handler that raises fails the task.
    """
    state = outcome.state()
    before = old or Pending()
    try:
        for handler in task.state_handlers:
            chosen = handler(task, before, state)
            if isinstance(chosen, State) and chosen is not state:
                state = chosen
                outcome = of_state(chosen)
    except Exception as error:  # noqa: BLE001 - the user's code
        reason = f"a state handler raised {type(error).__name__}: {error}"
        return Outcome(FAILED, error=error, reason=reason)
    if outcome.code < RUNNING:
        return Outcome(RUNNING)
    return outcome


def call_hook(hook: Callable[..., Any], subject: Any, run: Any, state: State) -> None:
    """Call `hook` with as many of (subject, run, state) as it accepts.

    One argument gets the run; two get the subject and, by the second's name, state or run.
    """
    names = signature_of(hook).positional
    if len(names) == 1:
        hook(run)
    elif len(names) == 2:  # noqa: PLR2004 - the form with two arguments
        hook(subject, state if names[1] == "state" else run)
    elif names or signature_of(hook).var_positional:
        hook(subject, run, state)
    else:
        hook()


def run_hooks(engine: "Engine", task: "Task", state: State) -> None:
    """Call the task's hooks for its final state; one that raises is reported with the task."""
    if state.code == CANCELLED:
        hooks = task.on_cancellation
    elif state.is_failed():
        hooks = task.on_failure
    elif state.code != SKIPPED:
        hooks = task.on_completion
    else:
        return
    for hook in hooks:
        try:
            call_hook(hook, task, engine.scopes.run, state)
        except Exception as error:  # noqa: BLE001 - the user's code
            name = getattr(hook, "__name__", repr(hook))
            text = f"hook {name!r} of task {task.name!r} raised {type(error).__name__}: {error}\n"
            engine.output.write(engine.plan.row_of[task], "stderr", text)


__all__ = ["call_hook", "handled", "run_hooks"]
