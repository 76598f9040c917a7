"""What is known about a resource's protection before its first use, and whether it is rehearsed."""

import os
from typing import Any

from resnb.errors import LedgerError
from resnb.ledger.recipes.captured import goes_by_value, parts_of_class
from resnb.ledger.recipes.handles import ends_with_process, is_found_again
from resnb.ledger.recipes.pickling import LARGEST, pickled
from resnb.ledger.recipes.recipe import Protection, blamed, not_found_again

KNOWN_ONCE_OPEN = "known once open"
"""The mark where it depends on what set-up makes."""
NO_FIND = "no find(lease_id)"
"""Why nobody can find what an interrupted set-up has made."""


REHEARSAL_VARIABLE = "RESNB_REHEARSAL"


def are_rehearsed() -> bool:
    """Whether recipes are rehearsed once their leases are open; ``RESNB_REHEARSAL=off`` says no.

    Raises:
        LedgerError: the variable has a value that means nothing.
    """
    found = os.environ.get(REHEARSAL_VARIABLE, "")
    if found not in ("", "on", "off"):
        message = f"{REHEARSAL_VARIABLE}={found!r} means nothing: set it to off, or not at all"
        raise LedgerError(message)
    return found != "off"


def protection_before(kind: Any) -> Protection:
    """The marks of a manager's class, as far as they are known without an instance.

    Args:
        kind: a class with setup and cleanup, or a manager.
    """
    if getattr(kind, "dies_with_kernel", False):
        return Protection()
    known = getattr(kind, "__resnb_protection__", None)
    if known is not None:
        during, opened = known()
        made = getattr(kind, "__resnb_makes__", lambda: None)()
        if opened is None and made is not None:
            return _protection_of(made)
        return Protection(
            NO_FIND if during is None else during, KNOWN_ONCE_OPEN if opened is None else opened
        )
    if fault := _fault_of_class(kind if isinstance(kind, type) else type(kind)):
        return Protection(fault, fault)
    during = "" if callable(getattr(kind, "find", None)) else NO_FIND
    opened = "" if callable(getattr(kind, "handle", None)) else KNOWN_ONCE_OPEN
    return Protection(during, opened)


def _protection_of(made: type) -> Protection:
    """The marks for objects of another library's class."""
    if ends_with_process(made):
        return Protection()
    if is_found_again(made):
        return Protection(NO_FIND)
    fault = not_found_again(made)
    return Protection(fault, fault)


def _fault_of_class(kind: type) -> str:
    """Why a class cannot be part of a recipe."""
    if not goes_by_value(kind):
        return ""
    found = pickled(kind)
    if found.too_large:
        return f"what {kind.__name__} uses has more than {LARGEST:,} bytes"
    if found.data is not None:
        return ""
    for part in parts_of_class(kind):
        if (one := pickled(part.value)).data is None:
            return blamed(part.label, part.value, one)
    return f"{kind.__name__} does not pickle: {found.fault}"
