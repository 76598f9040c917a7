"""The runner of ``@flow`` functions: called, in the background, inside one another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from resnb.errors import FlowFailed, GraphError, RunError, shown_without_ours, user_line
from resnb.graph.base.active_function import active_function
from resnb.run.functions.async_run import nested, refuse_plain, tried
from resnb.run.functions.call_arguments import CallArguments
from resnb.run.functions.run import FunctionRun
from resnb.run.output.notices import notice
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
        """Run `flow`; returns its value, or the state (in a coroutine, for an async one)."""
        outer = active_function()
        assert outer is None or isinstance(outer, FunctionRun)
        call = CallArguments(args, kwargs)
        if flow.signature.asynchronous:
            if outer is not None:
                refuse_plain(flow, outer)
            return self._call_async(unused(flow), call, outer, returns_state=return_state)
        if outer is None:
            with _shown_without_ours():
                return _tried(flow, call, returns_state=return_state)
        own = unused(flow)
        return outer.calls.call_flow(
            partial(_tried, own, call, outer, returns_state=return_state), own, call
        )

    async def _call_async(
        self,
        flow: "FlowFunction",
        call: CallArguments,
        outer: FunctionRun | None,
        *,
        returns_state: bool,
    ) -> Any:
        if outer is not None:
            return await nested(flow, call, outer, returns_state=returns_state)
        with _shown_without_ours():
            return await tried(flow, call, returns_state=returns_state)

    def run(
        self, flow: "FlowFunction", parameters: Mapping[str, Any], *, quiet: bool = False
    ) -> State:
        """Run `flow`, which is not async; returns its state."""
        _refuse_async(flow)
        state: State = self.call(flow, (), parameters, return_state=True)
        return state if quiet else _told(flow, state)

    def start(
        self, flow: "FlowFunction", parameters: Mapping[str, Any], *, quiet: bool = False
    ) -> FunctionRun:
        """Run `flow`, which is not async, in the background."""
        del quiet  # it tells nothing anyway
        _refuse_async(flow)
        return FunctionRun(flow, (), parameters).start()

    async def run_async(
        self, flow: "FlowFunction", parameters: Mapping[str, Any], *, quiet: bool = False
    ) -> State:
        """Run `flow`, which is async, and await its state."""
        if not flow.signature.asynchronous:
            message = f"flow {flow.name!r} is not async: call it, or use {flow.name}.start()"
            raise GraphError(message)
        state: State = await self.call(flow, (), parameters, return_state=True)
        return state if quiet else _told(flow, state)


def _told(flow: "FlowFunction", state: State) -> State:
    """Say on stderr that `flow` has failed, and where. Returns `state`."""
    if state.is_failed():
        error = state.result if isinstance(state.result, BaseException) else None
        where = user_line(error)
        place = f" ({where})" if where else ""
        notice(f"flow {flow.name!r} failed: {state.message}{place}")
    return state


def _refuse_async(flow: "FlowFunction") -> None:
    if flow.signature.asynchronous:
        message = f"flow {flow.name!r} is async: write `await {flow.name}(...)`"
        raise GraphError(message)


def unused(flow: "FlowFunction") -> "FlowFunction":
    """`flow`, or a twin if it is running already, for a function that calls itself."""
    if getattr(flow.memory, "code", None) != RUNNING:
        return flow
    return flow.twin()


def _tried(
    flow: "FlowFunction",
    call: CallArguments,
    outer: FunctionRun | None = None,
    *,
    returns_state: bool,
) -> Any:
    """Run `flow`, again if it fails and has tries left; returns what its caller gets."""
    for left in range(flow.retries, -1, -1):
        run = FunctionRun(flow, call.args, call.kwargs, outer=outer, is_last_try=not left)
        state = run.run()
        if not left or not state.is_failed():
            break
        Event().wait(flow.retry_delay)
    return run.result(state, returns_state=returns_state)


@contextmanager
def _shown_without_ours() -> Iterator[None]:
    """Let a notebook show what the user's code raises without resnb's frames."""
    try:
        yield
    except (FlowFailed, RunError):
        raise
    except BaseException as error:
        shown_without_ours(error)
        raise


RUNNER = FunctionRunner()
