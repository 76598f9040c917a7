"""Records what a ``@flow`` function calls: in its flow's graph, and as rows of its run."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from resnb.errors import LeaseLost, RunError
from resnb.graph.recording import record, record_scope
from resnb.graph.resources.scope import ScopeUse
from resnb.run.functions.call_arguments import NO_ARGUMENTS, CallArguments
from resnb.run.functions.provenance import Provenance
from resnb.run.functions.scopes import INNERMOST
from resnb.run.scheduling.growth import AddedRow, Watcher
from resnb.run.scheduling.outcome import text_of
from resnb.run.scheduling.plan import PlannedScope
from resnb.states import PENDING, SUCCESS

if TYPE_CHECKING:
    from resnb.graph.function import FlowFunction
    from resnb.graph.node import Node
    from resnb.graph.tasks.task import Task
    from resnb.run.engine.execution import Execution
    from resnb.run.functions.binding import BoundCall
    from resnb.run.functions.scopes import Block

Inputs = Mapping[str, tuple[list[int], bool]]
"""By argument, the rows that it comes from, and whether it is the whole result of one."""


class Recorder:
    """Adds tasks and blocks to one run."""

    def __init__(
        self, flow: "FlowFunction", execution: "Execution", grown: Callable[[int], object]
    ) -> None:
        self.flow = flow
        self.execution = execution
        self.provenance = Provenance(holds=flow.keep_values == "all")
        self._grown = grown
        self._adding = threading.RLock()  # held while rows are added that must follow each other

    def add_parameters(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], values: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Add the function's parameters, before anything else.

        Args:
            args: the function's positional arguments.
            kwargs: its keyword arguments.
            values: gets the value of each parameter by name.

        Returns:
            The arguments, as objects that are recognised when the function passes them on.
        """
        names = self.flow.signature.positional[: len(args)]
        placed, given = dict(zip(names, args, strict=False)), dict(kwargs)
        for task in self.flow.parameter_tasks:
            known = placed if task.name in placed else given
            value = values[task.name] = known.get(task.name, task.default)
            known[task.name] = self._add_parameter(task, value)
        return (*(placed[name] for name in names), *args[len(names) :]), given

    def _add_parameter(self, task: "Task", value: Any) -> Any:
        execution = self.execution
        row = execution.scheduler.add(self.flow.nodes[task], AddedRow(NO_ARGUMENTS, None, []))
        execution.scheduler.joined += 1
        execution.table.take_over(row, SUCCESS)
        execution.values.append(value)
        del execution.plan.added[row]  # it has ended
        return self.provenance.handed_out(value, row)

    def add_task(self, call: "BoundCall", inbox: Watcher | None, watcher: Watcher | None) -> int:
        """Add a task, which runs as soon as it can; returns its row.

        Args:
            call: the task and its arguments.
            inbox: of the thread on which the code is to run; None for a worker (or where else
                such a task runs).
            watcher: is told when it has ended.

        Raises:
            LeaseLost: the resource of the block around it was taken away.
            RunError: resnb itself failed in this run.
        """
        execution = self.execution
        if execution.defect is not None:
            message = f"resnb itself failed in this run: {text_of(execution.defect)}"
            raise RunError(message)
        block, cleanup = INNERMOST.get(), -1
        if block is not None and block.rows is not None:
            cleanup = block.rows.cleanup
            if execution.table.state[cleanup] != PENDING:
                lease = execution.scopes.leases.get(ScopeUse(block))
                reason = "" if lease is None else f": {lease.reason}"
                raise LeaseLost(f"resource {block.name!r} was taken away{reason}")
        control = [execution.plan.tasks[row] for row in call.control]
        node = record(self.flow, call.task, self._sources(call.inputs), control, block)
        with self._adding:
            if block is not None:
                self._add_member(block, len(execution.plan.tasks))
            upstream = call.upstream()
            row = self._add(node, call.arguments, upstream, cleanup, inbox=inbox, watcher=watcher)
        execution.feed.drain()
        self._grown(row)
        return row

    def add_block(self, block: "Block", inputs: Inputs) -> PlannedScope:
        """Add the three tasks of `block`, and begin to set up its resource."""
        execution, around = self.execution, INNERMOST.get()
        nodes = record_scope(self.flow, block, self._sources(inputs), around)
        sources = [row for rows, _ in inputs.values() for row in rows]
        cleanup = -1 if around is None or around.rows is None else around.rows.cleanup
        with self._adding:
            init = len(execution.plan.tasks)
            setup = init + 1
            rows = block.rows = PlannedScope(block, init, setup, init + 2, block.inside)
            execution.plan.add_scope(rows)
            execution.scopes.names.add(block)
            calls = (
                (CallArguments(*block.call), sources),
                (_ResultOf(init), [init]),
                (NO_ARGUMENTS, [init, setup]),
            )
            for node, (arguments, upstream) in zip(nodes, calls, strict=True):
                execution.output.show(len(execution.plan.tasks))
                row = self._add(node, arguments, upstream, cleanup)
                if around is not None:
                    self._add_member(around, row)
        execution.feed.drain()
        self._grown(init)
        return rows

    def _add(
        self,
        node: "Node",
        arguments: Any,
        upstream: Sequence[int],
        cleanup: int,
        *,
        inbox: Watcher | None = None,
        watcher: Watcher | None = None,
    ) -> int:
        execution, watchers = self.execution, [] if watcher is None else [watcher]
        row = execution.scheduler.add(node, AddedRow(arguments, inbox, watchers))
        execution.values.append(None)
        execution.feed.put(execution.scheduler.join, row, upstream, cleanup)
        return row

    def _add_member(self, block: "Block", row: int) -> None:
        plan = self.execution.plan
        block.inside.append(row)
        assert block.rows is not None
        plan.scope_of.setdefault(row, plan.scope_of[block.rows.init])

    def _sources(self, inputs: Inputs) -> dict[str, Any]:
        tasks = self.execution.plan.tasks
        return {
            key: tasks[rows[0]] if whole else [tasks[row] for row in rows]
            for key, (rows, whole) in inputs.items()
        }


class _ResultOf:
    """The argument of a set-up: the manager that init has made."""

    def __init__(self, row: int) -> None:
        self._row = row

    def actual(self, values: Any) -> tuple[list[Any], dict[str, Any]]:
        """The value of the row."""
        return [values[self._row]], {}
