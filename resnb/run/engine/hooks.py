"""Calls the user's state handlers and hooks, in each form that they may have."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.graph.base.signature import signature_of
from resnb.graph.tasks.task import Task
from resnb.run.engine.slots import CURRENT
from resnb.run.scheduling.outcome import Outcome, of_state, text_of
from resnb.states import (
    CANCELLED,
    FAILED,
    FIRST_UNSUCCESSFUL,
    RUNNING,
    SKIPPED,
    Pending,
    Running,
    State,
)

if TYPE_CHECKING:
    from resnb.run.engine.execution import Execution


def handled(task: Task, old: State | None, outcome: Outcome) -> Outcome:
    """`outcome` after the task's state handlers, each of which may replace the state.

    Where a failure leads to another try, the handlers see both, one after the other. A handler
    that raises fails the task.
    """
    if not task.state_handlers:
        return outcome
    before = old or Pending()
    if outcome.instead_of is None:
        return _handled(task, before, outcome)
    failed = outcome._replace(code=outcome.instead_of, instead_of=None)
    chosen = _handled(task, before, failed)
    if chosen is not failed:
        return chosen
    return _handled(task, failed.state(), outcome)


def _handled(task: Task, before: State, outcome: Outcome) -> Outcome:
    state = outcome.state()
    try:
        for handler in task.state_handlers:
            chosen = call_user_code(handler, task, before, state)
            if isinstance(chosen, State) and chosen is not state:
                state = chosen
                outcome = of_state(chosen)
    except BaseException as error:  # noqa: BLE001 - the user's code
        return Outcome(FAILED, error=error, reason=f"a state handler raised {text_of(error)}")
    if outcome.code < RUNNING:
        return Outcome(RUNNING)
    return outcome


def call_hook(hook: Callable[..., Any], subject: Any, run: Any, state: State) -> Any:
    """Call `hook`, and give what it returns, with as many of (subject, run, state) as it accepts.

    A hook of one argument gets the run; one of two gets the subject and the state, or the run if
    the second argument is called ``run`` or ``..._run``. If the hook is a task, its code is called.
    """
    hook = hook.run if isinstance(hook, Task) else hook
    accepts = signature_of(hook)
    names = accepts.positional
    if accepts.var_positional or len(names) > 2:  # noqa: PLR2004 - the form with three arguments
        return hook(subject, run, state)
    if len(names) == 2:  # noqa: PLR2004 - the form with two arguments
        return hook(subject, run if names[1].endswith("run") else state)
    return hook(run) if names else hook()


def call_user_code(function: Callable[..., Any], *args: Any) -> Any:
    """Call a hook or handler of the user's; on the main thread, Ctrl-C interrupts it."""
    slot = CURRENT.get()
    if slot is None:
        return function(*args)
    try:
        slot.in_hook = True
        return function(*args)
    finally:
        slot.in_hook = False


def call_hooks(
    hooks: Iterable[Callable[..., Any]],
    subject: Any,
    run: Any,
    state: State,
    report: Callable[[str], object],
) -> None:
    """Call all of `hooks`; one that raises is reported in one line."""
    for hook in hooks:
        try:
            call_user_code(call_hook, hook, subject, run, state)
        except BaseException as error:  # noqa: BLE001 - the user's code
            name = getattr(hook, "__name__", None) or getattr(hook, "name", repr(hook))
            is_task = hasattr(subject, "kind")
            owner = f"task {run.flow.label_of(subject)!r}" if is_task else f"flow {subject.name!r}"
            report(f"hook {name!r} of {owner} raised {text_of(error)}\n")


def hooks_of(subject: Any, code: int) -> tuple[Callable[..., Any], ...]:
    """The hooks of a task or flow for a state."""
    if code >= FIRST_UNSUCCESSFUL:
        found = subject.on_cancellation if code == CANCELLED else subject.on_failure
    else:
        other = () if code == SKIPPED else subject.on_completion
        found = subject.on_running if code == RUNNING else other
    return tuple(found)


def run_hooks(execution: "Execution", row: int, outcome: Outcome) -> None:
    """Call the task's hooks for its final state; one that raises is reported with the task."""
    task = execution.task_of(row)
    hooks = hooks_of(task, outcome.code)
    if hooks:
        report = partial(execution.output.write, row, "stderr")
        call_hooks(hooks, task, execution.scopes.run, outcome.state(), report)


def call_running_hooks(execution: "Execution", task: Task) -> None:
    """Call the task's hooks for the beginning of a try."""
    if task.on_running:
        call_hooks(task.on_running, task, execution.scopes.run, Running(), execution.output.report)


def considered(execution: "Execution", task: Task, outcome: Outcome) -> Outcome:
    """`outcome`, without another try if the task's ``retry_condition_fn`` is against it."""
    condition = task.retry_condition_fn
    if condition is None or outcome.instead_of is None:
        return outcome
    end = outcome._replace(code=outcome.instead_of, delay=0.0, instead_of=None)
    try:
        again = call_user_code(call_hook, condition, task, execution.scopes.run, end.state())
    except BaseException as error:  # noqa: BLE001 - the user's code
        return Outcome(
            FAILED, error=error, reason=f"its retry_condition_fn raised {text_of(error)}"
        )
    return outcome if again else end
