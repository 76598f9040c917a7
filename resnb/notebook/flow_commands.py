"""What the buttons of a flow's widget do: run, cancel, clean up, look inside.

Values come as JSON from a front end, so they are never evaluated: a parameter takes what JSON
has, in the kind that its default has. Errors go back to the view in one line.
"""

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any

from resnb.errors import OptionError, ResnbError, RunError
from resnb.graph.flow import Flow
from resnb.graph.parameter import Parameter
from resnb.ledger.keeper import KEEPER
from resnb.notebook.closing import LIMIT, reasons
from resnb.run.flow_run import active_run
from resnb.run.memory import memory_of
from resnb.view.frames import Frame
from resnb.view.names import message

COMMANDS = frozenset({"run", "cancel", "cleanup"})


class FlowCommands:
    """Carries out the commands of one flow's views, one after the other, on a thread of its own.

    Args:
        flow: the flow.
        tell: sends a frame to the views.
    """

    def __init__(self, flow: Flow, tell: Callable[[Frame], object]) -> None:
        self._flow = flow
        self._tell = tell
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def post(self, job: Callable[[], object]) -> None:
        """Do `job` after those that were posted before."""
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="resnb-widget", daemon=True)
            self._thread.start()

    def take(self, what: str, content: Mapping[str, Any]) -> None:
        """Carry out one of `COMMANDS`, soon."""
        if what == "run":
            self.post(lambda: self._run(content.get("parameters") or {}))
        elif what == "cancel":
            self.post(self._cancel)
        else:
            self.post(self._clean_up)

    def form(self) -> Frame:
        """What a view needs to ask for parameters."""
        return {"frame": "form", "fields": [_field(one) for one in self._flow.parameters()]}

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except ResnbError as error:
                self._say(str(error))
            except Exception as error:  # noqa: BLE001 - the thread goes on for the next button
                self._say(f"{type(error).__name__}: {error}")

    def _say(self, text: str) -> None:
        self._tell({"frame": "said", "text": message(text)})

    # ---- commands

    def _run(self, values: Any) -> None:
        self._flow.start(checked(self._flow, values))

    def _cancel(self) -> None:
        run = active_run()
        if run is None or run.flow is not self._flow:
            raise RunError(f"flow {self._flow.name!r} is not running")
        run.cancel()

    def _clean_up(self) -> None:
        run = active_run()
        if run is not None and run.flow is self._flow:
            raise RunError(f"flow {self._flow.name!r} is running: cancel it, and it is cleaned up")
        memory = memory_of(self._flow)
        leases = [one for one in memory.leases() if one.state != "closed" and not one.in_use]
        left = KEEPER.close(leases, LIMIT)
        memory.open_leases.clear()
        if left:
            self._say(f"not cleaned up: {reasons(left)}")
        elif not leases:
            self._say("nothing is open")


def _field(parameter: Parameter) -> dict[str, Any]:
    default = parameter.default
    plain = default is None or isinstance(default, bool | int | float | str)
    return {
        "name": parameter.name,
        "required": parameter.required,
        "kind": type(default).__name__ if default is not None else "text",
        "editable": plain,
        "default": default if plain else message(repr(default)),
    }


def checked(flow: Flow, values: Any) -> dict[str, Any]:
    """The parameters that a front end sent, each in the kind of its default.

    Raises:
        OptionError: one is unknown, or of another kind.
    """
    if not isinstance(values, dict):
        raise OptionError("parameters must be a table of names and values")
    known = {one.name: one for one in flow.parameters()}
    unknown = sorted(str(name) for name in values if name not in known)
    if unknown:
        raise OptionError(f"flow {flow.name!r} has no parameter {message(unknown[0])!r}")
    return {name: _as_default(known[name], value) for name, value in values.items()}


def _as_default(parameter: Parameter, value: Any) -> Any:
    default = parameter.default
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is None or type(value) is type(default) or value is None:
        return value
    raise OptionError(
        f"parameter {parameter.name!r} takes {type(default).__name__}, not {type(value).__name__}"
    )


__all__ = ["COMMANDS", "FlowCommands", "checked"]
