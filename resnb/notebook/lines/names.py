"""The names that users may give on magic lines, and the variable of a flow.

A name that passes here can be bound in the notebook's namespace and written again on a line.
"""

import re
import unicodedata
from functools import lru_cache
from keyword import iskeyword

from resnb.errors import MagicError
from resnb.notebook.lines.usage import COMMAND


def identifier(text: str) -> str | None:
    """`text` as Python stores it if it is an identifier that can be assigned to, else None."""
    name = unicodedata.normalize("NFKC", text)
    return name if name.isidentifier() and not iskeyword(name) else None


@lru_cache(maxsize=64)
def variable_name(flow_name: str) -> str:
    """The variable that holds the flow: ``dask_example`` for ``dask-example``.

    Each character that an identifier cannot hold becomes ``_``; a name that begins with a digit
    gets one in front. The name needs a letter, because IPython keeps ``_``, ``__`` and ``_1`` for
    outputs.

    Raises:
        MagicError: no flow can have this name in a notebook.
    """
    normal = unicodedata.normalize("NFKC", flow_name)
    variable = "".join(c if f"_{c}".isidentifier() else "_" for c in normal)
    if not variable.isidentifier():
        variable = f"_{variable}"
    reason = None
    if normal in COMMAND.commands:
        commands = ", ".join(COMMAND.commands)
        reason = f", since %flow reads {commands} as commands; choose another name"
    elif not flow_name.isprintable() or "/" in flow_name or flow_name != flow_name.strip():
        reason = ": it cannot hold a slash or a control character, nor begin or end with a blank"
    elif not re.search(r"[^\W\d_]", variable):
        reason = ": it needs a letter"
    elif identifier(variable) is None:
        reason = f": the variable {variable!r} would be a Python keyword; choose another name"
    if reason is not None:
        raise MagicError(f"{flow_name!r} is no name for a flow{reason}")
    return variable
