"""How a record is kept in a row of the store, and read from one."""

import json
from typing import Any

from resnb.ledger.owner import from_text
from resnb.ledger.record import Environment, Record

FIELDS = Record._fields
"""The columns."""


def to_row(record: Record) -> list[Any]:
    """All columns of a record."""
    return [to_column(name, value) for name, value in record._asdict().items()]


def to_column(name: str, value: Any) -> Any:
    """The value of field `name` as it is kept."""
    if name in ("owner", "claimant", "cleaner"):
        return None if value is None else value.to_text()
    if name in ("environment", "around"):
        return json.dumps(value)
    return int(value) if isinstance(value, bool) else value


def readable(row: tuple[Any, ...]) -> Record | None:
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
    return Record(**values)


__all__ = ["FIELDS", "readable", "to_column", "to_row"]
