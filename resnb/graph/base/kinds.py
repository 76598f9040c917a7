"""Kinds of tasks, which are their roles in a flow."""

from typing import Final

SCOPE_KINDS: Final = frozenset({"init", "setup", "cleanup"})
"""The steps of a scope."""
NO_WORK: Final = SCOPE_KINDS | {"parameter"}
"""The kinds of tasks that are no work of the flow itself."""
