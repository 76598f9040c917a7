"""A type of its own for each kind of id, so that no two of them can be mixed up.

All are plain ``int`` or ``str`` at run time; the distinction costs nothing there.
"""

from typing import NewType

Row = NewType("Row", int)
"""Position of a task (or of one mapped child) in a run's state table."""

ScopeIndex = NewType("ScopeIndex", int)
"""Position of a resource scope in a run's plan."""

LeaseId = NewType("LeaseId", str)
"""Name of one attempt to hold a resource; also the tag given to the real thing."""

CellId = NewType("CellId", str)
"""Identity of a notebook cell, as the front end sends it or as resnb worked it out."""

__all__ = ["CellId", "LeaseId", "Row", "ScopeIndex"]
