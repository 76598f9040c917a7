"""`context`: what the code of a running task can ask about itself, by Prefect 1.x's names."""

from collections.abc import Iterator, Mapping
from typing import Any

from resnb.run.engine.slots import CURRENT


def _facts() -> dict[str, Any]:
    """What the running code may know; outside a run, only the logger."""
    from resnb.run.lifecycle import active_run
    from resnb.run.output.logs import get_run_logger

    found: dict[str, Any] = {"logger": get_run_logger()}
    run, slot = active_run(), CURRENT.get()
    if run is None or slot is None or slot.output is not run.execution.output or slot.row < 0:
        return found
    execution, row = run.execution, slot.row
    task = execution.task_of(row)
    index = None if row < len(execution.plan.tasks) else execution.mapped.index(row)
    defaults = {one.name: one.default for one in run.flow.parameters()}
    return found | {
        "flow_name": run.flow.name,
        "map_index": index,
        "parameters": defaults | run.parameters,
        "task_full_name": task.name if index is None else f"{task.name}[{index}]",
        "task_name": task.name,
        "task_run_count": execution.table.tries[row],
        "task_tags": task.tags,
    }


class Context(Mapping[str, Any]):
    """Facts about the task that is running, as attributes or items.

    ``logger`` is always there; inside a run, so are ``flow_name``, ``map_index`` (None unless
    mapped), ``parameters``, ``task_full_name``, ``task_name``, ``task_run_count`` (tries so far)
    and ``task_tags``.
    """

    def __getitem__(self, name: str) -> Any:
        return _facts()[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return _facts()[name]
        except KeyError:
            known = ", ".join(sorted(_facts()))
            message = f"context has no {name!r} here; it has: {known}"
            raise AttributeError(message) from None

    def __iter__(self) -> Iterator[str]:
        return iter(_facts())

    def __len__(self) -> int:
        return len(_facts())

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return "<context of a running task>"


context = Context()

__all__ = ["Context", "context"]
