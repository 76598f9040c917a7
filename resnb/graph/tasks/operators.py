"""Arithmetic, comparison and indexing of tasks: each adds a task to the flow.

``a >> b`` and ``a | b`` only order two tasks. Equality remains identity, because tasks are
dictionary keys; ``is_equal`` and ``is_not_equal`` add a task that compares values.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from resnb.errors import GraphTypeError

Result_co = TypeVar("Result_co", covariant=True)


def _and(left: Any, right: Any) -> Any:
    return left and right


def _or(left: Any, right: Any) -> Any:
    return left or right


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _binary(
    name: str, function: Callable[[Any, Any], Any]
) -> tuple[
    Callable[["Operators[Result_co]", object], Result_co],
    Callable[["Operators[Result_co]", object], Result_co],
]:
    def straight(self: "Operators[Result_co]", other: object) -> Result_co:
        return self._applied(function, name, self, other)

    def reflected(self: "Operators[Result_co]", other: object) -> Result_co:
        return self._applied(function, name, other, self)

    return straight, reflected


class Operators(Generic[Result_co]):
    """Python's operators, by means of `_applied` and `set_dependencies`."""

    nout: int | None = None
    name: str = ""

    def _applied(self, function: Callable[..., Any], name: str, *operands: Any) -> Result_co:
        """A task called `name` that applies `function` to the values of the operands."""
        raise NotImplementedError

    def set_dependencies(
        self,
        flow: Any = None,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Any] | None = None,
    ) -> Any:
        """Let this task run after `upstream_tasks`, and before `downstream_tasks`."""
        raise NotImplementedError

    __add__, __radd__ = _binary("Add", operator.add)
    __sub__, __rsub__ = _binary("Sub", operator.sub)
    __mul__, __rmul__ = _binary("Mul", operator.mul)
    __truediv__, __rtruediv__ = _binary("Div", operator.truediv)
    __floordiv__, __rfloordiv__ = _binary("FloorDiv", operator.floordiv)
    __mod__, __rmod__ = _binary("Mod", operator.mod)
    __pow__, __rpow__ = _binary("Pow", operator.pow)
    __and__, __rand__ = _binary("And", _and)
    __gt__, _ = _binary("GreaterThan", operator.gt)
    __ge__, _ = _binary("GreaterThanOrEqual", operator.ge)
    __lt__, _ = _binary("LessThan", operator.lt)
    __le__, _ = _binary("LessThanOrEqual", operator.le)
    is_equal, _ = _binary("Equal", operator.eq)
    is_not_equal, _ = _binary("NotEqual", operator.ne)
    or_, _ = _binary("Or", _or)
    del _

    def not_(self) -> Result_co:
        """A task whose value is ``not`` this one's."""
        return self._applied(operator.not_, "Not", self)

    def __getitem__(self, key: Any) -> Result_co:
        """A task whose value is the item `key` of this one's; `key` may be a task, too."""
        shown = getattr(key, "name", None) or repr(key)
        return self._applied(operator.getitem, f"{self.name}[{shown}]", self, key)

    def __iter__(self) -> Iterator[Result_co]:
        """A task for each of the `nout` items, for unpacking."""
        if self.nout is None:
            message = (
                f"task {self.name!r} cannot be unpacked: say how many values it returns "
                "with @task(nout=...)"
            )
            raise GraphTypeError(message)
        return (self[index] for index in range(self.nout))

    def __rshift__(self, other: object) -> object:
        """``a >> b``: `b` runs after `a`. Returns `b`, so that ``a >> b >> c`` works."""
        self.set_dependencies(downstream_tasks=_several(other))
        return other

    def __rrshift__(self, other: object) -> Any:
        """``[a, b] >> c``: `c` runs after `a` and `b`."""
        self.set_dependencies(upstream_tasks=_several(other))
        return self

    def __lshift__(self, other: object) -> object:
        """``a << b``: `a` runs after `b`. Returns `b`."""
        self.set_dependencies(upstream_tasks=_several(other))
        return other

    def __or__(self, other: object) -> object:
        """``a | b``: the same as ``a >> b``, as in Prefect."""
        return self >> other

    def __ror__(self, other: object) -> Any:
        """``[a, b] | c``: the same as ``[a, b] >> c``."""
        return self.__rrshift__(other)
