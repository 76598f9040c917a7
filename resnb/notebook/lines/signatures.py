"""The signature on a ``%%flow`` or ``%%resource`` line: ``(n=2, out="x.csv")``.

Parameters are plain: a name, perhaps a default. Annotations are accepted, so that a signature can
be copied from a function, and mean nothing. ``*args``, ``**kwargs``, ``*`` and ``/`` are refused:
parameters are always passed by name.
"""

import ast
from dataclasses import dataclass

from resnb.errors import MagicError
from resnb.notebook.lines.lexing import lexemes, python_fault, shown
from resnb.notebook.lines.names import identifier
from resnb.syntax.parsing import parsed


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
        MagicError: the text is no signature, or has a kind of parameter that is not accepted.
    """
    source = _definition(group)
    if python_fault(source, "exec") and (fault := _fault_of_a_piece(group)):
        raise MagicError(fault)
    if fault := python_fault(source, "exec"):
        raise MagicError(f"{shown(group)} is no signature: {fault}")
    function = parsed(source).body[0]
    if not isinstance(function, ast.FunctionDef):
        raise MagicError(f"{shown(group)} is no signature")
    arguments = function.args
    if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg:
        raise MagicError(
            f"the signature {shown(group)} has *, ** or /: write plain parameters, with a default "
            "or without; they are passed by name"
        )
    names = [argument.arg for argument in arguments.args]
    defaults = [_text(source, default) for default in arguments.defaults]
    required = len(names) - len(defaults)
    return (
        *(SignatureParameter(name) for name in names[:required]),
        *map(SignatureParameter, names[required:], defaults),
    )


def _definition(group: str) -> str:
    return f"def _{group}: pass"


def _text(source: str, default: ast.expr) -> str:
    text = ast.get_source_segment(source, default) or ast.unparse(default)
    return f"({text})" if isinstance(default, ast.NamedExpr) else text


def _fault_of_a_piece(group: str) -> str | None:
    """What is wrong in a signature that does not compile, by the parameter at fault."""
    pieces = _pieces(group)
    seen: set[str] = set()
    optional = None
    while pieces:
        if not pieces[0].strip():
            return f"a parameter is missing before a comma in {shown(group)}"
        # a default may have commas of its own (lambda a, b: 0): take as few pieces as will do
        for count in range(1, len(pieces) + 1):
            piece = ",".join(pieces[:count]).strip()
            if not python_fault(_definition(f"({piece})"), "exec"):
                break
        else:
            return _fault_alone(pieces[0].strip())
        name = piece.partition("=")[0].partition(":")[0].strip()
        if name in seen:
            return f"parameter {name!r} is there twice"
        if optional is not None and "=" not in piece and not piece.startswith(("*", "/")):
            return f"parameter {name!r} has no default but follows {optional!r}, which has one"
        optional = name if "=" in piece else optional
        seen.add(name)
        pieces = pieces[count:]
    return None


def _fault_alone(piece: str) -> str:
    name, has_default, default = piece.partition("=")
    name = name.partition(":")[0].strip()
    if identifier(name) is None or not has_default:
        return f"{shown(piece)} is no parameter: write a name, or name=default"
    if not default.strip():
        return f"the default of parameter {name!r} is missing"
    fault = python_fault(default.strip()) or python_fault(_definition(f"({piece})"), "exec")
    return f"the default of parameter {name!r} is no Python expression: {shown(default)} ({fault})"


def _pieces(group: str) -> list[str]:
    inside = group[1:-1]
    cuts = [lexeme for lexeme in lexemes(inside) if lexeme.text == "," and lexeme.depth == 0]
    starts = [0, *(cut.end for cut in cuts)]
    ends = [*(cut.start for cut in cuts), len(inside)]
    pieces = [inside[start:end] for start, end in zip(starts, ends, strict=True)]
    return pieces if pieces[-1].strip() else pieces[:-1]


__all__ = ["SignatureParameter", "parse_signature"]
