"""A type for each kind of id, so that the type checker finds mix-ups.

At run time they are plain texts.
"""

from typing import NewType

LeaseId = NewType("LeaseId", str)
"""Name of one attempt to hold a resource, which is also tagged with it."""

__all__ = ["LeaseId"]
