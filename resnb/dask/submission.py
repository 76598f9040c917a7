"""Gives rows to a cluster, many in one message, and with them what can follow at once."""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from resnb.dask.calls import CallFactory
from resnb.dask.cluster_loss import reason_of
from resnb.dask.messages import AT_ONCE, first_of
from resnb.dask.pipelining import MOST, Pipeline
from resnb.errors import RunError

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.run.engine.engine import Engine


class Submission:
    """What one cluster has been given: that of a scope's resource, or (None) the run's own.

    Attributes:
        numbers: the number of the latest try of each row that was given to it, from 1.
        futures: the futures of what is there; None for what goes with the next message.
        done: called on the client's loop with row, try and future once that is done.
        failed: called with a row that cannot be sent, and why.
        lost: called with the reason if the cluster is gone.
    """

    done: Callable[[int, int, Any], object]
    failed: Callable[[int, RunError], object]
    lost: Callable[[str], object]

    def __init__(self, engine: "Engine", client: Any, scope: "Scope | None") -> None:
        self.calls = CallFactory(engine, client)
        self.numbers: dict[int, int] = {}
        self.futures: dict[int, Any] = {}
        self._client = client
        self._pipeline = Pipeline(
            engine.execution.plan, scope, engine.execution.table.state.__getitem__
        )
        self._batch: dict[Any, tuple[Any, int, int]] = {}
        self.is_claimed = False
        self._claiming = threading.Lock()

    def claim(self) -> None:
        """A cancel begins: nothing goes ahead any more, for it might begin after the clean-up."""
        with self._claiming:
            self.is_claimed = True

    def send(self, row: int) -> None:
        """Give `row` to the cluster, and with it what can follow without the kernel."""
        waiting = [row]
        while waiting:
            one = waiting.pop()
            if one != row and (one in self.numbers or len(self.futures) > MOST):
                continue
            number = self.numbers.get(one, 0) + 1
            try:
                key, call = self.calls.call(one, number)
            except RunError as error:
                if one == row:
                    self.failed(row, error)
                continue  # one that goes ahead fails when its turn comes
            with self._claiming:
                if one != row and self.is_claimed:
                    continue
                self.numbers[one] = number
                self.futures[one] = None
            self._batch[key] = (call, one, number)
            self.calls.promise(one, key)
            if len(self._batch) >= AT_ONCE:
                self.submit()
            if not self.is_claimed:
                waiting += reversed(self._pipeline.after(one))

    def submit(self) -> None:
        """Send what was given."""
        while self._batch:
            keys = list(first_of(self._batch))
            rows = [self._batch.pop(key) for key in keys]
            graph = {key: call for key, (call, _, _) in zip(keys, rows, strict=True)}
            try:
                futures = self._client.get(graph, keys, sync=False)
            except Exception as error:  # noqa: BLE001 - the cluster's, which is not there any more
                for _, row, _ in rows:
                    self.futures.pop(row, None)
                self.lost(reason_of(self._client, error))
                continue
            for future, (_, row, number) in zip(futures, rows, strict=True):
                self.futures[row] = future
                self.calls.hold(row, future)
                future.add_done_callback(partial(self.done, row, number))
