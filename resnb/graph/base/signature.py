"""What a task's code accepts: inspected once for each definition, checked at each call.

The check only decides which argument belongs to which parameter, so that a missing or surplus
argument is reported where the user wrote the call.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from resnb.errors import ArgumentError, nearest
from resnb.graph.base.options import SCOPE_OPTIONS, TASK_OPTIONS, did_you_mean, elsewhere


class ShownSignature:
    """``__signature__`` of an object that is called like one of its parts, for help and tooltips.

    Args:
        part: the name of the attribute that holds that part.
    """

    def __init__(self, part: str) -> None:
        self._part = part

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            raise AttributeError("__signature__")  # a class has its own
        import inspect

        return inspect.signature(getattr(instance, self._part))


class Signature(NamedTuple):
    """The parameters of a callable (without ``self``)."""

    positional: tuple[str, ...]
    keyword_only: frozenset[str]
    required: frozenset[str]
    var_positional: str | None
    var_keyword: str | None
    asynchronous: bool
    by_position: int = -1  # how many positional arguments are a whole call; -1 if none are

    def assign(
        self, owner: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[dict[str, Any], int]:
        """Assign each argument to a parameter.

        Args:
            owner: what is being called, for errors.
            args: positional arguments.
            kwargs: keyword arguments.

        Returns:
            The arguments by name, positional ones first, and the number of positional ones.
            Arguments for ``*xs`` are named ``xs[0]``, ``xs[1]``, ...

        Raises:
            ArgumentError: an argument is missing, surplus or given twice.
        """
        names = self.positional
        count = len(args)
        if count > len(names):
            if self.var_positional is None:
                message = (
                    f"{owner} takes {len(names)} argument{'s' * (len(names) != 1)} "
                    f"({', '.join(names) or 'none'}), but {count} were given"
                )
                raise ArgumentError(message)
            extra = count - len(names)
            names = (*names, *(f"{self.var_positional}[{i}]" for i in range(extra)))
        inputs = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name in inputs:
                message = f"{owner} got argument {name!r} twice"
                raise ArgumentError(message)
            inputs[name] = value
        missing = self.required - inputs.keys()
        unknown: set[str] = set()
        if kwargs and self.var_keyword is None:
            unknown = kwargs.keys() - self.keyword_only - set(self.positional)
        if unknown:
            raise ArgumentError(self._unknown(owner, unknown, missing, inputs.keys()))
        if missing:
            message = f"{owner} is missing argument {_listed(missing, self.positional)}"
            raise ArgumentError(message)
        return inputs, count

    def _unknown(
        self, owner: str, unknown: set[str], missing: AbstractSet[str], given: AbstractSet[str]
    ) -> str:
        """The message that `owner` has no parameters of these names."""
        accepted = (*self.positional, *sorted(self.keyword_only))
        free = [name for name in accepted if name not in given]
        near = nearest(min(unknown), free) or (free[0] if len(free) == len(unknown) == 1 else "")
        names = f"{_listed(unknown, ())} (its parameters: {', '.join(accepted) or 'none'})"
        lacks = f" and is missing {_listed(missing, self.positional)}" if missing else ""
        hint = f"; did you mean {near!r}?" if near else ""
        hint = _option_hint(owner, min(unknown)) or hint
        return f"{owner} has no parameter {names}{lacks}{hint}"

    def accepts(self, name: str) -> bool:
        """Whether an argument called `name` can be passed."""
        return name in self.positional or name in self.keyword_only or self.var_keyword is not None


def _option_hint(owner: str, name: str) -> str:
    """How to give `owner` an option that was passed as an argument; empty if it is none."""
    if owner.startswith("resource ") and name in SCOPE_OPTIONS:
        return f"; it is an option: write .options({name}=...)(...)"
    if owner.startswith("task ") and name in TASK_OPTIONS:
        return f"; it is an option: write @task({name}=...), or .with_options({name}=...)(...)"
    meant = did_you_mean(elsewhere(name, owner))
    return meant and f"; {meant}"


def _listed(names: AbstractSet[str], order: tuple[str, ...]) -> str:
    ranked = sorted(names, key=lambda n: (order.index(n) if n in order else len(order), n))
    return ", ".join(repr(name) for name in ranked)


def signature_of(function: Callable[..., Any]) -> Signature:
    """The signature of `function`; one that cannot be inspected is assumed to accept anything."""
    import inspect

    asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - for objects with an async __call__
    )
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Signature((), frozenset(), frozenset(), "args", "kwargs", asynchronous)
    positional, keyword_only, required = [], set(), set()
    var_positional = var_keyword = None
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            var_positional = p.name
        elif p.kind is p.VAR_KEYWORD:
            var_keyword = p.name
        elif p.kind is p.KEYWORD_ONLY:
            keyword_only.add(p.name)
        else:
            positional.append(p.name)
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            required.add(p.name)
    return Signature(
        tuple(positional),
        frozenset(keyword_only),
        frozenset(required),
        var_positional,
        var_keyword,
        asynchronous,
        len(positional) if required.issubset(positional) else -1,
    )


def annotated_nout(function: Callable[..., Any]) -> int | None:
    """The number of items in a ``tuple[...]`` return annotation."""
    annotation = getattr(function, "__annotations__", {}).get("return")
    parts = getattr(annotation, "__args__", ())
    if getattr(annotation, "__origin__", None) is tuple and parts and parts[-1] is not Ellipsis:
        return len(parts)
    return None
