"""The values that several messages share; states and kinds come from where they are defined."""

from typing import Annotated, Final, TypeAlias

from resnb.view.palette import LEASE, TASK
from resnb.wire import OneOf

MODEL_PREFIX: Final = "resnb-"
"""How the ids of the widgets' models begin, so that a front end tells them from others."""
OUTPUT_PREFIX: Final = "resnb.output-"
"""How the ids of the models of the outputs around them begin."""
COMMAND_MESSAGE: Final = "resnb_command"
"""The type of messages on a kernel's control channel that hold a command."""

StateCode: TypeAlias = Annotated[int, OneOf(tuple(TASK))]
LeaseState: TypeAlias = Annotated[str, OneOf(tuple(LEASE))]
NodeKind: TypeAlias = Annotated[
    str, OneOf(("task", "parameter", "case", "merge", "init", "setup", "cleanup", "folded"))
]
LinkKind: TypeAlias = Annotated[str, OneOf(("data", "control", "setup", "cleanup"))]
LaneKind: TypeAlias = Annotated[str, OneOf(("scope", "worker", "loop", "more"))]
SubjectKind: TypeAlias = Annotated[str, OneOf(("node", "cluster"))]
FieldKind: TypeAlias = Annotated[
    str,
    OneOf(
        (
            "int",
            "float",
            "bool",
            "str",
            "text",
            "list",
            "dict",
            "date",
            "datetime",
            "choice",
            "other",
        )
    ),
]
Value: TypeAlias = str | float | int | bool | None
Interval: TypeAlias = tuple[float, float]
Count: TypeAlias = tuple[StateCode, int]
LeaseCount: TypeAlias = tuple[LeaseState, int]
Rows: TypeAlias = list[tuple[str, str]]
