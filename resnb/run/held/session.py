"""What is open for the session, by name."""

import os
import threading
from collections.abc import Hashable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from resnb.errors import CleanupError, RunError
from resnb.graph.base.signature import Signature
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.kernel_wide import SharedResource
from resnb.ledger.kernel.lease import Lease
from resnb.run.closing import close, interrupts_put_off, reasons
from resnb.run.engine.cancellation import GRACE
from resnb.run.engine.interrupts import LOOK, Interrupts, awaited
from resnb.run.engine.slots import CURRENT, Slot
from resnb.run.held.hold import Hold
from resnb.run.output.notices import notice

UNOPENED = "unopened"
"""The state of what was not opened yet."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnb.graph.resources.resource import ResourceManager

NO_ARGUMENTS = Signature((), frozenset(), frozenset(), None, None, asynchronous=False)
"""Of what is open: its arguments were given."""


class Held(Protocol):
    """A resource with its arguments; see `resnb.run.held.resource.HeldResource`."""

    manager: "ResourceManager"
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    name: str
    source: str
    is_adopted: bool

    @property
    def state(self) -> str:
        """That of its lease."""

    @property
    def lease(self) -> Lease | None:
        """Its lease, once it has one."""

    def begun(self, name: str) -> Hold:
        """A new hold, for the session."""


_Held = TypeVar("_Held", bound=Held)


class OpenResource(SharedResource):
    """What a flow joins, and never opens itself.

    Args:
        name: its name.
        lease: its lease.
    """

    def __init__(self, name: str, lease: Lease) -> None:
        super().__init__(None, ())
        self.name = name
        self.manager = lease.manager
        self.lease = lease

    def opened(self, user: Hashable, open_lease: "Callable[[], Lease]") -> Lease:
        """See `SharedResource`.

        Raises:
            RunError: it is not open any more.
        """
        state = "" if self.lease is None else self.lease.state
        if state != states.OPEN:
            message = f"resource {self.name!r} is {state}: open it again before the flow runs"
            raise RunError(message)
        return super().opened(user, open_lease)


class OpenResources:
    """The resources that are open until they are closed."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._by_name: dict[str, Any] = {}
        self._shared: dict[str, OpenResource] = {}
        self._lock = threading.RLock()

    def find(self, name: str) -> Any:
        """What is open under that name."""
        found = self._by_name.get(name)
        return found if found is not None and found.state == states.OPEN else None

    def all(self) -> list[Any]:
        """All that are open, the first one first."""
        return [one for one in tuple(self._by_name.values()) if one.state == states.OPEN]

    def open(self, held: _Held, name: str) -> _Held:
        """See `HeldResource.open`."""
        with self._lock:
            old: _Held | None = self._by_name.get(name)
            if old is not None and old.state not in (states.CLOSED, UNOPENED):
                if old is held or (old.state == states.OPEN and _is_alike(old, held)):
                    return old
                self.close(old)
            if held.state == states.OPEN:
                message = f"resource {held.name!r} is open already, so it cannot be {name!r}, too"
                raise RunError(message)
            _set_up(held.begun(name))
            self.enter(held)
            return held

    def enter(self, held: Held) -> None:
        """Know `held` under its name, now that it is open."""
        with self._lock:
            self._by_name.pop(held.name, None)
            self._by_name[held.name] = held

    def close(self, held: Held) -> None:
        """See `HeldResource.close`."""
        lease = held.lease
        if lease is None or lease.state == states.CLOSED:
            return
        inside = [one for one in KEEPER.alive() if lease in one.around]
        for one in (lease, *inside):
            if one.in_use or one.block is not None:
                message = f"resource {one.name!r} is in use: it can be closed when that has ended"
                raise RunError(message)
        limit = max(one.limits.cleanup_timeout for one in (lease, *inside))
        with interrupts_put_off():
            left = close([lease, *inside], limit)
        self._shared.pop(lease.id, None)
        if left:
            raise CleanupError(f"not cleaned up: {reasons(left)}")

    def joined(self, held: Held) -> "ResourceManager":
        """A manager for the scopes of flows that take `held`, which is open."""
        assert held.lease is not None
        manager = held.manager.options(lifetime="kernel", name=held.name)
        manager.shared = self._shared.setdefault(held.lease.id, OpenResource(held.name, held.lease))
        manager.accept(NO_ARGUMENTS)
        return manager


