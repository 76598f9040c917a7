"""What leaves a flow with the tasks that a cell does not define any more, in words."""

from collections.abc import Iterable, Sequence

from resnb.graph.tasks.task import Task
from resnb.notebook.cells.identity import TaskLabel


def name_of(label: TaskLabel, task: Task) -> str:
    """What a user calls a task of a cell: its variable, or else its name."""
    return f"`{label}`" if isinstance(label, str) else repr(task.name)


def farewell(
    dropped: Iterable[tuple[TaskLabel, Task]], missing: Sequence[str], cells: Iterable[int]
) -> str:
    """The line that says which tasks of other cells have left a flow, and how to get them back.

    Args:
        dropped: the tasks that have left, with their identities in their cells.
        missing: what they used, and the cell no longer defines.
        cells: the numbers of their cells, as far as they are known.
    """
    names = list(dict.fromkeys(_left(label, task) for label, task in dropped))
    numbers = [f"[{one}]" for one in sorted(set(cells))]
    several = len(names) > 1
    run = f"run cell{'s' * (len(numbers) != 1)} {listed(numbers)} again" if numbers else ""
    run = run or f"run {'their cells' if several else 'its cell'} again"
    was = "were removed: they used" if several else "was removed: it used"
    lost = f"{listed(missing)}, which this cell no longer defines" if missing else "what is gone"
    return f"{listed(names)} {was} {lost}; {run}"


def _left(label: TaskLabel, task: Task) -> str:
    if task.kind in {"init", "setup", "cleanup"}:
        return f"scope {task.scope.name!r}"
    return repr(label) if isinstance(label, str) else repr(task.name)


def listed(names: Sequence[str], most: int = 5) -> str:
    """`names` in a sentence; of many only the first, and how many more; empty for none."""
    if not names:
        return ""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
