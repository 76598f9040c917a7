"""The form for a flow's parameters, and the check of the values that come back.

Values come from a front end as JSON and are never evaluated: a parameter takes a JSON value of the
kind that its default has.
"""

from collections.abc import Mapping
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
_KINDS = {int: "int", float: "float", bool: "bool", str: "str", type(None): "text"}


def form(flow: "Flow") -> Form:
    """The frame with the parameters of `flow`."""
    fields = sorted(flow.parameters(), key=list(flow.nodes).index)
    return {"frame": "form", "fields": [_field(one) for one in fields]}


def _field(parameter: "Parameter") -> Field:
    default = parameter.default
    kind = _KINDS.get(type(default), "other")
    editable = kind != "other" and not (isinstance(default, str) and len(default) > LONGEST)
    return {
        "name": parameter.name,
        "required": parameter.required,
        "kind": kind,
        "editable": editable,
        "default": default if editable else message(_spelled(default)),
    }


def _spelled(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - the user's own __repr__
        return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"


def checked(flow: "Flow", values: Mapping[str, Value]) -> dict[str, Value]:
    """Parameters from a front end, each converted to the kind of its default.

    Raises:
        OptionError: one is unknown, or of another kind.
    """
    known = {one.name: one for one in flow.parameters()}
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise OptionError(f"flow {flow.name!r} has no parameter {shown(unknown[0])!r}")
    return {name: _as_default(known[name], value) for name, value in values.items()}


def _as_default(parameter: "Parameter", value: Value) -> Value:
    default = parameter.default
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is None or type(value) is type(default) or value is None:
        return value
    raise OptionError(
        f"parameter {parameter.name!r} takes {type(default).__name__}, not {type(value).__name__}"
    )
