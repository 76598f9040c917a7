"""Adoption: a later kernel takes over what an earlier one has kept for it.

A scope with ``keep`` finds the lease that the same scope of the same notebook has left: same
notebook, flow, name, definition and arguments. In every other case it takes a command that names
the lease. Either way the claim is exclusive, and the resource is rebuilt from its handle.
"""

import hashlib
import inspect
import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import LedgerError
from resnb.ledger import states
from resnb.ledger.kernel.book import LeaseBook, notebook_name
from resnb.ledger.owner import DEAD, UNKNOWN, status
from resnb.ledger.recipes.recipe import pickled
from resnb.ledger.record import Record

if TYPE_CHECKING:
    from resnb.ledger.kernel.lease import Lease


def adoption_key(
    name: str, definition: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """What a kept lease is recognised by; empty if its arguments cannot be compared.

    Args:
        name: the lease's name, flow and scope in one.
        definition: the definition of the resource.
        args: what it is called with.
        kwargs: likewise.
    """
    arguments = pickled((args, sorted(kwargs.items()))).data
    if arguments is None:
        return ""
    parts = (notebook_name(), name, _source_of(definition))
    text = "\0".join(parts).encode(errors="replace") + b"\0" + arguments
    return hashlib.sha256(text).hexdigest()


def _source_of(definition: Any) -> str:
    body = getattr(definition, "__resnb_body__", None)
    if body is not None:  # of a generator, whose file in a notebook is the magic line only
        return str(body.source)
    try:
        return inspect.getsource(definition)
    except (OSError, TypeError):
        kind = definition if hasattr(definition, "__qualname__") else type(definition)
        return f"{kind.__module__}.{kind.__qualname__}"


def kept_for(book: LeaseBook, key: str) -> list[Record]:
    """The leases that are kept under `key`; kernels that kept them have let go of them."""
    found = book.store.kept_for(key) if key else []
    return [record for record in found if status(record.owner, book.owner) != UNKNOWN]


def named(book: LeaseBook, name: str) -> Record:
    """The lease called `name` that a dead kernel has left.

    Raises:
        LedgerError: there is none, or more than one, or it cannot be adopted; says which.
    """
    left = [one for one in book.store.alive() if status(one.owner, book.owner) == DEAD]
    found = [one for one in left if one.name == name]
    if not found:
        known = ", ".join(sorted({one.name for one in left})) or "nothing is"
        message = f"nothing called {name!r} is left by an ended kernel to be adopted ({known})"
        raise LedgerError(message)
    able = [one for one in found if one.handle is not None and one.state in _ADOPTABLE]
    if not able:
        message = (
            f"resource {name!r} cannot be adopted: it is {found[0].state}, and "
            f"{found[0].unprotected or 'has left no handle'}"
        )
        raise LedgerError(message)
    return able[-1]


_ADOPTABLE = (states.KEPT, states.OPEN)


def manager_of(record: Record) -> Any:
    """The manager in the recipe of `record`, which somebody has asked for by name.

    Raises:
        LedgerError: it cannot be loaded here.
    """
    try:
        return pickle.loads(record.recipe)  # noqa: S301 - the user's own, from a private file
    except Exception as error:  # noqa: BLE001 - whatever unpickling runs
        message = f"resource {record.name!r} cannot be adopted here: its recipe fails with {error}"
        raise LedgerError(message) from None


def resume(lease: "Lease", record: Record, call: Any) -> None:
    """Rebuild the resource of `record` as that of `lease`, which is open from now on.

    Raises:
        BaseException: what attach raised; the lease is with the reaper then.
    """
    try:
        handle = pickle.loads(record.handle or b"")  # noqa: S301 - as above
        attach = getattr(lease.manager, "attach", None)
        resource = handle if attach is None else call(attach, handle)
    except BaseException as error:
        lease.abandon(f"it could not be adopted: {type(error).__name__}: {error}")
        raise
    lease.resume(resource)


__all__ = ["adoption_key", "kept_for", "manager_of", "named", "resume"]
