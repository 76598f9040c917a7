"""The process that holds leases for `check_resource`, and is killed in the middle of it.

It tells its parent, over a connection, what is broken and what it holds; the parent, who has the
engine, tells it how much is there.
"""

import pickle
import sys
import threading
from multiprocessing.connection import Connection

from resnb.errors import described
from resnb.testing.order import Order, code_of
from resnb.testing.orderly import Orderly
from resnb.testing.steps import Steps

SET_UP = 120.0
"""How long a set-up may take, in seconds."""
Moment = tuple[str, str, int]
"""When a kernel is killed: the moment's name, the step that it is in, and the number of that."""
IN_USE: Moment = ("in use", "", 0)


class Parent:
    """The parent's end of the connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def count(self, lease: str) -> int:
        """How many things the engine has that are tagged with a lease's id."""
        with self._lock:
            self._connection.send(("count", lease))
            return int(self._connection.recv())

    def broken(self, line: str) -> None:
        """A promise is broken."""
        with self._lock:
            self._connection.send(("broken", line))

    def holds(self, moment: str, lease: str) -> None:
        """A lease is held in the moment in which the parent kills this process."""
        with self._lock:
            self._connection.send(("holds", moment, lease))

    def chosen(self, moments: list[Moment]) -> list[Moment]:
        """Those of the moments that this process is to hold a lease in."""
        self._connection.send(("moments", moments))
        chosen: list[Moment] = self._connection.recv()
        return chosen

    def wait_to_be_killed(self) -> None:
        """All leases are held."""
        self._connection.send(("ready",))
        self._connection.recv()


class Frozen:
    """A lease that is held on a thread of its own, which stands still at one step.

    Args:
        order: the resource.
        step: ``"setup"``, ``"cleanup"``, or empty for its use.
        number: the number of the step.
    """

    def __init__(self, order: Order, step: str, number: int) -> None:
        self.error = ""
        self._held = order.held()
        self._used = order.used
        self._code = code_of(order.manager(), step) if step else None
        self._step, self._number = step, number
        self._there = threading.Event()
        threading.Thread(target=self._hold, daemon=True).start()
        if not self._there.wait(SET_UP):
            self.error = f"it took more than {SET_UP:g} s"

    @property
    def lease(self) -> str:
        """Its lease's id; empty if it has none."""
        found = self._held.lease
        return "" if found is None else str(found.id)

    def _hold(self) -> None:
        try:
            with Steps(self._code if self._step == "setup" else None, self._at):
                resource = self._held.__enter__()
            self._used(resource)
            if self._step != "cleanup":
                self._stand_still()
            with Steps(self._code, self._at):
                self._held.__exit__(None, None, None)
        except BaseException as error:  # noqa: BLE001 - the author's code
            self.error = described(error).splitlines()[0]
        self._there.set()

    def _at(self, number: int) -> None:
        if number == self._number:
            self._stand_still()

    def _stand_still(self) -> None:
        self._there.set()
        threading.Event().wait()


def hold(order: Order, parent: Parent, moments: list[Moment], *, whole: bool) -> None:
    """Hold a lease in each of some moments; if `whole`, look what another one's clean-up does.

    That comes before the moments in a clean-up, which may have removed it already.
    """
    for moment, step, number in moments:
        frozen = Frozen(order, step, number)
        if frozen.error:
            parent.broken(f"kill -9 {moment}: it could not be tried: {frozen.error}")
        else:
            parent.holds(moment, frozen.lease)
            if whole and moment == IN_USE[0]:
                leave_others(order, parent, frozen.lease)


def leave_others(order: Order, parent: Parent, lease: str) -> None:
    """Set up another one and clean it up, while `lease` is in use, which has to stay."""
    before = parent.count(lease)
    try:
        with order.held() as resource:
            order.used(resource)
    except Exception as error:  # noqa: BLE001 - the author's code
        parent.broken(f"two at a time: {described(error).splitlines()[0]}")
    if before and not parent.count(lease):
        parent.broken("clean-up: it also removes what another lease has made")


def moments_of(orderly: Orderly) -> list[Moment]:
    """The moments in which a kernel is killed."""
    made, last = orderly.first_made, orderly.setup_steps
    found: list[Moment] = (
        [("in set-up, when it is half made", "setup", made)] if 0 < made < last else []
    )
    found += [("in the last step of set-up", "setup", last)] if last else []
    found += [IN_USE]
    end = orderly.cleanup_steps
    found += [("in the first step of clean-up", "cleanup", 1)] if end else []
    return found + ([("in the last step of clean-up", "cleanup", end)] if end > 1 else [])


def main(descriptor: int, whole: str) -> None:
    """Carry out the order that the parent sends: all of it if `whole`, else to hold some leases."""
    connection = Connection(descriptor)
    sys.path[:] = connection.recv()
    order = Order(*pickle.loads(connection.recv()))  # noqa: S301 - the parent's
    parent = Parent(connection)
    moments: list[Moment] = [IN_USE]
    if whole:
        orderly = Orderly(order, parent.count, parent.broken)
        orderly.check()
        moments = moments_of(orderly) if orderly.is_made else []
    hold(order, parent, parent.chosen(moments), whole=bool(whole))
    parent.wait_to_be_killed()
