"""Takes commands of views on the kernel's control channel, while a cell is running.

Widgets' messages come in on the shell channel. Where the front end or the kernel knows no subshells
(JupyterLab before 4.4, ipykernel before 7), and for the first messages of a widget elsewhere, too,
they wait until the running cell has ended. ipykernel reads its control channel on a thread of its
own; resnb's plugin for JupyterLab and Notebook sends there what has not been answered at once.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from resnb.ledger.kernel.keeper import KEEPER
from resnb.view.wire.kinds import COMMAND_MESSAGE

Take: TypeAlias = Callable[[str, Any], object]
"""Takes the id of a widget's model, and what a view says to it."""


def take_commands(kernel: Any, take: Take) -> Callable[[], None]:
    """Let `kernel` take commands on its control channel.

    Args:
        kernel: the kernel; one without such a channel is left alone.
        take: what takes them; it must not wait for anything.

    Returns:
        A function that undoes it.
    """
    handlers = getattr(kernel, "control_handlers", None)
    if not isinstance(handlers, dict):
        return lambda: None

    def came(_stream: Any, _ident: Any, message: Mapping[str, Any]) -> None:
        content = message["content"]
        try:
            if isinstance(content, dict) and isinstance(model := content.get("model"), str):
                take(model, content.get("command"))
        finally:
            keep_busy(kernel)

    handlers[COMMAND_MESSAGE] = came

    def undo() -> None:
        if handlers.get(COMMAND_MESSAGE) is came:
            del handlers[COMMAND_MESSAGE]

    return undo


def keep_busy(kernel: Any) -> None:
    """Once the present message is dealt with, say again that a cell is running, if one is.

    The kernel says *idle* after each message on the control channel and to a subshell. Front ends,
    and servers that end idle kernels, take that for the state of its cells.
    """
    with suppress(RuntimeError):  # no message, but a call of a program's
        asyncio.get_running_loop().call_soon(_say_busy, kernel)


def _say_busy(kernel: Any) -> None:
    if KEEPER.activity.is_busy:
        kernel.session.send(
            kernel.iopub_socket,
            "status",
            {"execution_state": "busy"},
            parent=kernel.get_parent("shell"),
            ident=f"kernel.{kernel.ident}.status".encode(),
        )
