"""The form for a flow's parameters: which fields it has, and what a front end may fill in.

Values come as JSON from a front end, so they are never evaluated: a parameter takes what JSON
has, in the kind that its default has.
"""

from typing import TYPE_CHECKING, Any

from resnb.errors import OptionError
from resnb.view.live.frames import Frame
from resnb.view.names import message, shown

if TYPE_CHECKING:
    from resnb.graph.flow import Flow
    from resnb.graph.tasks.parameter import Parameter

LONGEST = 2_000
"""Characters of a default that a form shows for editing."""


def form(flow: "Flow") -> Frame:
    """What a view needs to ask for the parameters of `flow`."""
    fields = sorted(flow.parameters(), key=list(flow.nodes).index)
    return {"frame": "form", "fields": [_field(one) for one in fields]}


def _field(parameter: "Parameter") -> dict[str, Any]:
    default = parameter.default
    plain = default is None or isinstance(default, bool | int | float)
    editable = plain or (isinstance(default, str) and len(default) <= LONGEST)
    return {
        "name": parameter.name,
        "required": parameter.required,
        "kind": type(default).__name__ if default is not None else "text",
        "editable": editable,
        "default": default if editable else message(_spelled(default)),
    }


def _spelled(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - the user's own __repr__
        return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"


def checked(flow: "Flow", values: Any) -> dict[str, Any]:
    """The parameters that a front end sent, each in the kind of its default.

    Raises:
        OptionError: one is unknown, or of another kind.
    """
    if not isinstance(values, dict):
        raise OptionError("parameters must be a table of names and values")
    known = {one.name: one for one in flow.parameters()}
    unknown = sorted(str(name) for name in values if name not in known)
    if unknown:
        raise OptionError(f"flow {flow.name!r} has no parameter {shown(unknown[0])!r}")
    return {name: _as_default(known[name], value) for name, value in values.items()}


def _as_default(parameter: "Parameter", value: Any) -> Any:
    default = parameter.default
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is None or type(value) is type(default) or value is None:
        return value
    raise OptionError(
        f"parameter {parameter.name!r} takes {type(default).__name__}, not {type(value).__name__}"
    )


__all__ = ["checked", "form"]
