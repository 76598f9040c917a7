"""Parameters: tasks whose value is given when the flow is run."""

from keyword import iskeyword
from typing import Any, Final

from resnb.errors import GraphError
from resnb.graph.building import BUILDING
from resnb.graph.task import Task


class _NoDefault:
    def __repr__(self) -> str:
        return "(required)"


NO_DEFAULT: Final = _NoDefault()


def _refuse_no_identifier(name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier() or iskeyword(name):
        message = (
            f"Parameter({name!r}): a parameter's name must be a Python identifier, so that "
            "flow.run(name=value) can be written"
        )
        raise GraphError(message)


class Parameter(Task):
    """A value given at run time.

    Args:
        name: the parameter's name; one flow has each name once.
        default: its value if none is given; without a default one must be given.
        required: whether a value must be given although there is a default.
        tags: labels to find it by.
    """

    kind = "parameter"

    def __init__(
        self,
        name: str,
        default: Any = NO_DEFAULT,
        required: bool | None = None,
        tags: Any = None,
    ) -> None:
        _refuse_no_identifier(name)
        self.required = default is NO_DEFAULT if required is None else required
        self.default = None if default is NO_DEFAULT else default
        super().__init__(name=name, tags=tags)
        flow = BUILDING.get().flow
        if flow is not None:
            flow.add_task(self)

    def __call__(self, *args: Any, **kwargs: Any) -> "Parameter":
        """Add this very parameter to the flow that is being built."""
        return self.bind(*args, **kwargs)

    def run(self) -> Any:
        """The default value; a run puts the given one in its place."""
        return self.default

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses."""
        return f"<Parameter: {self.name}>"


__all__ = ["NO_DEFAULT", "Parameter"]
