"""Adoption: this kernel takes over leases that an earlier one has kept.

A scope with ``keep`` finds the lease that the same scope of the same notebook has left: same
notebook, flow, name, definition and arguments. In every other case it takes a command that names
the lease. Either way the claim is exclusive, and the resource is rebuilt from its handle; where
that fails, the reaper cleans up.
"""

import pickle
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnb.errors import LedgerError, described, enumerated
from resnb.ledger import states
from resnb.ledger.kernel.lease import Lease, LeaseHost
from resnb.ledger.kernel.request import Caller, LeaseRequest, Limits
from resnb.ledger.kernel.thread import LeaseThread
from resnb.ledger.owner import UNKNOWN
from resnb.ledger.recipes.kinds import loaded
from resnb.ledger.recipes.pickling import pickled

if TYPE_CHECKING:
    from resnb.ledger.kernel.book import LeaseBook
    from resnb.ledger.record import LeaseRecord

_ADOPTABLE = (states.KEPT, states.OPEN)


def adoption_key(
    name: str, definition: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """The key by which a kept lease is recognised; empty if its arguments cannot be compared.

    The lease's name is that of its flow and scope; the definition was called with the arguments.
    """
    import hashlib

    from resnb.ledger.kernel.environment import notebook_name

    arguments = pickled((args, sorted(kwargs.items()))).data
    if arguments is None:
        return ""
    parts = (notebook_name(), name, _source_of(definition))
    text = "\0".join(parts).encode(errors="replace") + b"\0" + arguments
    return hashlib.sha256(text).hexdigest()


def _source_of(definition: Any) -> str:
    import inspect

    body = getattr(definition, "__resnb_body__", None)
    if body is not None:  # of a generator, whose file in a notebook is the magic line only
        return str(body.source)
    kind = definition if hasattr(definition, "__qualname__") else type(definition)
    name = f"{kind.__module__}.{kind.__qualname__}"
    try:
        if isinstance(kind, type) and kind.__module__ != "__main__":
            # to find a class in the text of a large module takes longer than most set-ups
            return f"{name} {Path(inspect.getfile(kind)).stat().st_mtime_ns}"
        return inspect.getsource(definition)
    except (OSError, TypeError):
        return name


class Adoptions:
    """Takes leases over from kernels that have ended.

    Args:
        host: the kernel that takes them over.
        book: gives its book.
    """

    def __init__(self, host: LeaseHost, book: "Callable[[], LeaseBook]") -> None:
        self._host = host
        self._book = book
        self._waiting: list[Lease] = []
        self._lock = threading.Lock()

    def by_command(self, request: LeaseRequest) -> Lease | None:
        """The open lease that a command has adopted for such a scope."""
        with self._lock:
            waiting = [one for one in self._waiting if one.state == states.OPEN]
            found = next((one for one in waiting if one.name == request.name), None)
            self._waiting = [one for one in waiting if one is not found]
        return found

    def for_scope(self, request: LeaseRequest) -> Lease | None:
        """The open lease that was adopted for such a scope, or kept by an earlier kernel."""
        found = self.by_command(request)
        if found is not None or not request.key:
            return found
        book = self._book()
        try:
            known = book.store.with_key(request.key)
        except LedgerError:  # which a new lease says in its own words
            return None
        kept = (one for one in known if one.state == states.KEPT and not one.request)
        seen = (one for one in kept if book.liveness.status(one.owner) != UNKNOWN)
        adopted = (self._adopt(book, record, request) for record in seen)
        return next((lease for lease in adopted if lease.state == states.OPEN), None)

    def by_name(self, name: str) -> Lease:
        """Take over the lease called `name`, for the next scope of that name.

        Raises:
            LedgerError: there is none, or it cannot be adopted here.
        """
        book = self._book()
        record = _left_as(book, name)
        thread = LeaseThread()
        try:
            limits = Limits(*(getattr(record, one) for one in Limits._fields))
            request = LeaseRequest(name, _manager_of(record), thread, limits=limits)
            lease = self._adopt(book, record, request)
        finally:
            thread.close()
        if lease.state != states.OPEN:
            reason = lease.reason.removeprefix("it could not be adopted: ")
            message = f"resource {name!r} could not be adopted: {reason}"
            raise LedgerError(message)
        with self._lock:
            self._waiting.append(lease)
        return lease

    def give(self, lease: Lease) -> None:
        """Leave `lease`, which was taken over by its name, to the caller: no scope gets it."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one is not lease]

    def _adopt(self, book: "LeaseBook", record: "LeaseRecord", request: LeaseRequest) -> Lease:
        """The lease of `record`; not open if somebody else was faster, or it did not attach.

        Raises:
            BaseException: adoption was interrupted, or the ledger cannot be written.
        """
        book.reaper.ensure()
        lease = Lease(self._host, request._replace(name=record.name), record.id)
        lease.entry = entry = book.entry_of(record)
        try:
            if not entry.adopt(request.limits):
                lease.forget("somebody else has adopted it")
                return lease
            self._host.enter(lease)
        except BaseException as error:
            if entry.is_owned():
                self._host.enter(lease)
                lease.abandon(f"it could not be adopted: {described(error)}")
            else:
                lease.forget("it was not adopted")
            raise
        try:
            if book.reaper.is_lost:
                with suppress(LedgerError):  # the next lease tries again
                    book.reaper.ensure()
            lease.resume(_rebuilt(lease, record, request.call))
        except BaseException as error:
            why = str(error) if isinstance(error, LedgerError) else described(error)
            lease.abandon(f"it could not be adopted: {why}")
            if not isinstance(error, Exception):
                raise  # else the user's attach failed; the lease keeps the reason
        return lease


def _left_as(book: "LeaseBook", name: str) -> "LeaseRecord":
    """The lease called `name` that a dead kernel has left.

    Raises:
        LedgerError: there is none, or it cannot be adopted.
    """
    left = [one for one in book.store.alive() if book.liveness.is_dead(one.owner)]
    found = [one for one in left if one.name == name]
    if not found:
        known = enumerated(sorted({one.name for one in left}))
        hint = f"there is {known}" if known else "nothing is"
        message = f"no resource {name!r} is left by an ended kernel to be adopted; {hint}"
        raise LedgerError(message)
    able = [
        one
        for one in found
        if one.handle is not None and one.state in _ADOPTABLE and not one.dies_with_kernel
    ]
    if not able:
        message = (
            f"resource {name!r} cannot be adopted: it is {found[0].state}, and "
            f"{found[0].unprotected or 'has left no handle'}"
        )
        raise LedgerError(message)
    return able[-1]


def _manager_of(record: "LeaseRecord") -> Any:
    """The manager in the recipe of `record`, which somebody has asked for by name.

    Raises:
        LedgerError: it cannot be loaded here.
    """
    try:
        if record.kind:
            return loaded(record.kind, record.recipe, None)[0]
        return pickle.loads(record.recipe)  # noqa: S301 - the user's own, from a private file
    except Exception as error:  # noqa: BLE001 - whatever unpickling runs
        why = f"its recipe fails with {described(error)}"
        message = f"resource {record.name!r} cannot be adopted here: {why}"
        raise LedgerError(message) from None


def _rebuilt(lease: Lease, record: "LeaseRecord", call: Caller) -> Any:
    """The resource, made from its handle by the manager's ``attach``, if there is one.

    Raises:
        LedgerError: the handle gives the clean-up what it needs, and no value.
        Exception: whatever the user's code raised.
    """
    if record.kind:
        handle = loaded(record.kind, record.recipe, record.handle)[1]
    else:
        handle = pickle.loads(record.handle or b"")  # noqa: S301 - as above
    attach = getattr(lease.manager, "attach", None)
    found = handle if attach is None else call(attach, handle)
    if lacks_value := getattr(type(found), "__resnb_no_value__", ""):
        raise LedgerError(lacks_value)
    return found
