"""One use of a resource outside flows: ``with DaskCluster(4) as client:``, or ``.open()``."""

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from resnb.errors import (
    CleanupError,
    GraphError,
    LeaseLost,
    NoAttributeError,
    NoValueError,
    RunError,
    shown_without_ours,
)
from resnb.graph.base.active_function import active_function
from resnb.graph.base.building import flow_being_built
from resnb.graph.base.options import refuse_unknown
from resnb.graph.base.stand_in import StandIn
from resnb.ledger import states
from resnb.ledger.clock import now
from resnb.run.held.async_hold import AsyncHold
from resnb.run.held.hold import Hold
from resnb.run.held.own_lines import GUARD
from resnb.run.held.session import SESSION, UNOPENED
from resnb.run.output.notices import notice

if TYPE_CHECKING:
    from resnb.graph.resources.resource import ResourceManager
    from resnb.ledger.kernel.lease import Lease

_H = TypeVar("_H", bound=Hold)


class HeldResource:
    """A resource with its arguments: nothing is made before ``with``, ``async with`` or `open`.

    A ``with`` block sets it up and cleans it up itself, on its own thread. With `open`, it stays
    open until `close`, a limit or the end of the process; a ``with`` block over what is open closes
    it at its end, as that of a file does. In a flow's block, such a ``with`` makes a scope, which
    joins what is open.

    Args:
        manager: the definition.
        args: its arguments.
        kwargs: likewise.

    Attributes:
        manager: the definition.
        args: see `Args`.
        kwargs: see `Args`.
        name: what lists call it.
        source: the text of its call, where a magic line has one.
        is_adopted: whether an earlier kernel has opened it; nobody knows its arguments then.

    Raises:
        OptionError: an argument is missing or surplus.
        GraphError: an argument is a handle.
    """

    is_use = True

    def __init__(
        self, manager: "ResourceManager", args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.manager = manager
        self.args, self.kwargs = args, dict(kwargs)
        self.name = manager.name
        self.source = ""
        self.is_adopted = False
        self._hold: Hold | None = None
        self._inner: list[Any] = []
        self._lock = threading.Lock()
        owner = f"resource {manager.name!r}"
        for name, value in manager.signature.assign(owner, args, kwargs)[0].items():
            if isinstance(value, StandIn):
                message = (
                    f"{owner}, argument {name!r}: {value.explained()}; outside a flow's block and "
                    "a %%flow cell a resource takes values"
                )
                raise GraphError(message)

    # ---- open for the session

    def open(self, name: str | None = None, **others: Any) -> "HeldResource":
        """Open it until `close`, a limit or the end of the process.

        If what was opened under this name is open still, with the same definition, arguments and
        options, that one is returned; if they differ, it is closed first.

        Args:
            name: what lists call it, and ``--with`` in a cell; by default the manager's name.
            **others: refused, with where to give it.

        Raises:
            OptionError: there is no such option.
            CleanupError: the one before could not be cleaned up.
            BaseException: whatever its set-up raised; nothing is left behind then.
        """
        name_of = self.manager.name
        refuse_unknown(f"open() of resource {name_of!r}", others, ("name",), name_of)
        try:
            return SESSION.open(self, name or self.manager.name)
        except Exception as error:
            shown_without_ours(error)
            raise

    def close(self) -> None:
        """Clean it up, and what was opened with its value as an argument; nothing if it is closed.

        Raises:
            RunError: it is in use by a run or a block.
            CleanupError: it could not be cleaned up; it stays listed, and is tried again.
        """
        SESSION.close(self)

    @property
    def value(self) -> Any:
        """What set-up returned, while it is open; a look at it counts as use.

        Raises:
            LeaseLost: another process has cleaned it up, or is doing so.
            NoValueError: it is not open.
        """
        lease = self.lease
        if lease is not None and lease.is_lost:
            raise LeaseLost(f"resource {self.name!r} was taken away: {lease.reason}")
        if lease is None or lease.state != states.OPEN:
            why = f" ({lease.reason})" if lease is not None and lease.reason else ""
            message = f"resource {self.name!r} is {self.state}{why}, so it has no value"
            remedy = "use it in a `with` block, or call its .open()"
            raise NoValueError(f"{message}; {remedy}")
        lease.last_used = now()
        return lease.resource

    @property
    def state(self) -> str:
        """``unopened``, ``opening``, ``open``, ``closing``, ``closed`` or ``failed``."""
        lease = self.lease
        return UNOPENED if lease is None else lease.state

    @property
    def lease(self) -> "Lease | None":
        """Its latest lease, once it has one."""
        return None if self._hold is None else self._hold.lease

    @classmethod
    def adopted(cls, manager: "ResourceManager", lease: "Lease") -> "HeldResource":
        """What an earlier kernel has opened under the name of `lease`, open for the session."""
        held = cls(manager, (), {})
        held.is_adopted = True
        held.begun(lease.name).take(lease)
        SESSION.enter(held)
        return held

    def begun(self, name: str) -> Hold:
        """A new hold, for the session."""
        self.name = name
        self._hold = Hold(self.manager, self.args, self.kwargs, name)
        self._hold.for_session = True
        return self._hold

    # ---- blocks

    def __enter__(self) -> Any:
        inner = self._in_flow()
        if inner is not None:
            value = inner.__enter__()
            self._inner.append(inner)
            return value
        if self._is_in_session:
            return self._enter_session()
        hold = self._hold_for_block(Hold)
        try:
            return hold.enter()
        except BaseException as error:
            hold.give_up()
            shown_without_ours(error)
            raise

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        try:  # with nothing before it; see `ExitGuard`
            self._leave(error)
        except BaseException:
            self._leave(error)  # what came between two lines of it has left the rest to do
            raise

    def _leave(self, error: BaseException | None) -> None:
        """End the block; what has been done is not done again."""
        if self._inner:
            try:
                self._inner[-1].__exit__(None if error is None else type(error), error, None)
            finally:
                self._inner.pop()
        elif self._is_for_session:
            self._leave_session()
        elif self._hold is not None:
            self._hold.leave(error)

    async def __aenter__(self) -> Any:
        inner = self._in_flow()
        if inner is not None:
            value = await inner.__aenter__()
            self._inner.append(inner)
            return value
        if self._is_in_session:
            return self._enter_session()
        hold = self._hold_for_block(AsyncHold)
        try:
            return await hold.enter_async()
        except Exception as error:
            shown_without_ours(error)
            raise

    async def __aexit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        if error is not None and not isinstance(error, Exception):
            shown_without_ours(error)  # what it interrupted is asyncio's
        if self._inner:
            await self._inner.pop().__aexit__(kind, error, tb)
        elif self._is_for_session:
            await asyncio.to_thread(self._leave_session)
        elif isinstance(self._hold, AsyncHold):
            await self._hold.leave_async(error)

    @property
    def _is_for_session(self) -> bool:
        return self._hold is not None and self._hold.for_session

    @property
    def _is_in_session(self) -> bool:
        """Whether it is open without a block."""
        return self._is_for_session and self.state == states.OPEN

    def _enter_session(self) -> Any:
        """Begin a block at the end of which the session's resource is closed."""
        value, lease = self.value, self.lease
        assert lease is not None
        lease.block = threading.current_thread()
        return value

    def _leave_session(self) -> None:
        if self.lease is not None:
            self.lease.block = None
        try:
            self.close()
        except CleanupError as error:
            notice(error)  # as at the end of every block

    def _in_flow(self) -> Any:
        """The scope or block that this is in a flow; None outside of flows."""
        flow, function = flow_being_built(), active_function()
        if flow is None and function is None:
            return None
        manager, args, kwargs = self.manager, self.args, self.kwargs
        if self._is_in_session:
            manager, args, kwargs = SESSION.joined(self), (), {}
        if flow is not None:
            return manager.use(args, kwargs, flow=flow)
        assert function is not None
        return function.use(manager, args, kwargs)

    def _hold_for_block(self, kind: type[_H]) -> _H:
        with self._lock:
            if self._hold is not None and self.state in (states.OPENING, states.OPEN):
                message = (
                    f"resource {self.name!r} was entered twice: write "
                    f"`with {self.manager.name}(...)` for each use"
                )
                raise RunError(message)
            hold = kind(self.manager, self.args, self.kwargs, self.manager.name)
            self._hold = hold
            return hold

    # ---- what it is not

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        call = self.manager.name
        remedy = f"write `with {call}(...) as x:`, and use x.{name}"
        if name == "options":
            remedy = f"write {call}.options(...)(...)"
        elif self._is_in_session:
            remedy = f"use its value, .value.{name}"
        message = f"resource {self.name!r} is {self.state}, and has no {name!r}: {remedy}"
        raise NoAttributeError(message)

    def __repr__(self) -> str:
        """A stable text: neither times nor addresses; what is not open says how to open it."""
        if self.state == UNOPENED:
            call = f"{self.manager.name}(...)"
            return f"<{self.name}: not open yet; write `with {call} as x:`, or {call}.open()>"
        return f"<{self.name}: {self.state}>"


GUARD.code = HeldResource.__exit__.__code__
