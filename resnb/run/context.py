"""`context`: what running code can ask about itself, by Prefect 1.x's names."""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Self

from resnb.graph.base.building import flow_being_built
from resnb.run.engine.slots import CURRENT, RunSlot
from resnb.run.engine.surroundings import facts_of_row, facts_of_run, give, given
from resnb.unsupported import CONTEXT


def _facts() -> dict[str, Any]:
    """What the running code may know; outside a run, only the logger and what was given."""
    from resnb.run.active import active_runs
    from resnb.run.output.logs import get_run_logger

    found: dict[str, Any] = {"logger": get_run_logger()}
    if (flow := flow_being_built()) is not None:
        found["flow"] = flow
    slot = CURRENT.get()
    if slot is not None:
        sent = getattr(slot.output, "facts", None)  # on a cluster's worker
        if sent is not None:
            found |= sent()
        if isinstance(slot, RunSlot):
            found |= facts_of_run(slot.run)
        for run in active_runs():
            if slot.output is run.execution.output:
                found |= facts_of_run(run)
                found |= facts_of_row(run, slot.row) if slot.row >= 0 else {}
    return {**found, **given()}


class Context(MutableMapping[str, Any]):
    """Facts about the code that is running, as attributes or items.

    ``logger`` is always there. In a run so are ``flow_name``, ``flow_run_id``, ``parameters``, and
    when it began, in UTC: ``date``, ``scheduled_start_time``, ``today`` (``2024-05-31``),
    ``yesterday``, ``tomorrow``, each also as ``today_nodash`` (``20240531``), and ``now_nodash``.
    In a task there are also ``map_index`` (None unless mapped), ``task_name``,
    ``task_full_name``, ``task_run_count`` (tries so far), ``task_run_id``, ``task_tags``,
    ``task_loop_count``, and from the second round of a loop on ``task_loop_result``.

    ``with context(x=1):`` adds to that, and takes precedence, in the block and in the runs that
    are started in it.

    Raises:
        AttributeError: for a fact that Prefect has and resnb has not, with what to do instead;
            also by ``get``.

    Example:
        >>> @task
        ... def greet():
        ...     return f"{context.flow_name}: {context.task_name}, {context.who}"
        >>> with Flow("hello") as flow:
        ...     text = greet()
        >>> with context(who="you"):
        ...     state = flow.run()
        >>> text.value
        'hello: greet, you'
    """

    def __getitem__(self, name: str) -> Any:
        found = _facts()
        if name not in found and name in CONTEXT:
            message = f"context has no {name!r}, which Prefect has: {CONTEXT[name]}"
            raise AttributeError(message)
        return found[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            known = ", ".join(sorted(_facts()))
            message = f"context has no {name!r} here; it has: {known}"
            raise AttributeError(message) from None

    def __setitem__(self, name: str, value: Any) -> None:
        give({**given(), name: value})

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delitem__(self, name: str) -> None:
        if name not in given():
            raise KeyError(name)
        give({key: value for key, value in given().items() if key != name})

    def __iter__(self) -> Iterator[str]:
        return iter(_facts())

    def __len__(self) -> int:
        return len(_facts())

    def copy(self) -> dict[str, Any]:
        """All that is known here, as a dictionary of its own."""
        return _facts()

    @contextmanager
    def __call__(self, values: Mapping[str, Any] = {}, /, **more: Any) -> Iterator[Self]:
        """A block in which these values are added."""
        before = given()
        give({**before, **values, **more})
        try:
            yield self
        finally:
            give(before)

    def __reduce__(self) -> str:
        """There is one, wherever it is sent."""
        return "context"

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return "<context of the running code>"


context = Context()
