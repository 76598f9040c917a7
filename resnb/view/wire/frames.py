"""All frames."""

from typing import TypeAlias

from resnb.view.wire.graph import (
    CellList,
    Delta,
    Failed,
    Failures,
    Form,
    Said,
    States,
    Structure,
    Taken,
)
from resnb.view.wire.inspector import Inspected, Logs, Preview
from resnb.view.wire.timeline import Timeline

Frame: TypeAlias = (
    Structure
    | States
    | Delta
    | Form
    | CellList
    | Said
    | Failed
    | Failures
    | Taken
    | Inspected
    | Preview
    | Logs
    | Timeline
)
