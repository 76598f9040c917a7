"""Recipes and handles: what another interpreter needs to clean a resource up.

A recipe is the pickled manager, with the classes of the notebook in it by value; a handle is the
pickled small value that stands for the resource. Things of known kinds that do not pickle (a
process, a temporary folder) are pickled as what finds them again.
"""

import io
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from resnb.errors import LedgerError
from resnb.ledger.handles import adapted, dies_with_kernel, is_known

LARGEST = 1_000_000
"""The largest recipe or handle, in bytes."""
LARGEST_PLAIN = 64 * 1024
"""The largest plain resource that is its own handle, in bytes."""
_PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath)


class Pickled(NamedTuple):
    """A pickle, or why there is none."""

    data: bytes | None
    fault: str = ""


class Protection(NamedTuple):
    """The two marks of a lease.

    Attributes:
        during_setup: why what a broken-off set-up made cannot be found; empty if it can.
        once_open: why the open resource cannot be cleaned up elsewhere; empty if it can.
    """

    during_setup: str = ""
    once_open: str = ""


def pickled(value: Any) -> Pickled:
    """`value` as bytes that a fresh interpreter can load."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, one: Any) -> Any:
            found = adapted(one)
            return super().reducer_override(one) if found is None else found

    buffer = io.BytesIO()
    try:
        Pickler(buffer).dump(value)
    except Exception as error:  # noqa: BLE001 - whatever the user's objects raise
        return Pickled(None, f"{type(error).__name__}: {error}".splitlines()[0])
    return Pickled(buffer.getvalue())


def recipe_of(name: str, manager: Any) -> Pickled:
    """The recipe for `manager`, or what keeps it from being one.

    Raises:
        LedgerError: it is too large; names the largest variable.
    """
    attributes = {key: value for key, value in vars_of(manager).items() if key != "lease"}
    found = pickled(_bare(manager, attributes))
    if found.data is None:
        blame = [key for key, value in attributes.items() if pickled(value).data is None]
        where = f"attribute {blame[0]!r} ({type(attributes[blame[0]]).__name__})" if blame else "it"
        return Pickled(None, f"{where} does not pickle: {found.fault}")
    if len(found.data) > LARGEST:
        raise LedgerError(_too_large(name, manager, attributes, len(found.data)))
    return found


def handle_of(manager: Any, resource: Any) -> Pickled:
    """The handle for `resource`."""
    own = getattr(manager, "handle", None)
    if own is not None:
        found = pickled(own(resource))
        what = "what handle() returned"
    elif is_known(resource):
        found = pickled(resource)
        what = type(resource).__name__
    elif _is_plain(resource):
        found = pickled(resource)
        what = type(resource).__name__
        if found.data is not None and len(found.data) > LARGEST_PLAIN:
            return Pickled(
                None, f"a {what} of {len(found.data)} bytes is no handle: define handle()"
            )
    else:
        return Pickled(
            None,
            f"a {type(resource).__name__} cannot be found by another process: "
            "define handle() and attach()",
        )
    if found.data is None:
        return Pickled(None, f"{what} does not pickle: {found.fault}")
    if len(found.data) > LARGEST:
        return Pickled(None, f"{what} has {len(found.data)} bytes, more than {LARGEST}")
    return found


def lives_in_kernel(manager: Any, resource: Any) -> bool:
    """Whether nothing of `resource` outlives this process."""
    return bool(getattr(manager, "dies_with_kernel", False)) or dies_with_kernel(resource)


def can_find(manager: Any) -> bool:
    """Whether half-made things can be found by the lease's id."""
    return callable(getattr(manager, "find", None))


def notice_of(manager: Any) -> str:
    """What the user should know of what `manager` captures."""
    del manager
    return ""


def vars_of(manager: Any) -> Mapping[str, Any]:
    """The attributes of `manager`."""
    return getattr(manager, "__dict__", {})


def _bare(manager: Any, attributes: Mapping[str, Any]) -> Any:
    """`manager` without its lease."""
    if not hasattr(manager, "__dict__"):
        return manager
    new = object.__new__(type(manager))
    new.__dict__.update(attributes)
    return new


def _too_large(name: str, manager: Any, attributes: Mapping[str, Any], size: int) -> str:
    cleanup = getattr(type(manager), "cleanup", None)
    used = getattr(cleanup, "__globals__", {})
    names = getattr(getattr(cleanup, "__code__", None), "co_names", ())
    parts = {**{key: used[key] for key in names if key in used}, **attributes}
    sizes = {key: len(pickled(value).data or b"") for key, value in parts.items()}
    largest = max(sizes, key=lambda key: sizes[key], default=None)
    blame = f"; the largest part is {largest!r} with {sizes[largest]} bytes" if largest else ""
    return (
        f"the recipe of resource {name!r} has {size} bytes, more than {LARGEST}{blame}: let "
        "cleanup use a small value instead. Nothing was created"
    )


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if isinstance(value, _PLAIN):
        return True
    if kind in (list, tuple, set, frozenset):
        return all(_is_plain(one) for one in value)
    return kind is dict and all(_is_plain(k) and _is_plain(v) for k, v in value.items())


__all__ = [
    "LARGEST",
    "Pickled",
    "Protection",
    "can_find",
    "handle_of",
    "lives_in_kernel",
    "notice_of",
    "pickled",
    "recipe_of",
]
