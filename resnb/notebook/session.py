"""The flows of one notebook by name, and how to find or make one."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from resnb.elsewhere import Elsewhere
from resnb.errors import MagicError, NoValueError, as_word, enumerated, nearest
from resnb.events import EVENTS, Event, RunEnded, StructureChanged
from resnb.graph.flow import Flow
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.reaper_messages import Activity
from resnb.notebook.cells.deleted import DeletedCells
from resnb.notebook.cells.flow_cells import FlowCells
from resnb.notebook.cells.freshness import Freshness
from resnb.notebook.cells.mentions import refers_to
from resnb.notebook.cells.namespace import MISSING
from resnb.notebook.cells.records import BuildResult
from resnb.notebook.cells.steps import StepTask, outputs_of, picked
from resnb.notebook.conversion.ran import RanCells
from resnb.notebook.lines.names import variable_name
from resnb.run.memory import memory_of

ATTRIBUTE = "_resnb_session"
"""The attribute of IPython's shell that has the notebook's session."""


def session_of(shell: Any) -> "Session | None":
    """The session of a shell; None if the extension was not loaded."""
    return getattr(shell, ATTRIBUTE, None)


class BoundResource(NamedTuple):
    """What ``%resources open`` has bound to a variable."""

    held: Any  # the resource, which may be closed meanwhile
    lease: str  # the id of its lease
    value: Any  # the live thing


@dataclass
class AutoRuns:
    """How ``%flow auto`` runs what is stale in a flow."""

    may_cost: bool  # whether it may set up resources that cost money
    tried: str = ""  # what it has tried last


class Session:
    """The flows of one notebook, and what is open for its ordinary cells.

    Args:
        namespace: the notebook's variables.

    Attributes:
        namespace: see `Args`.
        bound: what ``%resources open`` has opened, by variable.
        auto: the flows that run what is stale after each cell, by name.
        ran: the cells that have run.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.bound: dict[str, BoundResource] = {}
        self.auto: dict[str, AutoRuns] = {}
        self._flows: dict[str, FlowCells] = {}
        self._published: dict[tuple[str, str], Any] = {}
        self._freshness: WeakKeyDictionary[Flow, Freshness] = WeakKeyDictionary()
        self._deleted = DeletedCells()
        self.ran = RanCells()
        self.ran.deleted = self._deleted.ids

    def names(self) -> list[str]:
        """The names of all flows."""
        return list(self._by_name())

    def flows(self) -> list[Flow]:
        """All flows in the order in which they were made."""
        return list(self._by_name().values())

    def cells(self) -> list[FlowCells]:
        """The flows that were built by cells."""
        return list(self._flows.values())

    def cells_of(self, flow: Flow) -> FlowCells | None:
        """The cells that built `flow`; None if none did."""
        found = self._flows.get(flow.name)
        return found if found is not None and found.flow is flow else None

    def cell_began(self, deleted: Sequence[str], running: str | None) -> None:
        """A cell begins to run; `deleted` are the ids of cells that its front end has deleted."""
        self._deleted.report(deleted, running)
        for cells in self._flows.values():
            cells.mark_deleted(self._deleted.ids)

    def find(self, name: str) -> Flow:
        """The flow called `name`.

        Raises:
            MagicError: there is none.
        """
        known = self._by_name()
        if name in known:
            return known[name]
        if near := nearest(name, known):
            hint = f"did you mean {near!r}?"
        elif known:
            hint = f"there is {enumerated([*known])}"
        else:
            hint = f"build one with %%flow {as_word(name)}"
        raise MagicError(f"there is no flow {name!r}; {hint}")

    def for_building(self, name: str) -> FlowCells:
        """The flow called `name`, made if there is none; a new one is not known before `keep`.

        A flow that Python code has made since, and bound to that name's variable, comes first.

        Raises:
            MagicError: no flow can have that name.
        """
        variable = variable_name(name)
        found = self._flows.get(name)
        if found is not None and self.namespace.get(variable) is found.flow:
            return found  # as `_by_name` would say
        flow = self._by_name().get(name)
        if found is not None and found.flow is flow:
            return found
        return FlowCells(flow or Flow(name))

    def keep(self, cells: FlowCells) -> str | None:
        """Remember a flow and bind its variable.

        Returns:
            A warning if the variable holds something else and was left alone.
        """
        flow = cells.flow
        self._flows[flow.name] = cells
        variable = variable_name(flow.name)
        held = self.namespace.get(variable)
        if held is None or held is flow or (isinstance(held, Flow) and held.name == flow.name):
            self.namespace[variable] = flow
            return None
        return (
            f"flow {flow.name!r} is not bound to {variable!r}, which holds a "
            f"value of type {type(held).__name__}; %flow {as_word(flow.name)} shows it"
        )

    def freshness(self, flow: Flow) -> Freshness:
        """What the tasks of `flow` were made of."""
        found = self._freshness.get(flow)
        return self._freshness.setdefault(flow, Freshness()) if found is None else found

    def mark_stale(self, flow: Flow) -> None:
        """Let views mark which tasks of `flow` are stale now."""
        memory, found = memory_of(flow), self.freshness(flow).stale(flow)
        if memory.stale != found:
            memory.stale = found
            EVENTS.publish(StructureChanged(flow.name))

    def take_over(self, cells: FlowCells, built: BuildResult) -> bool:
        """A cell has run again: let its step have the value of the old one if nothing has changed.

        Returns:
            Whether it has, so that all values are as good as before.
        """
        if built.rebuilt is None or built.replaced or built.dropped:
            return False
        if not self.freshness(cells.flow).rebuilt(cells.flow, built.rebuilt):
            return False
        self._bind_values(cells)
        return True

    def take_values(self, event: Event) -> None:
        """A run has ended: bind the names of its steps to their values, and note what made them."""
        cells = self._flows.get(event.flow) if isinstance(event, RunEnded) else None
        if cells is None or cells.flow.memory is None:
            return
        self.freshness(cells.flow).note(cells.flow)
        self._bind_values(cells)
        self.mark_stale(cells.flow)

    def _bind_values(self, cells: FlowCells) -> None:
        for step in cells.steps():
            state = memory_of(cells.flow).state_of(step)
            for name, value in outputs_of(step, state):
                key = cells.flow.name, name
                held = self.namespace.get(name)
                is_new = self._published.get(key, MISSING) is not value
                if is_new or isinstance(held, StepTask):  # else the notebook has changed it since
                    self.namespace[name] = self._published[key] = value
            if _is_elsewhere(state.kept):
                self._withdraw(step, cells.flow)

    def _withdraw(self, step: StepTask, flow: Flow) -> None:
        """The names of `step` are its handle again where they have a value of an earlier run."""
        for name in step.outputs:
            earlier = self._published.pop((flow.name, name), MISSING)
            if self.namespace.get(name, step) is earlier:
                self.namespace[name] = step

    def bring_values(self, text: str) -> None:
        """Fetch the values of steps that are on a cluster, and that a cell with `text` reads."""
        for cells in self._flows.values():
            for step in cells.steps():
                held = [name for name in step.outputs if self.namespace.get(name) is step]
                read = [one for one in held if refers_to(text, one, self.namespace)]
                if not read or not _is_elsewhere(memory_of(cells.flow).state_of(step).kept):
                    continue
                with suppress(NoValueError):  # it went with its cluster: the handle says so
                    value = memory_of(cells.flow).value_of(step)
                    for name in read:
                        key = cells.flow.name, name
                        self.namespace[name] = self._published[key] = picked(value, name)

    def bind(self, variable: str, held: Any) -> None:
        """Bind a variable to what `held` has opened; only cells that read it count as its use."""
        value, lease = held.value, held.lease.id
        self.namespace[variable] = value
        self.bound[variable] = BoundResource(held, lease, value)
        KEEPER.activity.own.setdefault(lease, Activity())
        self.used(variable).end()

    def used(self, variable: str) -> Activity:
        """The activity of the cells that read `variable`."""
        return KEEPER.activity.own.setdefault(self.bound[variable].lease, Activity())

    def unbind_closed(self) -> None:
        """Unbind the variables whose resources are not open any more."""
        for variable, one in list(self.bound.items()):
            if one.held.state == states.OPEN and one.held.lease.id == one.lease:
                continue
            del self.bound[variable]
            KEEPER.activity.own.pop(one.lease, None)
            if self.namespace.get(variable) is one.value:
                del self.namespace[variable]

    def _by_name(self) -> dict[str, Flow]:
        found = {name: cells.flow for name, cells in self._flows.items()}
        for variable, value in list(self.namespace.items()):
            if not isinstance(value, Flow) or variable.startswith("_"):  # IPython's outputs
                continue
            if value.name not in found or variable == _variable(value.name):
                found[value.name] = value
        return found


def _is_elsewhere(kept: Any) -> bool:
    items = kept if type(kept) is list else [kept]
    return any(isinstance(one, Elsewhere) for one in items)


def _variable(name: str) -> str | None:
    try:
        return variable_name(name)
    except MagicError:  # a flow that Python made can have any name
        return None
