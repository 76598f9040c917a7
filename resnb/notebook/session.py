"""The flows of one notebook by name, and how to find or make one."""

from typing import Any, NamedTuple

from resnb.errors import MagicError, nearest
from resnb.graph.flow import Flow
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.reaper_messages import Activity
from resnb.notebook.cells.flow_cells import FlowCells
from resnb.notebook.lines.names import variable_name


class BoundResource(NamedTuple):
    """What ``%resources open`` has bound to a variable."""

    held: Any  # the resource, which may be closed meanwhile
    lease: str  # the id of its lease
    value: Any  # the live thing


class Session:
    """The flows of one notebook, and what is open for its ordinary cells.

    Args:
        namespace: the notebook's variables.

    Attributes:
        namespace: see `Args`.
        bound: what ``%resources open`` has opened, by variable.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self.bound: dict[str, BoundResource] = {}
        self._flows: dict[str, FlowCells] = {}

    def names(self) -> list[str]:
        """The names of all flows."""
        return list(self._by_name())

    def flows(self) -> list[Flow]:
        """All flows in the order in which they were made."""
        return list(self._by_name().values())

    def cells(self) -> list[FlowCells]:
        """The flows that were built by cells."""
        return list(self._flows.values())

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
            hint = f"there is {', '.join(repr(one) for one in known)}"
        else:
            hint = f"build one with %%flow {name}"
        raise MagicError(f"there is no flow {name!r}; {hint}")

    def for_building(self, name: str) -> FlowCells:
        """The flow called `name`, made if there is none; a new one is not known before `keep`.

        A flow that Python code has made since, and bound to that name's variable, comes first.

        Raises:
            MagicError: no flow can have that name.
        """
        variable_name(name)
        flow = self._by_name().get(name)
        found = self._flows.get(name)
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
            f"{type(held).__name__}; %flow {flow.name} shows it"
        )

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


def _variable(name: str) -> str | None:
    try:
        return variable_name(name)
    except MagicError:  # a flow that Python made can have any name
        return None
