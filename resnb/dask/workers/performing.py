"""What runs on a Dask worker: a task's code, or that of the tasks of a bundle, one after the other.

What the code raises is no error to Dask: it comes back as a `Failure`, so that the kernel decides
what follows, and no worker logs it. In a bundle it stops only what depends on it.

If a worker is lost, Dask gives what it had to another one. That does not run again what had
succeeded according to the reports, if its value is in them; of a bundle it runs nothing else
that was not done either, but gives it back as suspect: perhaps that is what has killed the other
worker. In a new bundle it would kill the next one, and Dask, which counts the workers that died
of one task, would never give up.
"""

import pickle
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

from resnb.dask.failures import Failure, error_of, failure_of
from resnb.dask.serialization import OWN, RemoteCall, found_at, loaded, pickled
from resnb.dask.workers.registry import TryRegistry, registry_of
from resnb.dask.workers.tries import (
    FAILED,
    SUCCEEDED,
    SUSPECT,
    UNDONE,
    BundleRun,
    Report,
    failure_by,
)
from resnb.errors import described
from resnb.graph.base.inputs import flat, is_sequence, items_of, joined
from resnb.run.engine.slots import CURRENT, NOTHING
from resnb.run.output.routing import routed

SUSPICION = "it may have killed another worker"
AGAIN = "resnb-again"
"""The annotation of Dask's tasks that were given to a worker before (see `MarkAgain`)."""


def perform(data: bytes, *upstream: Any) -> Any:
    """Run one try of a task's code.

    Args:
        data: the call to run, pickled.
        *upstream: values from the cluster, and results of what only has to end first.

    Returns:
        What the code returned; a `Failure` if it returned nothing that can be used.

    Raises:
        BaseException: what the code has raised now, although it had returned something on a worker
            that is gone; the kernel may have taken it for a success.
    """
    call: RemoteCall = pickle.loads(data)  # noqa: S301 - the kernel's
    worker, registry = _here()
    before = _ends_before(worker, call.topic)
    end, result = ("", None) if before is None else before.of(call)
    if end == SUCCEEDED and result:
        return pickle.loads(result)  # noqa: S301 - a worker's of ours
    if end == FAILED:
        return Failure(result)
    inputs = _inputs(call, upstream, ())
    if isinstance(inputs, Failure):
        return inputs
    report = registry.begins(call)
    if isinstance(report, str):
        return Failure(None, report)  # the kernel knows what follows from that
    try:
        value = _performed(call, inputs, report, registry)
    finally:
        registry.ends_alone(report, _dask_key())
    error = error_of(value) if type(value) is Failure else None
    if error is not None and before is not None and before.mark == "memory":
        raise error
    return value


def perform_all(data: bytes, *upstream: Any) -> list[Any]:
    """Run the tries of a bundle.

    Args:
        data: a `RemoteBundle`, pickled, each of its calls after those that it needs.
        *upstream: as for `perform`.

    Returns:
        For each call what `perform` would return.
    """
    calls, seconds = pickle.loads(data)  # noqa: S301 - the kernel's
    worker, registry = _here()
    before = _ends_before(worker, calls[0].topic)
    bundle, results = BundleRun(calls, seconds), list[Any]()
    registry.opens(bundle)
    try:
        for at, call in enumerate(calls):
            bundle.at = at
            known = None if before is None else before.of(call)
            results.append(_next_of(bundle, known, upstream, results, registry))
    finally:
        registry.closes(bundle, _dask_key())
    return results


def _next_of(
    bundle: BundleRun,
    known: tuple[str, bytes | None] | None,
    upstream: Sequence[Any],
    results: Sequence[Any],
    registry: TryRegistry,
) -> Any:
    """What came of the call whose turn it is in `bundle`.

    `known` says how it ended on a worker that is gone, and with what.
    """
    call = bundle.calls[bundle.at]
    if known is not None:
        end, data = known
        if end == SUCCEEDED and data:
            return pickle.loads(data)  # noqa: S301 - a worker's of ours
        if end != SUCCEEDED:
            if end == SUSPECT:
                data = SUSPICION.encode()
                registry.skips(call, bundle, SUSPECT, SUSPICION)
            return failure_by(end, data)
    inputs = _inputs(call, upstream, results)
    if isinstance(inputs, Failure):
        registry.skips(call, bundle, UNDONE, inputs.reason)
        return inputs
    report = registry.begins(call, bundle)
    if isinstance(report, str):
        return Failure(None, report)
    try:
        return _performed(call, inputs, report, registry)
    finally:
        registry.ends(report, bundle)


def _here() -> tuple[Any, TryRegistry]:
    """The worker, and its registry."""
    from distributed import get_worker

    worker = get_worker()
    if "resnb.run.flow_run" not in sys.modules:  # in the kernel, the run has done so
        routed()  # as long as this process lives
    return worker, registry_of(worker)


def _dask_key() -> Any:
    """The key of Dask's task that this thread runs; None for none."""
    from distributed import worker as workers

    return getattr(workers.thread_state, "key", None)  # type: ignore[attr-defined]


