"""The store's columns: made from the fields of a record, and how a row holds their values."""

import json
from typing import Any, Final

from resnb.ids import LeaseId
from resnb.ledger.owner import Owner, from_text
from resnb.ledger.record import Environment, LeaseRecord

FIELDS: Final = LeaseRecord._fields
"""The names of the columns."""
_OWNERS = ("owner", "claimant", "cleaner")
_FLAGS = ("dies_with_kernel", "can_find")
_TYPES: Final[dict[Any, str]] = {
    LeaseId: "text primary key",
    str: "text not null",
    Owner: "text not null",
    Owner | None: "text",
    Environment: "text not null",
    tuple[str, ...]: "text not null",
    bytes: "blob not null",
    bytes | None: "blob",
    bool: "integer not null",
    int: "integer not null",
    float: "real not null",
    float | None: "real",
}
DEFINITIONS: Final = ", ".join(
    f"{name} {_TYPES[kind]}" for name, kind in LeaseRecord.__annotations__.items()
)
"""The columns as ``create table`` defines them."""


def to_row(record: LeaseRecord) -> list[Any]:
    """The values of all columns."""
    return [to_column(value) for value in record]


def to_column(value: Any) -> Any:
    """The value of a field as its column holds it."""
    if isinstance(value, Owner):
        return value.to_text()
    if isinstance(value, tuple):
        return json.dumps(value)
    return int(value) if isinstance(value, bool) else value


def from_row(row: tuple[Any, ...]) -> LeaseRecord | None:
    """The record of a row; None if the row holds no valid one."""
    values = dict(zip(FIELDS, row, strict=True))
    try:
        python, prefix, path, folder, variables = json.loads(values["environment"])
        values["environment"] = Environment(
            str(python), str(prefix), tuple(map(str, path)), str(folder),
            tuple((str(key), str(value)) for key, value in variables),
        )  # fmt: skip
        values["around"] = tuple(map(str, json.loads(values["around"])))
        for name in _OWNERS:
            if values[name] is not None:
                values[name] = from_text(values[name])
        for name in _FLAGS:
            values[name] = bool(values[name])
    except (ValueError, TypeError, KeyError):
        return None
    return None if values["owner"] is None else LeaseRecord(**values)
