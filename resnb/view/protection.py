"""A scope's protection in words: whether it is cleaned up however the kernel ends."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from resnb.ledger.recipes.protection import KNOWN_ONCE_OPEN, protection_before
from resnb.ledger.states import CHECKING

if TYPE_CHECKING:
    from resnb.graph.resources.scope import Scope
    from resnb.ledger.recipes.recipe import Protection

UNPROTECTED = "unprotected"


def protection_text(protection: "Protection") -> str:
    """Both marks in a few words, with the reasons."""
    during, opened, is_checking = protection
    if is_checking and not opened:
        begin = f"{UNPROTECTED} during set-up: {during}; " if during else ""
        return f"{begin}{CHECKING}"
    if not during and not opened:
        return "protected"
    if during == opened:
        return f"{UNPROTECTED}: {during}"
    if opened == KNOWN_ONCE_OPEN:
        begin = f"{UNPROTECTED} during set-up: {during}" if during else "protected during set-up"
        return f"{begin}; then {KNOWN_ONCE_OPEN}"
    if not opened:
        return f"{UNPROTECTED} during set-up: {during}"
    begin = f"{UNPROTECTED} during set-up: {during}; " if during else ""
    return f"{begin}{UNPROTECTED} once open: {opened}"


def protection_texts(
    scopes: "Sequence[Scope]", labels: Sequence[str], known: "Mapping[Scope, Protection]"
) -> list[tuple[str, list[str]]]:
    """The different marks of some scopes, each with the labels of those that have it.

    Args:
        scopes: the scopes.
        labels: what they are called.
        known: the marks of leases that are open; of others it is what is known before their use.
    """
    found: dict[str, list[str]] = {}
    for scope, label in zip(scopes, labels, strict=True):
        protection = known.get(scope)
        if protection is None:
            protection = protection_before(scope.manager.resource_class)
        found.setdefault(protection_text(protection), []).append(label)
    return list(found.items())


def scope_notes(scope: "Scope") -> tuple[str, ...]:
    """The mark beside a scope's name, as far as protection is known without reading source code."""
    kind = scope.manager.resource_class
    is_quick = hasattr(kind, "__resnb_protection__")
    opened = protection_before(kind).once_open if is_quick else ""
    return () if opened in ("", KNOWN_ONCE_OPEN) else (UNPROTECTED,)
