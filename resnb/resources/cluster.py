"""`DaskCluster`: a cluster of any of Dask's classes, and a client of it."""

from typing import Any

from resnb import ResourceManager
from resnb.errors import OptionError, ResnbError
from resnb.ledger.recipes.kinds import Kind


class DaskClusterManager:
    """Starts a Dask cluster and gives a client of it; closes both.

    A cluster on this machine ends with the kernel, whatever ends that. A flow's tasks run on it
    with ``DaskCluster(4).as_executor()``.

    Args:
        n_workers: the number of workers; by default what the class says.
        cluster: the class, by its import path.
        **options: more arguments of the class.

    >>> from resnb.resources import DaskCluster
    >>> with DaskCluster(1, processes=False, dashboard_address=None) as client:
    ...     print(client.submit(sum, [1, 2]).result())
    3
    """

    def __init__(
        self,
        n_workers: int | None = None,
        cluster: str = "dask.distributed.LocalCluster",
        **options: Any,
    ) -> None:
        self.n_workers, self.cluster, self.options = n_workers, cluster, options

    def setup(self) -> Any:
        """Start the cluster, and connect to it."""
        try:
            from dask.distributed import Client
        except ImportError:
            message = "DaskCluster needs Dask: pip install 'resnb[dask]'"
            raise ResnbError(message) from None
        workers = {} if self.n_workers is None else {"n_workers": self.n_workers}
        cluster = _class(self.cluster)(**workers, **self.options)
        try:
            return Client(cluster)
        except BaseException:
            cluster.close()
            raise

    def cleanup(self, client: Any) -> None:
        """Close the client and its cluster."""
        cluster = client.cluster
        client.close()
        if cluster is not None:
            cluster.close()


def _class(path: str) -> Any:
    import importlib

    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"DaskCluster: cluster={path!r} is no class that can be imported: {error}"
        raise OptionError(message) from None


DaskCluster = ResourceManager(DaskClusterManager, name="DaskCluster")

KIND = Kind("dask_cluster", DaskClusterManager, {}, None, manager=DaskCluster)
