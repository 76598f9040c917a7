"""``%load_ext resnb`` and ``%unload_ext resnb``."""

from typing import Any

from resnb.events import EVENTS
from resnb.graph.flow import Flow
from resnb.graph.tasks.task import Task
from resnb.ledger.admin.startup_sweep import sweep_soon
from resnb.notebook.after_cells import look_after_cells
from resnb.notebook.cells.cell_code import let_be_empty
from resnb.notebook.cells.pickled_shell import let_shells_pickle
from resnb.notebook.completion import matcher
from resnb.notebook.control_channel import take_commands
from resnb.notebook.conversion.ran import watch
from resnb.notebook.display import bundle, take_command
from resnb.notebook.displays import KernelDisplays
from resnb.notebook.handles import explain_handles, show_value
from resnb.notebook.kernel_hooks import count_cells_as_use, mark_deleted_cells, wrap_shutdown
from resnb.notebook.left_behind import say_what_is_left
from resnb.notebook.magics import FlowMagics
from resnb.notebook.session import ATTRIBUTE as SESSION
from resnb.notebook.session import Session, session_of
from resnb.notebook.tracebacks import call_cells_by_name
from resnb.run.output.displays import DISPLAYS
from resnb.view.painter import PAINTER

_ATTRIBUTE = "_resnb_unload"


def load(shell: Any) -> None:
    """Add magics, completion, display and kernel hooks; may be repeated.

    It prints nothing, unless earlier kernels left something that nobody looks after.
    """
    unload(shell)
    session = session_of(shell) or Session(shell.user_ns)
    setattr(shell, SESSION, session)  # flows outlive %reload_ext
    shell.register_magics(FlowMagics(shell, session))
    let_shells_pickle(type(shell))
    undo = [call_cells_by_name(shell), explain_handles(shell), count_cells_as_use(shell, session)]
    undo.append(EVENTS.listen(session.take_values))
    undo.append(mark_deleted_cells(shell, session))
    undo += [watch(shell, session.ran), look_after_cells(shell, session)]
    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completion = matcher(session)
        completer.custom_matchers.append(completion)
        undo.append(lambda: completer.custom_matchers.remove(completion))
    transformers = shell.input_transformer_manager.cleanup_transforms
    transformers.insert(0, let_be_empty)
    undo.append(lambda: transformers.remove(let_be_empty))
    forms = shell.display_formatter.mimebundle_formatter
    forms.for_type(Flow, bundle)
    undo.append(lambda: forms.pop(Flow))
    values = shell.display_formatter.ipython_display_formatter
    values.for_type(Task, show_value)
    undo.append(lambda: values.pop(Task))
    kernel = getattr(shell, "kernel", None)
    PAINTER.tells_what_was_found = kernel is None
    DISPLAYS.front_end = None if kernel is None else KernelDisplays(shell)
    if kernel is not None:
        undo += [wrap_shutdown(kernel), take_commands(kernel, take_command)]
    undo.append(say_what_is_left(shell))
    setattr(shell, _ATTRIBUTE, undo)
    sweep_soon()


def unload(shell: Any) -> None:
    """Undo `load`; open resources are still cleaned up at the kernel's end."""
    for step in shell.__dict__.pop(_ATTRIBUTE, ()):
        step()
    magics = shell.magics_manager.magics
    for kind in ("cell", "line"):
        for name, function in list(magics[kind].items()):
            if isinstance(getattr(function, "__self__", None), FlowMagics):
                del magics[kind][name]
