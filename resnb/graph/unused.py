"""Tasks that are made in a flow's block, and are no part of the flow when the block ends."""

import warnings
from collections.abc import Iterable

from resnb.graph.structure import Structure
from resnb.graph.tasks.function_task import FunctionTask
from resnb.graph.tasks.task import Task


def not_added(flow: Structure, made: Iterable[Task]) -> str:
    """A warning of those of the tasks `made` in its block that were neither called nor added.

    A call inspects the signature of the task; until then there is none. A decorated function is a
    definition, and scopes and parameters add themselves.
    """
    unused = [
        one
        for one in made
        if one.kind == "task"
        and not isinstance(one, FunctionTask)
        and one not in flow.nodes
        and one._signature is None  # noqa: SLF001 - of its layer
    ]
    if not unused:
        return ""
    names = ", ".join(repr(one.name) for one in unused)
    return (
        f"Tasks were created but not added to flow {flow.name!r}: {names}. Call them there, pass "
        "them to another task, or use flow.add_task(...)"
    )


def warn_of_unused(flow: Structure, made: Iterable[Task]) -> None:
    """Warn of them at the ``with`` line of the flow, whose ``__exit__`` calls this."""
    if text := not_added(flow, made):
        warnings.warn(text, stacklevel=3)
