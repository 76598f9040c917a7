"""``%load_ext resnb`` and ``%unload_ext resnb``: everything that a notebook needs, and back."""

from typing import TYPE_CHECKING, Any

from resnb.graph.flow import Flow
from resnb.ledger.admin.startup_sweep import sweep_soon
from resnb.notebook.cells.pickled_shell import let_shells_pickle
from resnb.notebook.completion import matcher
from resnb.notebook.display import bundle
from resnb.notebook.kernel_hooks import count_cells_as_use, wrap_shutdown
from resnb.notebook.magics import FlowMagics
from resnb.notebook.session import Session
from resnb.notebook.tracebacks import call_cells_by_name

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTRIBUTE = "_resnb_unload"
_SESSION = "_resnb_session"


def load(shell: Any) -> None:
    """Add magics, completion and the kernel's shutdown hook; prints nothing, works twice."""
    unload(shell)
    session = shell.__dict__.get(_SESSION) or Session(shell.user_ns)
    setattr(shell, _SESSION, session)  # flows outlive %reload_ext
    shell.register_magics(FlowMagics(shell, session))
    let_shells_pickle(type(shell))
    undo: list[Callable[[], None]] = [call_cells_by_name(shell), count_cells_as_use(shell)]
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        ours = matcher(session)
        completer.custom_matchers.append(ours)
        undo.append(lambda: completer.custom_matchers.remove(ours))
    forms = shell.display_formatter.mimebundle_formatter
    forms.for_type(Flow, bundle)
    undo.append(lambda: forms.pop(Flow))
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        undo.append(wrap_shutdown(kernel))
    setattr(shell, _ATTRIBUTE, undo)
    sweep_soon()


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
