"""``%load_ext resnb`` and ``%unload_ext resnb``: everything that a notebook needs, and back."""

from collections.abc import Callable
from typing import Any

from resnb.notebook.completion import matcher
from resnb.notebook.hooks import wrap_shutdown
from resnb.notebook.magics import FlowMagics
from resnb.notebook.session import Session

_ATTRIBUTE = "_resnb_unload"


def load(shell: Any) -> None:
    """Add magics, completion and the kernel's shutdown hook; prints nothing, works twice."""
    unload(shell)
    session = Session(shell.user_ns)
    shell.register_magics(FlowMagics(shell, session))
    undo: list[Callable[[], None]] = []
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        ours = matcher(session)
        completer.custom_matchers.append(ours)
        undo.append(lambda: completer.custom_matchers.remove(ours))
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        undo.append(wrap_shutdown(kernel))
    setattr(shell, _ATTRIBUTE, undo)


def unload(shell: Any) -> None:
    """Take everything away again; open resources stay registered for the kernel's end."""
    for step in shell.__dict__.pop(_ATTRIBUTE, ()):
        step()
    magics = shell.magics_manager.magics
    for kind, names in (("cell", ("flow", "resource")), ("line", ("flow", "resources"))):
        for name in names:
            owner = getattr(magics[kind].get(name), "__self__", None)
            if isinstance(owner, FlowMagics):
                del magics[kind][name]


__all__ = ["load", "unload"]
