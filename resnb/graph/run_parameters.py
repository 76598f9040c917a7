"""The parameter values that a run is given."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resnb.errors import OptionError
from resnb.unsupported import NEEDLESS, RUN_OPTIONS, refuse

if TYPE_CHECKING:
    from resnb.graph.structure import Structure


def given_parameters(
    flow: "Structure", parameters: Mapping[str, Any] | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """The values, given as one mapping or as keywords.

    Raises:
        OptionError: one was given twice, or is an option that Prefect's runs have.
    """
    unknown = {name: value for name, value in params.items() if name not in flow.parameter_names}
    refuse(f"the run of flow {flow.name!r}", unknown, RUN_OPTIONS)
    passing = unknown.keys() & (RUN_OPTIONS.keys() | NEEDLESS)
    params = {name: value for name, value in params.items() if name not in passing}
    twice = set(parameters or ()) & params.keys()
    if twice:
        message = f"parameter {min(twice)!r} was given twice"
        raise OptionError(message)
    return {**(parameters or {}), **params}
