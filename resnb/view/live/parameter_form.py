"""The form for a flow's parameters, and the check of the values that come back.

Values come from a front end as JSON and are never evaluated: a parameter takes a value of the kind
that its default has.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from resnb.errors import OptionError
from resnb.view.names import message, shown
from resnb.view.wire.graph import Field, Form
from resnb.view.wire.kinds import Value

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.tasks.parameter import Parameter

LONGEST = 2_000
"""The longest default that can be edited in a form, in characters."""
MOST_CHOICES = 200
LARGEST = 2**53 - 1
"""The largest whole number that a front end reads exactly."""
_KINDS = {
    int: "int", float: "float", bool: "bool", str: "str", type(None): "text", list: "list",
    tuple: "list", dict: "dict", date: "date", datetime: "datetime",
}  # fmt: skip
_READ: dict[str, Callable[[str], Any]] = {
    "list": json.loads,
    "dict": json.loads,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}
"""How the kinds are read that are sent as a text."""


def form(flow: "Flow") -> Form:
    """The frame with the parameters of `flow`."""
    fields = sorted(flow.parameters(), key=list(flow.nodes).index)
    return {"frame": "form", "fields": [_field(one) for one in fields]}


def _field(parameter: "Parameter") -> Field:
    default = parameter.default
    kind, written = _written(default)
    if isinstance(written, str) and len(written) > LONGEST:
        kind = "other"
    editable = kind != "other"
    field: Field = {
        "name": parameter.name,
        "required": parameter.required,
        "kind": kind,
        "editable": editable,
        "default": written if editable else message(_spelled(default)),
    }
    if isinstance(default, Enum):
        field["choices"] = list(_choices(default))
    return field


def _choices(default: Enum) -> Mapping[str, Enum]:
    return type(default).__members__


def _written(default: Any) -> tuple[str, Value]:
    """The kind of a default, and the value that a form shows for it."""
    if isinstance(default, Enum):
        return ("choice" if len(type(default)) <= MOST_CHOICES else "other"), default.name
    kind = _KINDS.get(type(default), "other")
    if kind == "int" and abs(default) > LARGEST:
        return "other", None
    if kind in ("date", "datetime"):
        return kind, default.isoformat()
    if kind in ("list", "dict"):
        try:
            text = json.dumps(default, allow_nan=False)
            return (kind if type(default)(json.loads(text)) == default else "other"), text
        except Exception:  # noqa: BLE001 - what is in it need not be JSON, or comparable
            return "other", None
    return kind, default


def _spelled(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - the user's own __repr__
        return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"


def checked(flow: "Flow", values: Mapping[str, Value]) -> dict[str, Any]:
    """Parameters from a front end, each converted to the kind of its default.

    Raises:
        OptionError: one is unknown, or of another kind.
    """
    known = {one.name: one for one in flow.parameters()}
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise OptionError(f"flow {flow.name!r} has no parameter {shown(unknown[0])!r}")
    return {name: _as_default(known[name], value) for name, value in values.items()}


def _as_default(parameter: "Parameter", value: Value) -> Any:
    default = parameter.default
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind, _ = _written(default)
    if isinstance(value, str) and (kind in _READ or kind == "choice"):
        return _read(parameter, kind, value)
    if default is None or type(value) is type(default) or value is None:
        return value
    raise OptionError(
        f"parameter {parameter.name!r} takes {type(default).__name__}, not {type(value).__name__}"
    )


def _read(parameter: "Parameter", kind: str, text: str) -> Any:
    """The value that `text` stands for."""
    wanted: Any = type(parameter.default)
    try:
        found = wanted[text] if kind == "choice" else _READ[kind](text)
        if wanted is tuple and isinstance(found, list):
            found = tuple(found)
    except (ValueError, KeyError, RecursionError):
        found = None
    if type(found) is not wanted:
        raise OptionError(
            f"parameter {parameter.name!r} takes {wanted.__name__}, not {shown(text)!r}"
        )
    return found
