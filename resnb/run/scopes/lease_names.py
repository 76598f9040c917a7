"""The names of a run's leases: ``flow/variable``, numbered where that repeats."""

from collections import Counter
from collections.abc import Iterable

from resnb.graph.resources.scope import Scope, ScopeUse


class LeaseNames:
    """The names of the leases of one flow's scopes.

    Args:
        flow: the flow's name.
        scopes: its scopes; those of a ``@flow`` function are added as they are entered.
    """

    def __init__(self, flow: str, scopes: Iterable[Scope]) -> None:
        self._flow = flow
        self._counts: Counter[str] = Counter()
        self._names: dict[Scope, str] = {}
        for scope in scopes:
            self.add(scope)

    def add(self, scope: Scope) -> None:
        """Name the leases of `scope`."""
        owner = "kernel" if scope.options.lifetime == "kernel" else self._flow
        name = f"{owner}/{scope.name}"
        self._counts[name] += 1
        count = self._counts[name]
        self._names[scope] = name if count == 1 else f"{name}-{count}"

    def of(self, use: ScopeUse) -> str:
        """The name of the lease of `use`."""
        return use.named(self._names[use.scope])
