"""Maps over what is on a cluster; only the number of items comes to the kernel."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from resnb.dask.failures import Failure, error_of
from resnb.dask.remote_value import RemoteItems, RemoteValue
from resnb.elsewhere import Elsewhere
from resnb.run.engine.mapping import MappedInputs, Source, expand, sources, take_in

if TYPE_CHECKING:
    from resnb.dask.calls import CallFactory
    from resnb.run.engine.engine import Engine


class _Count(NamedTuple):
    """A pending question to the cluster: the length of `source`."""

    inputs: MappedInputs
    left: list[Source]
    source: Source
    items: RemoteValue


class RemoteMapping:
    """Expands the mapped rows of one cluster.

    Args:
        taken: the rows whose turn has come, and that have not ended.
        settle: called with a row that is being expanded, or cannot be: there is no try of it.
        fetch: fetches a small value, and calls what it is given with that.
    """

    def __init__(
        self,
        engine: "Engine",
        calls: "CallFactory",
        taken: set[int],
        settle: Callable[[int], object],
        fetch: Callable[[Any, Callable[[Any], object]], object],
    ) -> None:
        self._engine = engine
        self._execution = engine.execution
        self._calls = calls
        self._taken = taken
        self._settle = settle
        self._fetch = fetch

    def expand(self, row: int) -> None:
        """Find out how many items `row` is mapped over, and give it its children."""
        try:
            found = list(sources(self._execution, row, self._calls.values))
        except Exception as error:  # noqa: BLE001 - the user's values
            self._refuse(row, error)
        else:
            self._go_on(row, MappedInputs(), found)

    def _go_on(self, row: int, inputs: MappedInputs, left: list[Source]) -> None:
        """Add what is `left` to the `inputs` of `row`, and give it its children."""
        execution = self._execution
        name = execution.plan.tasks[row].name
        try:
            while left:
                source = left.pop(0)
                if self._calls.is_remote(source):
                    items, count = self._calls.counted(row, source)
                    asked = _Count(inputs, left, source, items)
                    self._fetch(count, partial(self._counted, row, asked))
                    return
                take_in(inputs, name, source._replace(value=_fetched(source)))
        except Exception as error:  # noqa: BLE001 - the user's values
            self._refuse(row, error)
            return
        self._settle(row)
        execution.begin_try(row)
        execution.post(self._engine.runner.begun, row)
        expand(execution, row, inputs)

    def _counted(self, row: int, asked: _Count, count: Any) -> None:
        if row not in self._taken:
            return
        if isinstance(count, Failure):
            count = error_of(count)
        if isinstance(count, BaseException):
            self._refuse(row, count)
            return
        if count is not None:  # None: something to wait for that has no items
            counts = count if asked.source.children else [count]
            asked.inputs.add(asked.source, RemoteItems(asked.items, sum(counts)), counts)
        self._go_on(row, asked.inputs, asked.left)

    def _refuse(self, row: int, error: BaseException) -> None:
        self._settle(row)
        self._engine.runner.refuse(row, error)


def _fetched(source: Source) -> Any:
    """The value of `source`; the items of a list stay where they are, unless they are flattened."""
    value = source.value
    if isinstance(value, Elsewhere):
        return value.fetched()
    is_flat = source.is_flat and isinstance(value, list)
    return RemoteValue.together(value) if is_flat else value
