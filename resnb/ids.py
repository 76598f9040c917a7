"""A type for each kind of id, so that the type checker finds mix-ups.

At run time they are plain ``int`` or ``str``.
"""

from typing import NewType

Row = NewType("Row", int)
"""Position of a task, or of one mapped child, in a run's state table."""

ScopeIndex = NewType("ScopeIndex", int)
"""Position of a resource scope in a run's plan."""

LeaseId = NewType("LeaseId", str)
"""Name of one attempt to hold a resource, which is also tagged with it."""

CellId = NewType("CellId", str)
"""Identity of a notebook cell, sent by the front end or determined by resnb."""

__all__ = ["CellId", "LeaseId", "Row", "ScopeIndex"]
