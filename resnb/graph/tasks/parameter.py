"""Parameters: tasks whose value is given when the flow runs."""

from keyword import iskeyword
from typing import Any, Final, Self

from resnb.errors import GraphError, OptionError
from resnb.graph.base.building import BUILDING
from resnb.graph.tasks.task import Task


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
        name: the parameter's name, unique in a flow.
        default: its value if none is given; without a default, a run must give one.
        required: whether a run must give a value even though there is a default.
        tags: labels to find it by.

    Attributes:
        is_wanted: whether somebody has added it, and not only made it in a flow's block. If not,
            and if no task uses it, a run needs no value for it, as in Prefect.

    Example:
        >>> with Flow("sum") as flow:
        ...     total = Parameter("a") + Parameter("b", default=10)
        >>> state = flow.run(a=1)
        >>> total.value
        11
    """

    kind = "parameter"
    is_wanted = True

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
            self.is_wanted = False

    def __call__(self, *args: Any, **kwargs: Any) -> "Parameter":
        """Add this very parameter to the flow that is being built."""
        self.is_wanted = True
        return self.bind(*args, **kwargs)

    def run(self) -> Any:
        """The default; a run uses the given value instead."""
        return self.default

    def converted(self, value: Any) -> Any:
        """The value that tasks receive for one that is given to a run."""
        return value

    def copy(self, name: str | None = None, **options: Any) -> Self:
        """The same parameter under another name, in no flow."""
        if name is not None:
            _refuse_no_identifier(name)
            options["name"] = name
        return super().copy(**options)


class DateTimeParameter(Parameter):
    """A date and time given at run time: a `datetime`, or an ISO 8601 text.

    Args:
        name: the parameter's name.
        default: its value if none is given, in either form; None if `required` is false.
        required: whether a run must give a value; by default, if there is no `default`.
        tags: labels to find it by.

    Example:
        >>> from datetime import datetime
        >>> with Flow("report") as flow:
        ...     weekday = task(datetime.weekday)(DateTimeParameter("day"))
        >>> state = flow.run(day="2024-05-31")
        >>> weekday.value  # a Friday
        4
    """

    def __init__(
        self,
        name: str,
        default: Any = NO_DEFAULT,
        required: bool | None = None,
        tags: Any = None,
    ) -> None:
        super().__init__(name, default=default, required=required, tags=tags)
        self.default = self.converted(self.default)

    def converted(self, value: Any) -> Any:
        """`value` as a `datetime`, in UTC if it has no time zone."""
        from datetime import UTC, datetime

        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                message = f"parameter {self.name!r}: {value!r} is no date and time by ISO 8601"
                raise OptionError(message) from None
        if isinstance(value, datetime) and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value
