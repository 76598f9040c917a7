"""The store's columns: made from the fields of a record, and how a row holds their values.

Times are kept by the clock of the database. Where that is `ahead` of this process's clock, they
are moved on the way in and out, so that processes which disagree about the time agree about a
lease.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.owner import Owner, from_text
from resnb.ledger.record import Environment, LeaseRecord

FIELDS: Final = LeaseRecord._fields
"""The names of the columns."""
TIMES: Final = frozenset(
    {"created", "used", "keep_until", "next_try", "ended", "nothing_since", "claim_until"}
)
"""The columns that hold a time, in seconds since the epoch; 0 is none."""
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
_LARGEST: Final = 1e15
"""Larger than any number in a record that makes sense."""
_REMEMBERED: Final = 64
"""How many owners, environments and lists that were read are remembered."""
DEFINITIONS: Final = ", ".join(
    f"{name} {_TYPES[kind]}" for name, kind in LeaseRecord.__annotations__.items()
)
"""The columns as ``create table`` defines them."""


def to_columns(values: Mapping[str, Any], ahead: float) -> dict[str, Any]:
    """The values of some fields as their columns hold them."""
    row = {name: to_column(value) for name, value in values.items()}
    if ahead:
        row |= {name: row[name] + ahead for name in TIMES & row.keys() if row[name]}
    return row


def to_column(value: Any) -> Any:
    """The value of a field as its column holds it."""
    if isinstance(value, Owner):
        return value.to_text()
    if isinstance(value, tuple):
        return json.dumps(value)
    if isinstance(value, str):
        return _text(value)
    return int(value) if isinstance(value, bool) else value


def _text(value: str) -> str:
    """`value`, with what no database takes for text spelled out, such as bytes of a path."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def from_row(row: tuple[Any, ...], ahead: float = 0.0) -> LeaseRecord | None:
    """The record of a row; None if the row holds no valid one."""
    values = dict(zip(FIELDS, row, strict=True))
    try:
        values["environment"] = _environment(values["environment"])
        values["around"] = _texts(values["around"])
        for name in _OWNERS:
            if values[name] is not None:
                values[name] = _owner(values[name])
        for name in _FLAGS:
            values[name] = bool(values[name])
    except (ValueError, TypeError, KeyError, RecursionError):  # the last of too many brackets
        return None
    if ahead:
        values |= {name: values[name] - ahead for name in TIMES if values[name]}
    is_valid = values["id"] and values["owner"] and values["state"] in states.OF_RECORDS
    numbers = (value for value in row if isinstance(value, (int, float)))
    is_possible = all(-_LARGEST < one < _LARGEST for one in numbers)  # neither infinite nor NaN
    return LeaseRecord(**values) if is_valid and is_possible else None


def owners_in(texts: Iterable[str | None]) -> list[Owner]:
    """The owners in some columns; what cannot be read is nobody."""
    found = []
    for text in texts:
        if text is not None:
            with suppress(ValueError, RecursionError):
                found.append(_owner(text))
    return found


_owner = lru_cache(_REMEMBERED)(from_text)  # many leases have the same


@lru_cache(_REMEMBERED)
def _texts(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))


@lru_cache(_REMEMBERED)
def _environment(text: str) -> Environment:
    python, prefix, path, folder, variables = json.loads(text)
    return Environment(
        str(python), str(prefix), tuple(map(str, path)), str(folder),
        tuple((str(key), str(value)) for key, value in variables),
    )  # fmt: skip
