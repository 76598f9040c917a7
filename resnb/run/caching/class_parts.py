"""What a class holds that is no code: what counts of it, and what a library has only noted."""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

NOTED: Final = frozenset({
    "__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__firstlineno__",
    "__static_attributes__", "__dataclass_fields__", "__dataclass_params__", "__annotations__",
    "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "_abc_impl",
    "__pydantic_complete__", "__pydantic_core_schema__", "__pydantic_decorators__",
    "__pydantic_parent_namespace__", "__pydantic_serializer__", "__pydantic_setattr_handlers__",
    "__pydantic_validator__", "__signature__",
    "_value2member_map_",  # an enumeration notes there how it was called, too
    "__slotnames__",  # there once an object was copied
    "__resnb_source__",  # there once a resource was made, with the name of its cell's file
})  # fmt: skip
"""Members that say nothing, or only what others say, and differently in each process."""


_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def without_addresses(text: str) -> str:
    """A text in which objects are shown, the same in each process."""
    return _ADDRESS.sub("", text)


def annotations(found: type) -> Mapping[str, Any]:
    """The annotations of a class, of which many libraries make something."""
    try:
        return inspect.get_annotations(found)
    except Exception:  # noqa: BLE001 - they may be code, which may refer to what is not there
        return {}


def declared(found: type) -> list[tuple[Any, ...]]:
    """What the fields of a data class and the validators of a model say besides."""
    fields = vars(found).get("__dataclass_fields__", {})
    given = [(name, dict(one.metadata)) for name, one in fields.items() if one.metadata]
    decorators = vars(found).get("__pydantic_decorators__")
    kinds = [] if decorators is None else [one.name for one in dataclasses.fields(decorators)]
    return given + [
        (kind, name, one.func, one.info)
        for kind in kinds
        for name, one in getattr(decorators, kind).items()
    ]
