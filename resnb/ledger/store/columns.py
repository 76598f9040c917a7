"""How a record is kept in a row of the store, and read from one.

Times are kept by the clock of the database. Where that is `ahead` of this process's clock, they
are moved on the way in and out, so that processes which disagree about the time agree about a
lease.
"""

import json
from collections.abc import Mapping
from typing import Any

from resnb.ledger.owner import from_text
from resnb.ledger.record import Environment, Record

FIELDS = Record._fields
"""The columns."""
TIMES = frozenset({"created", "used", "keep_until", "next_try", "ended"})
"""The columns with a time, in seconds since the epoch; 0 is none."""


def to_columns(values: Mapping[str, Any], ahead: float = 0.0) -> dict[str, Any]:
    """Values of fields as they are kept."""
    row = {name: to_column(name, value) for name, value in values.items()}
    if ahead:
        row |= {name: row[name] + ahead for name in TIMES & row.keys() if row[name]}
    return row


def to_column(name: str, value: Any) -> Any:
    """The value of field `name` as it is kept."""
    if name in ("owner", "claimant", "cleaner"):
        return None if value is None else value.to_text()
    if name in ("environment", "around"):
        return json.dumps(value)
    if isinstance(value, str):
        return _text(value)
    return int(value) if isinstance(value, bool) else value


def _text(value: str) -> str:
    """`value`, with what no database takes for text spelled out, such as bytes of a path."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def readable(row: tuple[Any, ...], ahead: float = 0.0) -> Record | None:
    """The record of a row, unless somebody has written nonsense into it."""
    values = dict(zip(FIELDS, row, strict=True))
    try:
        python, prefix, path, folder, variables = json.loads(values["environment"])
        values["environment"] = Environment(
            str(python), str(prefix), tuple(map(str, path)), str(folder),
            tuple((str(key), str(value)) for key, value in variables),
        )  # fmt: skip
        values["owner"] = from_text(values["owner"])
        for name in ("claimant", "cleaner"):
            values[name] = None if values[name] is None else from_text(values[name])
        values["around"] = tuple(map(str, json.loads(values["around"])))
        values["dies_with_kernel"] = bool(values["dies_with_kernel"])
        values["can_find"] = bool(values["can_find"])
    except (ValueError, TypeError, KeyError):
        return None
    if ahead:
        values |= {name: values[name] - ahead for name in TIMES if values[name]}
    return Record(**values)


__all__ = ["FIELDS", "TIMES", "readable", "to_column", "to_columns"]
