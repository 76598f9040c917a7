"""The part that runs ``@flow`` functions: called, in the background, inside one another."""

from collections.abc import Mapping
from threading import Event
from typing import TYPE_CHECKING, Any

from resnb.errors import FlowFailed, GraphError, RunError, shown_without_ours
from resnb.graph.base.active_function import active_function
from resnb.run.functions.async_run import call_async, refuse_plain
from resnb.run.functions.engine import Call
from resnb.run.functions.run import FunctionRun
from resnb.states import RUNNING, State

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction


class FunctionRunner:
    """Runs flow functions; see `resnb.graph.base.ports`."""

    def call(
        self,
        flow: "FlowFunction",
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        return_state: bool = False,
    ) -> Any:
        """Run `flow`; gives what it returns, or the state. An async one gives a coroutine."""
        outer = active_function()
        assert outer is None or isinstance(outer, FunctionRun)
        if flow.signature.asynchronous:
            if outer is not None:
                refuse_plain(flow, outer)
            return call_async(unused(flow), Call(args, kwargs), outer, returns_state=return_state)
        if outer is None:
            return _shown(lambda: _tried(flow, args, kwargs, None, returns_state=return_state))
        own = unused(flow)

        def nested() -> Any:
            return _tried(own, args, kwargs, outer, returns_state=return_state)

        return outer.call_flow(nested, own, Call(args, kwargs))

    def run(self, flow: "FlowFunction", parameters: Mapping[str, Any]) -> State:
        """Run `flow`, which is not async; gives its state."""
        _refuse_async(flow)
        state: State = self.call(flow, (), parameters, return_state=True)
        return state

    def start(self, flow: "FlowFunction", parameters: Mapping[str, Any]) -> FunctionRun:
        """Run `flow`, which is not async, in the background."""
        _refuse_async(flow)
        return FunctionRun(flow, (), parameters).start()

    async def run_async(self, flow: "FlowFunction", parameters: Mapping[str, Any]) -> State:
        """Run `flow`, which is async, and await its state."""
        if not flow.signature.asynchronous:
            message = f"flow {flow.name!r} is not async: call it, or use {flow.name}.start()"
            raise GraphError(message)
        state: State = await self.call(flow, (), parameters, return_state=True)
        return state


def _refuse_async(flow: "FlowFunction") -> None:
    if flow.signature.asynchronous:
        message = f"flow {flow.name!r} is async: write `await {flow.name}(...)`"
        raise GraphError(message)


def unused(flow: "FlowFunction") -> "FlowFunction":
    """`flow`, or another one like it if it is running already: a function that calls itself."""
    if getattr(flow.memory, "code", None) != RUNNING:
        return flow
    return flow.twin()


def _tried(
    flow: "FlowFunction",
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    outer: FunctionRun | None,
    *,
    returns_state: bool,
) -> Any:
    for left in range(flow.retries, -1, -1):
        run = FunctionRun(flow, args, kwargs, outer=outer, is_last_try=not left)
        state = run.run()
        if not left or not state.is_failed():
            break
        Event().wait(flow.retry_delay)
    return given(run, state, returns_state=returns_state)


def given(run: FunctionRun, state: State, *, returns_state: bool) -> Any:
    """What the caller of a run gets.

    Raises:
        FlowFailed: it was cancelled, or a handler has chosen a state that is no success.
        BaseException: what the function raised.
    """
    error = run.error
    if returns_state and not isinstance(error, KeyboardInterrupt):
        return state
    by_cancel = run.is_cancelled and not isinstance(error, KeyboardInterrupt)
    if by_cancel and run.is_outermost and state.is_cancelled():
        raise FlowFailed(state.message, state)
    if error is not None:
        raise error
    state.raise_for_failure()
    return run.value


def _shown(call: Any) -> Any:
    try:
        return call()
    except (FlowFailed, RunError):
        raise
    except BaseException as error:
        shown_without_ours(error)
        raise


UNFOLDER = FunctionRunner()

__all__ = ["UNFOLDER", "FunctionRunner", "given", "unused"]
