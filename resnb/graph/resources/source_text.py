"""The source of a generator function, and the values of its arguments."""

from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any

from resnb.syntax.body import FUTURE, GeneratorSource
from resnb.syntax.splitting import NoSplit


def source_of(function: Callable[..., Any]) -> GeneratorSource | NoSplit:
    """The source of a generator function, or why it is not known.

    A function that was made from text has it as ``__resnb_body__``. For any other, the source is
    read and compared with the code that runs.
    """
    known = getattr(function, "__resnb_body__", None)
    if isinstance(known, GeneratorSource):
        return known
    import inspect

    unknown = NoSplit("its source is not known")
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return unknown
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError, SyntaxError):
        return unknown
    signature = inspect.signature(function).parameters
    lease = signature.get("lease")
    has_lease = lease is not None and lease.kind is lease.KEYWORD_ONLY
    body = GeneratorSource(
        source="".join(lines),
        filename=function.__code__.co_filename,
        first_line=first,
        parameters=tuple(name for name in signature if not (has_lease and name == "lease")),
        is_function=True,
        has_lease=has_lease,
        flags=function.__code__.co_flags & FUTURE,
    )
    return body if _is_source_of(body, function) else NoSplit("its source has changed since")


def _is_source_of(body: GeneratorSource, function: FunctionType) -> bool:
    try:
        module = compile(body.tree(), body.filename, "exec", flags=body.flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    code = function.__code__
    shallow = bool(code.co_freevars)
    found = [one for one in _codes(module) if one.co_name == code.co_name]
    return any(
        _fingerprint(one, shallow=shallow) == _fingerprint(code, shallow=shallow) for one in found
    )


def _fingerprint(code: CodeType, *, shallow: bool) -> tuple[Any, ...]:
    """What two compilations of the same source have in common, whatever is around it.

    Instructions are left out, because they depend on what the module imports and on which names are
    free. A `shallow` fingerprint, for code with free names, also leaves out the functions inside
    and the names that the code looks up.
    """
    names = (code.co_firstlineno, code.co_varnames, code.co_cellvars)
    constants = [(type(one), one) for one in code.co_consts if not isinstance(one, CodeType)]
    if shallow:
        return (*names, *constants)
    inside = [_fingerprint(one, shallow=False) for one in _codes(code)]
    return (*names, *constants, code.co_names, *inside)


def _codes(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def given_to(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a function's parameters except ``lease``, and of its closure's variables."""
    import inspect

    bound = inspect.signature(function).bind_partial(*args, **kwargs)
    bound.apply_defaults()
    values = {name: value for name, value in bound.arguments.items() if name != "lease"}
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None) or ()
    for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=True):
        try:
            values.setdefault(name, cell.cell_contents)
        except ValueError:  # not assigned yet
            continue
    return values
