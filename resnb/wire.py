"""Checks a message against its type: the form of what processes send each other as JSON.

A message is a `TypedDict` of texts, numbers, truth values, None, literals, lists, tuples, named
tuples, tables and other such dictionaries. It may have keys that the type does not have, so that
a newer sender can add some.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

TAGS: Final = ("frame", "do")
"""The keys that tell the variants of a union apart."""
_PLAIN: Final[Mapping[Any, tuple[tuple[type, ...], str]]] = {
    str: ((str,), "text"),
    bool: ((bool,), "truth value"),
    int: ((int,), "whole number"),
    float: ((int, float), "number"),
    NoneType: ((NoneType,), "null"),
}


class OneOf(NamedTuple):
    """The values that an `Annotated` type allows, taken from where they are defined."""

    values: tuple[object, ...]


def choices(kind: Any) -> tuple[object, ...]:
    """The values that `kind` allows, if it lists them; else empty."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    notes = kind.__metadata__ if get_origin(kind) is Annotated else ()
    return next((one.values for one in notes if isinstance(one, OneOf)), ())


def bare(field: Any) -> Any:
    """A field's type without ``Required`` or ``NotRequired``."""
    return get_args(field)[0] if str(get_origin(field)).endswith("Required") else field


def parts(kind: Any) -> tuple[Any, ...] | None:
    """The types of a tuple's items, one for each; None for a list, whose items are all alike."""
    if hasattr(kind, "_fields"):
        return tuple(get_type_hints(kind, include_extras=True).values())
    args = get_args(kind)
    return args if get_origin(kind) is tuple and args[-1] is not ... else None


def fault(kind: Any, value: object) -> str:
    """The first thing wrong with a message, such as ``nodes[3].id is missing``; "" if nothing is.

    Args:
        kind: the type that it should have.
        value: the message.
    """
    return next(_faults(kind, value, ""), "")


def _faults(kind: Any, value: object, at: str) -> Iterator[str]:
    here = at or "the message"
    origin, args = get_origin(kind), get_args(kind)
    if allowed := choices(kind):
        if not any(type(one) is type(value) and one == value for one in allowed):
            yield f"{here} is none of {', '.join(map(str, allowed))}"
    elif origin in (Union, UnionType):
        yield from _faults_of_union(args, value, at)
    elif kind in _PLAIN:
        types, name = _PLAIN[kind]
        if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
            yield f"{here} is no {name}"
    elif is_typeddict(kind) or origin is dict:
        yield from _faults_of_fields(kind, value, at)
    else:
        yield from _faults_of_items(kind, value, at)


def _faults_of_fields(kind: Any, value: object, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at or 'the message'} is no table"
    elif is_typeddict(kind):
        for name, field in get_type_hints(kind, include_extras=True).items():
            place = f"{at}.{name}" if at else name
            if name in value:
                yield from _faults(bare(field), value[name], place)
            elif name in kind.__required_keys__:
                yield f"{place} is missing"
    else:
        for key, one in value.items():
            yield from _faults(get_args(kind)[1], one, f"{at}.{key}")


def _faults_of_items(kind: Any, value: object, at: str) -> Iterator[str]:
    here = at or "the message"
    if not isinstance(value, list | tuple):
        yield f"{here} is no list"
        return
    kinds = parts(kind) or (get_args(kind)[0],) * len(value)
    if len(kinds) != len(value):
        yield f"{here} is no list of {len(kinds)}"
    for place, (one, item) in enumerate(zip(kinds, value, strict=False)):
        yield from _faults(one, item, f"{at}[{place}]")


def _faults_of_union(variants: tuple[Any, ...], value: object, at: str) -> Iterator[str]:
    if any(next(_faults(one, value, at), "") == "" for one in variants):
        return
    some = [one for one in variants if one is not NoneType]
    if len(some) == 1:
        yield from _faults(some[0], value, at)
        return
    for variant in filter(is_typeddict, some):
        hints = get_type_hints(variant, include_extras=True)
        tags = [tag for tag in TAGS if tag in hints and isinstance(value, dict)]
        if any(value.get(tag) in choices(bare(hints[tag])) for tag in tags):  # type: ignore[attr-defined]
            yield from _faults(variant, value, at)
            return
    yield f"{at or 'the message'} has none of its forms"
