"""Recipes: what another interpreter needs to clean up a resource.

The recipe of a manager is the manager itself, pickled without its lease, or what its method
``__resnb_recipe__()`` returns: an object with ``cleanup(resource)`` and optionally
``attach(handle)``, ``find(lease_id)`` and ``handle(resource)``. That method raises `LedgerError`
with the reason if there is no such object.

A handle is the small pickled value that stands for the open resource. If the value that
``handle(resource)`` returns does not pickle, its method ``__resnb_lesser__()`` may offer another.
"""

import inspect
import os
from collections.abc import Sequence
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NamedTuple

from resnb.errors import LedgerError, described
from resnb.ledger.recipes.captured import attributes_of, looks_secret, parts_of, values_of
from resnb.ledger.recipes.handles import (
    Ended,
    dies_with_kernel,
    ends_with_process,
    is_known,
    processes_of,
)
from resnb.ledger.recipes.paths import absolute, out_of_sight
from resnb.ledger.recipes.pickling import LARGEST, Pickled, pickled, size_of

LARGEST_PLAIN = 64 * 1024
"""The largest plain resource that is its own handle, in bytes."""
_PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath)
_CODE = (type, FunctionType, BuiltinFunctionType, ModuleType)


class Protection(NamedTuple):
    """The two marks of a lease; each is empty, or says why another process cannot clean up."""

    during_setup: str = ""  # why it cannot find what an interrupted set-up has made
    once_open: str = ""  # why it cannot clean up the open resource
    checking: bool = False  # whether the latter has yet to be shown by a rehearsal


def recipe_of(
    name: str, manager: Any, *, is_open: bool = False, folders: Sequence[str] = ()
) -> Pickled:
    """The recipe for `manager`, or why there is none.

    An attribute that does not pickle is left out and named in the fault: the clean-up may do
    without it.

    Args:
        name: the resource's name.
        manager: the object with setup and cleanup.
        is_open: whether set-up has run; what it put on the manager is left out if it is too large.
        folders: those that its paths may be relative to: that of now first, and the one before
            set-up.

    Raises:
        LedgerError: it is too large, before anything is created; names the largest variable.
    """
    try:
        recipe = _recipe(manager)
    except LedgerError as error:
        return Pickled(None, str(error))
    without = {"lease"} if recipe is manager else set()
    found = pickled(recipe, without, folders)
    if found.data is not None:
        return found._replace(fault=_stranded(recipe, folders))
    if found.too_large and not is_open:
        raise LedgerError(_too_large(name, recipe))
    left_out: dict[str, str] = {}
    for key, value in attributes_of(recipe).items() if recipe is manager else ():
        if (one := pickled(value)).data is None:
            left_out[key] = blamed(f"attribute {key!r}", value, one)
    if left_out:
        found = pickled(recipe, without | left_out.keys(), folders)
    if found.data is not None:
        return Pickled(found.data, "; ".join(left_out.values()))
    for part in parts_of(recipe):
        if (one := pickled(part.value)).data is None:
            return Pickled(None, blamed(part.label, part.value, one))
    return Pickled(None, f"it does not pickle: {found.fault}")


def handle_of(manager: Any, resource: Any, folders: Sequence[str] = ()) -> Pickled:
    """The handle for `resource`, or why there is none.

    It is what ``handle(resource)`` returns, or the resource itself if it is a plain value or of a
    known kind; with absolute paths, where `folders` are those that they may be relative to.
    """
    own = getattr(manager, "handle", None) or getattr(_recipe_or_none(manager), "handle", None)
    made = getattr(manager, "__resnb_made__", None)
    what = "what handle() returned" if own is not None else f"a {type(resource).__name__}"
    try:
        value = (own(resource) if own is not None else resource) if made is None else made()
    except Exception as error:  # noqa: BLE001 - the user's code
        return Pickled(None, f"handle() raised {described(error)}".splitlines()[0])
    if inspect.iscoroutine(value):
        value.close()
        return Pickled(None, "handle() is async: make it a plain function")
    if own is None and not is_known(value) and (made is not None or not _is_plain(value)):
        remedy = "define handle() and attach()"
        fault = f"{what} cannot be found by another process: {remedy}"
        return Pickled(None, fault if made is None else not_found_again(type(value)))
    value = absolute(value, folders) if folders else value
    found = pickled(value, folders=folders)
    if found.data is None and hasattr(value, "__resnb_lesser__"):
        value = value.__resnb_lesser__()
        found = pickled(value, folders=folders)
    if found.data is None:
        return Pickled(None, _blamed_part(what, value, found))
    if own is None and not is_known(value) and len(found.data) > LARGEST_PLAIN:
        return Pickled(None, f"{what} of {len(found.data):,} bytes is no handle: define handle()")
    return found


