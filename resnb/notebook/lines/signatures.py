"""The signature on a ``%%flow`` or ``%%resource`` line: ``(n=2, out="x.csv")``.

Parameters are plain: a name, perhaps a default. Annotations are accepted, so that a signature can
be copied from a function, and mean nothing. ``*args``, ``**kwargs``, ``*`` and ``/`` are refused:
parameters are always passed by name.
"""

import ast
from dataclasses import dataclass

from resnb.errors import MagicError
from resnb.notebook.lines.python_source import python_fault, quoted
from resnb.syntax.parsing import parsed

_KEYWORD = "def _"


@dataclass(frozen=True)
class SignatureParameter:
    """One parameter.

    Attributes:
        name: its name.
        default_source: the text of its default, a Python expression; None if it is required.
    """

    name: str
    default_source: str | None = None


def parse_signature(group: str) -> tuple[SignatureParameter, ...]:
    """The parameters of a signature.

    Args:
        group: the text with its brackets, which match.

    Raises:
        MagicError: the text is not a signature, or has a kind of parameter that is not accepted.
    """
    source = f"{_KEYWORD}{group}: pass"
    if fault := python_fault(source, "exec"):
        if fault.reason == "invalid syntax" and source[: fault.start].rstrip()[-1] in "(,":
            raise MagicError(
                f"{quoted(fault.place)} is no parameter: write a name, or name=default"
            )
        place = f" at {quoted(fault.place)}" if fault.place else ""
        raise MagicError(f"{quoted(group)} is no signature: {fault.reason}{place}")
    function = parsed(source).body[0]
    assert isinstance(function, ast.FunctionDef), "the source is a function"
    arguments = function.args
    if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg:
        raise MagicError(
            f"the signature {quoted(group)} has *, ** or /: write plain parameters, with a default "
            "or without; they are passed by name"
        )
    names = [argument.arg for argument in arguments.args]
    defaults = [_text(source, default) for default in arguments.defaults]
    required = len(names) - len(defaults)
    return (
        *(SignatureParameter(name) for name in names[:required]),
        *map(SignatureParameter, names[required:], defaults),
    )


def _text(source: str, default: ast.expr) -> str:
    text = ast.get_source_segment(source, default) or ast.unparse(default)
    return f"({text})" if isinstance(default, ast.NamedExpr) else text


__all__ = ["SignatureParameter", "parse_signature"]
