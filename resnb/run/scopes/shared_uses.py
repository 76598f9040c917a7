"""The uses of resources that the whole kernel shares: scopes with ``lifetime="kernel"``."""

from collections.abc import Callable
from typing import Any

from resnb.graph.resources.adapters import renewed
from resnb.graph.resources.scope import ScopeUse
from resnb.ledger.kernel.keeper import Keeper
from resnb.ledger.kernel.kernel_wide import SharedResource
from resnb.ledger.kernel.lease import Lease


class SharedUses:
    """What one run uses together with other runs and flows."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._resources: dict[ScopeUse, SharedResource] = {}

    def manager(self, use: ScopeUse, arguments: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The shared manager for `use`, which `make` makes if nobody has made it yet."""
        manager = use.scope.manager
        shared: SharedResource = manager.shared
        if shared is None:
            shared = self._keeper.shared(manager.resource_class, arguments)
        self._resources[use] = shared
        try:
            return shared.made(make)
        except BaseException:
            self._keeper.unshare(shared)
            raise

    def opened(self, use: ScopeUse, manager: Any, open_lease: Callable[[Any], Lease]) -> Lease:
        """The open lease that `use` shares; `open_lease` opens it, by a manager, if there is none.

        `manager` is what the init task has given, which is shared unless another one is.
        """
        shared = self._resources.get(use)
        if shared is None:  # the manager was given to the run
            shared = SharedResource(use.scope.manager.resource_class, ())
            shared.manager = manager
            self._resources[use] = shared

        def opened() -> Lease:
            shared.manager = renewed(shared.manager)
            return open_lease(shared.manager)

        return shared.opened((self, use), opened)

    def share(self, use: ScopeUse) -> None:
        """Let others find the resource of `use`, which closing an earlier lease has ended."""
        self._keeper.share(self._resources[use])

    def unshare(self, use: ScopeUse) -> None:
        """Let others make a resource of their own, because that of `use` hangs."""
        if (shared := self._resources.get(use)) is not None:
            self._keeper.unshare(shared)

    def released(self, use: ScopeUse) -> Lease | None:
        """`use` has ended; returns its lease if that is retired, and this was its last user."""
        shared = self._resources.get(use)
        return None if shared is None else shared.released((self, use))

    def released_all(self) -> list[Lease]:
        """All uses have ended; returns the leases that are to be closed."""
        found = [self.released(use) for use in list(self._resources)]
        return [lease for lease in found if lease is not None]