def not_found_again(kind: type) -> str:
    """Why another process cannot clean up an object of this class."""
    return (
        f"its clean-up lives in the kernel, because no other process can find a {kind.__name__} "
        "again"
    )


def can_find(manager: Any) -> bool:
    """Whether `manager` can look for what an interrupted set-up has left, by the lease's id."""
    return callable(getattr(manager, "find", None))


def lives_in_kernel(manager: Any, resource: Any) -> bool:
    """Whether nothing of `resource` outlives this process: declared, or known for its kind.

    Everything else that the manager holds must not outlive the process either.
    """
    if getattr(manager, "dies_with_kernel", False):
        return True
    made = getattr(manager, "__resnb_made__", None)
    if made is not None and ends_with_process(type(made())):
        return True
    return dies_with_kernel(resource) and all(
        dies_with_kernel(one) or _is_plain(one) or isinstance(one, _CODE)
        for one in values_of(manager).values()
    )


def ending_with_kernel(manager: Any, resource: Any) -> Ended:
    """What is known of a resource that `lives_in_kernel`: processes that may end a while later."""
    held = (resource, *values_of(manager).values())
    found = {one.pid: one for value in held for one in processes_of(value)}
    return Ended(type(resource).__name__, list(found.values()))


def notice_of(manager: Any) -> str:
    """A line that names what looks like secrets in the recipe; empty if there is nothing.

    The ledger erases a recipe when its lease is closed.
    """
    recipe = _recipe_or_none(manager)
    parts = parts_of(recipe) if recipe is not None else ()
    found = [
        part.label
        for part in parts
        if looks_secret(part.name)
        and not isinstance(part.value, (*_CODE, bool, type(None)))
        and part.value not in ("", b"")
    ]
    env = getattr(manager, "env", ())
    found += [f"variable {one!r}" for one in env if looks_secret(one) and os.environ.get(one)]
    if not found:
        return ""
    names = ", ".join(dict.fromkeys(found))
    return f"the ledger keeps what looks like secrets until this is cleaned up: {names}"


def _stranded(recipe: Any, folders: Sequence[str]) -> str:
    """Why a text that the recipe holds leads nowhere: set-up has changed the folder since."""
    values = [one for one in values_of(recipe).values() if isinstance(one, str)]
    lost = out_of_sight(values, folders)
    if not lost:
        return ""
    name = os.path.relpath(lost[0], folders[-1])
    return (
        f"its set-up has changed the folder, and the recipe has {name!r} relative to "
        f"{folders[-1]}: make that an absolute path"
    )


def _recipe(manager: Any) -> Any:
    own = getattr(manager, "__resnb_recipe__", None)
    return manager if own is None else own()


def _recipe_or_none(manager: Any) -> Any:
    try:
        return _recipe(manager)
    except LedgerError:
        return None


def _blamed_part(label: str, value: Any, found: Pickled) -> str:
    """What is wrong with a value, or with the one of its parts that is to blame."""
    parts = values_of(value) if hasattr(value, "__resnb_values__") else {}
    for inner, one in parts.items():
        if (fault := pickled(one)).data is None:
            return blamed(inner, one, fault)
    if parts and found.too_large:
        largest = max(parts, key=lambda inner: size_of(parts[inner]))
        size = f"{size_of(value):,} bytes, more than {LARGEST:,}"
        return f"its variables have {size}, most of them {largest}"
    return blamed(label, value, found)


def blamed(label: str, value: Any, found: Pickled) -> str:
    """Why `value`, called `label`, is no part of a recipe; `found` is what became of its pickle."""
    if found.too_large:
        return (
            f"{label} ({type(value).__name__}) has {size_of(value):,} bytes, more than {LARGEST:,}"
        )
    return f"{label} ({type(value).__name__}) does not pickle: {found.fault}"


def _too_large(name: str, recipe: Any) -> str:
    sizes = {part.label: size_of(part.value) for part in parts_of(recipe)}
    largest = max(sizes, key=lambda key: sizes[key], default="")
    blame = f"; the largest part is {largest} with {sizes[largest]:,} bytes" if largest else ""
    return (
        f"the recipe of resource {name!r} has more than {LARGEST:,} bytes{blame}: let cleanup use "
        "a small value instead. Nothing was created"
    )


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if isinstance(value, _PLAIN):
        return True
    if kind in (list, tuple, set, frozenset):
        return all(_is_plain(one) for one in value)
    return kind is dict and all(_is_plain(k) and _is_plain(v) for k, v in value.items())
