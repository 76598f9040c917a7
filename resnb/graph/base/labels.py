"""Labels that tell tasks of one name apart: ``total``, ``total-2``, in errors and in views."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def numbered(names: Iterable[str]) -> tuple[str, ...]:
    """`names`, where repeated ones get ``-2``, ``-3`` and so on."""
    wanted = list(names)
    taken = set(wanted)
    next_number: dict[str, int] = {}
    found = []
    for name in wanted:
        number = next_number.get(name, 1)
        label = name
        if number > 1:
            while (label := f"{name}-{number}") in taken:
                number += 1
            taken.add(label)
        next_number[name] = number + 1
        found.append(label)
    return tuple(found)


def name_in_scope(task: Any, manager: str, scope: str) -> str:
    """The name of a scope's own task, for example ``client.setup``.

    Args:
        task: the init, set-up or clean-up task. A name that a user gave it stays.
        manager: the name of the scope's resource manager.
        scope: the name of the scope.
    """
    return task.name if has_own_name(task, manager) else f"{scope}.{task.kind}"


def has_own_name(task: Any, manager: str) -> bool:
    """Whether a user has named a scope's own task, whose manager is called `manager`."""
    return bool(task.name != (manager if task.kind == "init" else f"{manager}.{task.kind}"))


def shared_names(tasks: Sequence[Any], scopes: Iterable[Any]) -> Mapping[Any, str]:
    """The labels of those tasks of a flow whose names others have, too.

    Args:
        tasks: all tasks of the flow, in its order.
        scopes: its scopes.
    """
    count = Counter(task.name for task in tasks)
    if len(count) == len(tasks):
        return {}
    known = tuple(scopes)
    names = {task: task.name for task in tasks}
    for scope, label in zip(known, numbered(one.name for one in known), strict=True):
        for task in scope.own_tasks:
            names[task] = name_in_scope(task, scope.manager.name, label)
    labels = numbered(names[task] for task in tasks)
    return {task: label for task, label in zip(tasks, labels, strict=True) if count[task.name] > 1}
