"""Which trial, and what became of it; and a file that keeps such rows."""

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from . import cells
from .ends import ENDS


@dataclass(frozen=True)
class Spec:
    """Which trial.

    Attributes:
        end: a name of `ENDS`.
        moment: one of `MOMENTS`.
        kind: a name of `KINDS`.
        number: counts the trials of the same end, moment and kind.
        seed: the whole run's.
        reaper: False to take the reaper out; where a whole container ends, its successor, and the
            server's waiting.
    """

    end: str
    moment: str
    kind: str
    number: int = 0
    seed: int = 0
    reaper: bool = True

    @property
    def name(self) -> str:
        """A name that is its own among the trials of a run."""
        return f"{self.end} / {self.moment} / {self.kind} / {self.number}"

    def offset(self) -> float:
        """When, after the moment has begun, the end comes, in seconds."""
        chance = random.Random(f"{self.seed} {self.name}").random()  # noqa: S311 - no secret
        return chance * cells.length_of(self.kind, self.moment, ENDS[self.end].cleanup)


@dataclass
class Row:
    """What became of a trial.

    Attributes:
        spec: which trial.
        offset: when the end came after the moment had begun, in seconds.
        phase: the last mark before it.
        leaks: what was left behind, one line each.
        listed: what the ledger says of leases that are not closed.
        begun: how many clean-ups were begun.
        first: seconds to the first line of a clean-up in another process, if any: from the start
            of the successor, or from the kernel's death where there is none.
        late: whether the successor had something to clean up and did not begin in time.
        gone: seconds from the end until nothing was left.
        error: why the trial tells nothing; empty if it does.
    """

    spec: Spec
    offset: float = 0.0
    phase: str = ""
    leaks: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    begun: int = 0
    first: float | None = None
    late: bool = False
    gone: float | None = None
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """From plain values."""
        return cls(**{**values, "spec": Spec(**values["spec"])})


def read_rows(path: Path) -> list[Row]:
    """The rows that an earlier run has kept."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Row.of(json.loads(line)) for line in lines]


def add_row(path: Path, row: Row) -> None:
    """Keep a row."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row.as_dict()) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Keep `rows`, and no others."""
    text = "".join(json.dumps(row.as_dict()) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