SESSION = OpenResources()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SESSION._forget)  # noqa: SLF001 - they are the parent's


def _is_alike(one: Held, other: Held) -> bool:
    """Whether both ask for the same: definition, options and arguments.

    What was adopted by its name is what the next one asks for, as for a scope of a flow.
    """
    if one.is_adopted:
        return True
    manager, wanted = one.manager, other.manager
    if manager.definition is not wanted.definition:
        return False
    if manager.scope_options != wanted.scope_options or one.kwargs.keys() != other.kwargs.keys():
        return False
    if manager.task_options != wanted.task_options or len(one.args) != len(other.args):
        return False
    pairs = [*zip(one.args, other.args, strict=True)]
    pairs += [(value, other.kwargs[name]) for name, value in one.kwargs.items()]
    is_same_text = bool(one.source) and one.source == other.source
    return all(_is_equal(a, b, is_same_text=is_same_text) for a, b in pairs)


def _is_equal(one: Any, other: Any, *, is_same_text: bool) -> bool:
    """Whether two arguments are the same; if nothing can tell, their source decides."""
    if one is other:
        return True
    try:
        if bool(one == other):
            return True
    except Exception:  # noqa: BLE001 - the user's values, such as arrays
        return is_same_text
    return is_same_text and type(one) is type(other) and type(one).__eq__ is object.__eq__  # type: ignore[comparison-overlap]


def _set_up(hold: Hold) -> None:
    """Set up on the lease's thread, so that no Ctrl-C reaches the processes that this starts.

    Raises:
        BaseException: what set-up raised, or a Ctrl-C; nothing is left behind.
    """
    KEEPER.watch_ends()  # here, for only the main thread can install signal handlers
    opening = _Opening(hold)
    with Interrupts(opening.stop, opening.leave) as interrupts:
        opening.interrupts = interrupts
        hold.thread.submit(opening.job)
        deadlines: list[float] = []
        while True:
            if interrupts.noted and not deadlines:  # when to say what is awaited, and to give up
                deadlines = [monotonic() + LOOK, monotonic() + GRACE]
            try:
                error = awaited(opening.over, deadlines[0] if deadlines else monotonic() + LOOK)
                break
            except Empty:
                if not deadlines:
                    continue
                if len(deadlines) > 1:
                    deadlines.pop(0)
                    _tell(hold.name)
                    continue
                error = None  # nobody waits any longer; it cleans up what it makes
                break
            except BaseException as raised:  # noqa: BLE001 - raised once set-up has ended
                interrupts.note(raised)
    if error is None and interrupts.noted:
        hold.thread.submit(hold.give_up)
    hold.release_thread()
    interrupts.deliver()
    if error is not None:
        raise error


def _tell(name: str) -> None:
    """Say what is awaited after a Ctrl-C: a set-up in C code cannot be stopped."""
    notice(
        f"interrupted: waiting for the set-up of {name!r} for up to {GRACE:g} s; interrupt again "
        "to wait for nothing"
    )


class _Opening:
    """A set-up on the lease's thread while another thread waits for it."""

    def __init__(self, hold: Hold) -> None:
        self.over: SimpleQueue[BaseException | None] = SimpleQueue()
        self.interrupts: Interrupts
        self._hold = hold
        self._outer = CURRENT.get()
        self._slot: Slot | None = None

    def job(self) -> None:
        """Set up; what is not wanted any more is cleaned up at once."""
        outer = self._outer
        slot = Slot(threading.get_ident(), None if outer is None else outer.output)
        slot.row = 0 if outer is None else max(0, outer.row)
        self._slot = slot
        token = CURRENT.set(slot)
        error: BaseException | None = None
        try:
            self._hold.set_up(slot)
        except BaseException as raised:  # noqa: BLE001 - raised by the waiting thread
            error = raised
        CURRENT.reset(token)
        if error is not None or self.interrupts.noted:
            self._hold.give_up()
        self.over.put(error)

    def stop(self) -> None:
        """Stop the user's code; called by signal handlers."""
        if self._slot is not None:
            self._slot.stop(self._slot.row)

    def leave(self) -> None:
        """End the wait, though the code goes on; it cleans up what it makes."""
        self.over.put(None)
