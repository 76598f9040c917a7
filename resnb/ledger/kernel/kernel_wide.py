"""What several scopes share: one manager and one lease for the whole kernel.

Whoever comes first makes the manager and opens the lease, the others wait for that; each user
is counted once, however often its clean-up is tried.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any

from resnb.ledger import states
from resnb.ledger.kernel.lease import Lease


class SharedResource:
    """A kernel-wide resource: ``lifetime="kernel"``.

    Attributes:
        recipe: its definition.
        arguments: what the definition was called with.
        manager: the one manager object, once it was made.
        lease: its latest lease, once one was prepared.
        retired: whether the recipe was replaced.
    """

    def __init__(self, recipe: Any, arguments: tuple[Any, ...]) -> None:
        self.recipe = recipe
        self.arguments = arguments
        self.manager: Any = None
        self.lease: Lease | None = None
        self.retired = False
        self._opening = threading.Lock()
        self._counting = threading.Lock()
        self._users: dict[Hashable, Lease] = {}

    def made(self, make: Callable[[], Any]) -> Any:
        """The manager, which `make` makes if there is none yet."""
        with self._opening:
            if self.manager is None:
                self.manager = make()
            return self.manager

    def opened(self, user: Hashable, open_lease: Callable[[], Lease]) -> Lease:
        """The open lease, counted as used by `user`; `open_lease` opens it where necessary."""
        with self._opening:
            lease = self.lease
            if lease is None or lease.state != states.OPEN:
                lease = self.lease = open_lease()
            with self._counting:
                self._users[user] = lease
                lease.users.add(user)
                lease.retired = lease.retired or self.retired
            return lease

    def released(self, user: Hashable) -> Lease | None:
        """`user` no longer needs it; gives the lease if that has to be closed now."""
        with self._counting:
            lease = self._users.pop(user, None)
            if lease is None:
                return None
            lease.users.discard(user)
            return None if lease.in_use or not lease.retired else lease

    def retire(self) -> Lease | None:
        """The recipe was replaced; gives the lease if nobody uses it."""
        with self._counting:
            self.retired = True
            if self.lease is None:
                return None
            self.lease.retired = True
            unused = not self.lease.in_use and not self._opening.locked()
            return self.lease if unused else None
