"""Names that users give in magic lines: which are allowed, and which variable a flow's name gives.

A name that passes here can be bound in the notebook's namespace and written again on a line.
"""

import re
import unicodedata
from keyword import iskeyword

from resnb.errors import MagicError
from resnb.notebook.lines.usage import COMMAND


def identifier(text: str) -> str | None:
    """`text` as Python stores it if it is an identifier that can be assigned to, else None."""
    name = unicodedata.normalize("NFKC", text)
    return name if name.isidentifier() and not iskeyword(name) else None


def variable_name(flow_name: str) -> str:
    """The variable that holds the flow: ``dask_example`` for ``dask-example``.

    Each character that an identifier cannot hold becomes ``_``; a name that begins with a digit
    gets one in front. The name needs a letter, because IPython keeps ``_``, ``__`` and ``_1`` for
    outputs.

    Raises:
        MagicError: no flow can have this name in a notebook.
    """
    normal = unicodedata.normalize("NFKC", flow_name)
    if normal in COMMAND.commands:
        commands = ", ".join(COMMAND.commands)
        raise MagicError(
            f"{flow_name!r} is no name for a flow, since %flow reads {commands} as commands; "
            "choose another name"
        )
    if not flow_name.isprintable() or "/" in flow_name or flow_name != flow_name.strip():
        raise MagicError(
            f"{flow_name!r} is no name for a flow: it cannot hold a slash or a control character, "
            "nor begin or end with a blank"
        )
    variable = "".join(c if f"_{c}".isidentifier() else "_" for c in normal)
    if not variable.isidentifier():
        variable = f"_{variable}"
    if not re.search(r"[^\W\d_]", variable):
        raise MagicError(f"{flow_name!r} is no name for a flow: it needs a letter")
    if identifier(variable) is None:
        raise MagicError(
            f"{flow_name!r} is no name for a flow: the variable {variable!r} would be a Python "
            "keyword; choose another name"
        )
    return variable


__all__ = ["identifier", "variable_name"]