def _inputs(
    call: RemoteCall, upstream: Sequence[Any], results: Sequence[Any]
) -> list[Any] | Failure:
    """The upstream values of `call`; why it cannot run if there is not each of them."""
    found = [found_at(results if n == OWN else upstream[n], path) for n, path in call.places]
    for one in found:
        if type(one) is Failure:
            return Failure(None, one.reason or "what it needs has failed there")
    return found


def _performed(call: RemoteCall, inputs: list[Any], report: Report, registry: TryRegistry) -> Any:
    """What the code of a try that has begun returned; a `Failure` for nothing."""
    slot = report.slot
    slot.row = call.row
    token = CURRENT.set(slot)
    try:
        function, args, kwargs = loaded(call, inputs, registry.attachments)
        slot.inside = call.row
        value = function(*args, **kwargs)
        slot.inside = NOTHING
        report.data, report.size = pickled(call.name, value)
    except BaseException as error:  # noqa: BLE001 - it is the user's, and becomes a state
        slot.inside = NOTHING
        failure = failure_of(error)
        report.end, report.data = FAILED, failure.error
        return failure
    else:
        report.end = SUCCEEDED
        return value
    finally:
        CURRENT.reset(token)


class _EndsBefore(NamedTuple):
    """How tries ended on workers that are gone.

    Attributes:
        is_whole: whether none was forgotten.
        mark: what `MarkAgain` says of Dask's task.
    """

    ends: dict[tuple[int, int], tuple[str, bytes | None]]
    is_whole: bool
    mark: str

    def of(self, call: RemoteCall) -> tuple[str, bytes | None]:
        """How `call` ended, and with what.

        If that was forgotten, or it can have killed no worker, it counts as done, without a value.
        """
        unknown = SUSPECT if self.is_whole and self.mark != "moved" else SUCCEEDED
        return self.ends.get((call.row, call.number), (unknown, None))


def _ends_before(worker: Any, topic: str) -> _EndsBefore | None:
    """How tries ended on workers that are gone; None if Dask's task is given to the first one."""
    from dask import config
    from distributed.utils import sync

    task = worker.state.tasks.get(_dask_key())
    mark = None if task is None else (task.annotations or {}).get(AGAIN)
    if mark is None:
        return None
    events = sync(worker.loop, worker.scheduler.events, topic=topic)
    most = config.get("distributed.admin.low-level-log-length", 1_000)
    ends = {
        (one["row"], one["try"]): (one["end"], one["data"])
        for _, message in events
        for one in message["reports"]
        if one["end"]
    }
    return _EndsBefore(ends, most is None or len(events) < most, mark)


def _failing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `function` return a `Failure` rather than raise: an error is the user's, not Dask's."""

    @wraps(function)
    def safe(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001 - the user's values
            return failure_of(error)

    return safe


def _assembled(parts: Any, upstream: Sequence[Any]) -> Any:
    """A value, or a list of values, of which each is at a place, or (with `OWN`) there itself."""

    def part(one: tuple[int, Any]) -> Any:
        place, path = one
        return path if place == OWN else found_at(upstream[place], path)

    return [part(one) for one in parts] if isinstance(parts, list) else part(parts)


@_failing
def flattened(name: str, key: str, parts: Any, upstream: Sequence[Any]) -> Any:
    """A value with a level of nesting taken out."""
    return items_of(name, key, flat(_assembled(parts, upstream)))


@_failing
def joined_items(parts: Any, upstream: Sequence[Any]) -> Any:
    """What the children of a mapped task returned, one level flatter."""
    return joined(_assembled(parts, upstream))[0]


@_failing
def joined_counts(parts: Any, upstream: Sequence[Any]) -> Any:
    """How many items each of these children returned."""
    return joined(_assembled(parts, upstream))[1]


@_failing
def counted(name: str, key: str, parts: Any, upstream: Sequence[Any]) -> Any:
    """How many items a value has; None if it has none but is no argument either."""
    value = _assembled(parts, upstream)
    if type(value) is Failure:
        return value
    if not key and not is_sequence(value):
        return None
    return len(value) if is_sequence(value) else len(items_of(name, key, value))


def stop(calls: list[tuple[str, int, int]], dask_worker: Any = None) -> list[tuple[int, int]]:
    """Stop tries on this worker; see `TryRegistry.stop`."""
    return registry_of(dask_worker).stop([(topic, row, number) for topic, row, number in calls])


def leave(topic: str, dask_worker: Any = None) -> dict[str, Any]:
    """A run is over: detach what it has attached, if the manager says how.

    Returns:
        The worker's last reports, and how many messages it has sent before.
    """
    attached, reports, said = registry_of(dask_worker).leave(topic)
    for manager, resource in attached:
        detach = getattr(manager, "detach", None)
        if detach is not None:
            try:
                detach(resource)
            except Exception as error:  # noqa: BLE001 - the user's code, on its way out
                print(f"detach raised {described(error)}", file=sys.stderr)  # noqa: T201
    return {"name": str(dask_worker.name), "reports": reports, "said": said}
