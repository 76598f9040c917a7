"""What of the promise shows inside one process: its orderly course, and set-ups that fail."""

import time
from collections.abc import Callable
from typing import Any

from resnb import Flow, task
from resnb.errors import LedgerError, described
from resnb.ids import LeaseId
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.managed import ManagedResource
from resnb.ledger.recipes import kinds
from resnb.run.engine.stoppable_calls import plainly
from resnb.testing.order import Order, code_of
from resnb.testing.steps import Steps

LINGERING = 10.0
"""How long the engine may go on to show what was cleaned up, in seconds."""


class StepError(Exception):
    """What a set-up fails with."""


class TriedLease:
    """The ``self.lease`` of a manager that is tried without a ledger."""

    reason = ""
    resource = None

    def __init__(self, number: int, name: str) -> None:
        self.id = LeaseId(f"{time.time_ns():016x}{number:016x}")
        self.name = name
        self.state = "opening"
        self.managed: ManagedResource
        self.kind: kinds.Kind | None = None

    def record(self, handle: Any) -> None:
        """Keep the handle, as plain data if that is what it has to be."""
        if self.kind is not None:
            self.kind.handle_data(handle)
        self.managed.handle = [handle]


class Orderly:
    """Checks a resource in this process.

    Args:
        order: the resource.
        count: how many things are tagged with a lease's id.
        broken: is told of each promise that is broken.

    Attributes:
        is_made: whether a set-up has returned.
        setup_steps: how many steps a set-up takes.
        first_made: the first of them before which the engine has something; 0 if there is none.
        cleanup_steps: how many steps a clean-up takes.
    """

    def __init__(
        self, order: Order, count: Callable[[str], int], broken: Callable[[str], Any]
    ) -> None:
        self.is_made = False
        self.setup_steps = self.first_made = self.cleanup_steps = 0
        self._order = order
        self._count = count
        self._broken = broken
        self._tried = 0

    def check(self) -> None:
        """Check all."""
        manager, managed = self._new()
        try:
            with Steps(code_of(manager, "setup"), self._look(manager.lease.id)) as steps:
                managed.set_up(plainly)
            self.setup_steps, self.is_made = steps.taken, True
            manager.lease.state = "open"
            managed.wait_until_ready("it", plainly)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the author's code
            self._broken(f"set-up and readiness: {_line(error)}")
        if self.is_made:
            self._check_open(manager, managed.value)
        self._check_cleanup(manager, managed)
        if self.is_made:
            self._check_use()
            self._check_failing()

    def _new(self) -> tuple[Any, ManagedResource]:
        manager = self._order.manager()
        self._tried += 1
        lease = manager.lease = TriedLease(self._tried, self._order.resource.name)
        lease.managed = ManagedResource(manager, lease.id, KEEPER)
        try:
            lease.kind = kinds.kind_of(manager)
        except LedgerError as error:
            if self._tried == 1:
                self._broken(f"JSON round trip: {error}")
        return manager, lease.managed

    def _look(self, lease: str) -> Callable[[int], None]:
        def look(number: int) -> None:
            if not self.first_made and self._count(lease):
                self.first_made = number

        return look

    # ---- while it is open

    def _check_open(self, manager: Any, resource: Any) -> None:
        lease: TriedLease = manager.lease
        try:
            self._order.used(resource)  # some are but a name before that
        except Exception as error:  # noqa: BLE001 - the author's code
            self._broken(f"use: {_line(error)}")
        if not self._count(lease.id):
            self._broken(
                "tag: the engine has nothing that carries the lease's id once set-up has returned: "
                "let setup tag it with self.lease.id"
            )
        find = getattr(manager, "find", None)
        if getattr(manager, "dies_with_kernel", False):
            return
        if find is None:
            self._broken("found by tag: there is no find(lease_id), so what is half made leaks")
        elif self._found(find, lease.id) is None and not _is_trusted(lease.kind):
            self._broken("found by tag: find(lease_id) does not find what is open")
        elif self._found(find, "0" * 32) is not None:
            self._broken("found by tag: find(lease_id) finds something for a lease that is unknown")
        if lease.kind is not None:
            try:
                self._check_data(lease.kind, manager, resource)
            except Exception as error:  # noqa: BLE001 - the author's code
                self._broken(f"JSON round trip: {_line(error)}")

    def _found(self, find: Callable[[str], Any], lease: str) -> Any:
        try:
            return plainly(find, lease)
        except Exception as error:  # noqa: BLE001 - the author's code
            self._broken(f"found by tag: find(lease_id) raises {_line(error)}")
            return None

    def _check_data(self, kind: kinds.Kind, manager: Any, resource: Any) -> None:
        """The manager and its handle, from what the ledger keeps; and those of another lease."""
        recipe = kinds.arguments_of(kind, manager)
        own = getattr(manager, "handle", None)
        handle = kind.handle_data(resource if own is None else own(resource))
        found, read = kinds.loaded(kind.name, recipe, handle)
        if kinds.arguments_of(kind, found) != recipe:
            self._broken("JSON round trip: a manager made of the arguments has others")
        if kind.runs_commands:
            return
        lease = manager.lease
        found.lease = foreign = TriedLease(0, lease.name)
        foreign.state = "closing"
        before = self._count(lease.id)
        try:
            attach = getattr(found, "attach", None)
            plainly(found.cleanup, read if attach is None else plainly(attach, read))
        except Exception:  # noqa: BLE001 - a refusal
            return
        if self._count(lease.id) != before:
            self._broken("found by tag: clean-up removes what another lease's handle points at")

    # ---- afterwards

    def _check_cleanup(self, manager: Any, managed: ManagedResource) -> None:
        lease: TriedLease = manager.lease
        lease.state = "closing"
        resource = managed.value
        try:
            with Steps(code_of(manager, "cleanup"), lambda _: None) as steps:
                managed.clean_up_all(plainly)
            self.cleanup_steps = steps.taken
        except Exception as error:  # noqa: BLE001 - the author's code
            self._broken(f"clean-up: {_line(error)}")
        if not self._is_gone(lease.id):
            self._broken("clean-up: it has returned, and the engine still has what set-up made")
        if not self.is_made:
            return
        try:
            plainly(manager.cleanup, resource)
        except Exception as error:  # noqa: BLE001 - likewise
            self._broken(f"clean-up twice: the second time raises {_line(error)}")
        find = getattr(manager, "find", None)
        if find is not None and self._found(find, lease.id) is not None:
            self._broken("found by tag: find(lease_id) finds something after the clean-up")

    def _is_gone(self, lease: str) -> bool:
        deadline = time.monotonic() + LINGERING
        while self._count(lease):
            if time.monotonic() > deadline:
                return False
            KEEPER.pause(0.05)
        return True

    def _check_use(self) -> None:
        seen: list[int] = []

        @task
        def look(resource: Any) -> None:
            self._order.used(resource)
            seen.append(id(resource))

        with Flow("check") as flow:
            scope = self._order.resource.use(self._order.args, self._order.kwargs, flow=flow)
            with scope as resource:
                look(resource)
                look(resource)
        state = flow.run()
        lease = [one.id for one in KEEPER.alive()]
        if not state.is_successful():
            self._broken(f"use by two tasks: {state.message}")
        elif len(seen) != 2 or len(set(seen)) != 1:  # noqa: PLR2004 - two tasks, one resource
            self._broken("use by two tasks: they did not get the same resource")
        if lease:
            self._broken("use by two tasks: it is still open after the run")

    def _check_failing(self) -> None:
        """A set-up that fails at each step, or at some that are evenly chosen."""
        for number in _chosen(self.setup_steps, self._order.steps):
            manager, managed = self._new()

            def fail(step: int, number: int = number) -> None:
                if step == number:
                    raise StepError

            try:
                with Steps(code_of(manager, "setup"), fail):
                    managed.set_up(plainly)
            except BaseException:  # noqa: BLE001, S110 - what it makes of the fault
                pass
            manager.lease.state = "closing"
            what = f"set-up that fails at its step {number} of {self.setup_steps}"
            try:
                managed.clean_up_all(plainly)
            except Exception as error:  # noqa: BLE001 - the author's code
                self._broken(f"{what}: the clean-up of what is half made raises {_line(error)}")
            if not self._is_gone(manager.lease.id):
                self._broken(f"{what}: what is half made is left")


def _chosen(steps: int, most: int | None) -> list[int]:
    if most is None or steps <= most:
        return list(range(1, steps + 1))
    return sorted({1 + i * (steps - 1) // max(1, most - 1) for i in range(most)})


def _is_trusted(kind: kinds.Kind | None) -> bool:
    """Whether its own commands have to know what is there."""
    return kind is not None and kind.runs_commands


def _line(error: BaseException) -> str:
    return described(error).splitlines()[0]
