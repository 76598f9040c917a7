"""For authors of resources: `check_resource` holds a manager to the whole promise.

>>> import os, tempfile
>>> from resnb.resources import TemporaryFolder
>>> from resnb.testing import check_resource
>>> class Folders:
...     def count(self, lease_id):
...         return sum(lease_id in name for name in os.listdir(tempfile.gettempdir()))
>>> check_resource(TemporaryFolder(), engine=Folders(), steps=2)
"""

from resnb.testing.check import BrokenPromisesError, check_resource
from resnb.testing.engine import Engine, StoppableEngine

__all__ = ["BrokenPromisesError", "Engine", "StoppableEngine", "check_resource"]
