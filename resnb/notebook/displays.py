"""What the code of a cached task displays, as data that can be displayed again."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from resnb.notebook.hooks import told

_UPDATE, _CLEAR = "update_display_data", "clear_output"
_KINDS = frozenset({"display_data", _UPDATE, _CLEAR})
"""Messages to the front end that are noted, so that a progress that is shown ends the same."""
_LIVE = "application/vnd.jupyter.widget-view+json"
"""What stands for a widget, which is gone with its kernel."""


class KernelDisplays:
    """The displays of a kernel.

    Args:
        shell: IPython's shell in the kernel.
    """

    def __init__(self, shell: Any) -> None:
        self._publisher = shell.display_pub

    @contextmanager
    def listening(self, note: Callable[[str], object]) -> Iterator[None]:
        """A block in which `note` is given each thing that this thread displays."""

        def hook(message: dict[str, Any]) -> dict[str, Any]:
            kind, content = message["header"]["msg_type"], message["content"]
            if kind in _KINDS and _LIVE not in content.get("data", ()):
                with told("keeping what a task displays"):
                    note(json.dumps([kind, content]))
            return message

        self._publisher.register_hook(hook)
        try:
            yield
        finally:
            self._publisher.unregister_hook(hook)

    def show(self, data: str) -> None:
        """Display what was noted."""
        with told("displaying what a task has displayed before"):
            kind, content = json.loads(data)
            if kind == _CLEAR:
                self._publisher.clear_output(content["wait"])
                return
            self._publisher.publish(
                content["data"],
                content["metadata"],
                transient=content["transient"],
                update=kind == _UPDATE,
            )
