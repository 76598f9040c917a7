"""All ends by their names: of processes, and of whole containers."""

from typing import Final

from .containers.ends import CONTAINER_ENDS
from .process_ends import PROCESS_ENDS
from .scene import End

ENDS: Final[dict[str, End]] = {**PROCESS_ENDS, **CONTAINER_ENDS}
