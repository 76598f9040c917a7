"""One server for the tests of a module; each test leaves its ledger empty."""

import pytest

from resnb.ledger.store.store import Store
from tests.ledger.worlds import here
from tests.server.served import Served, end_all


@pytest.fixture(scope="module")
def server(tmp_path_factory, own_ipython_profile, no_orphans):
    served = Served(tmp_path_factory.mktemp("server"))
    yield served
    served.close()
    end_all(Store(served.home))


@pytest.fixture
def store(server):
    store = Store(server.home)
    yield store
    end_all(store)
    with store._database.transaction() as db:
        db.execute("delete from leases")


@pytest.fixture
def lease(store):
    """Adds leases to the ledger."""
    from tests.ledger.worlds import lease as made

    def add(lease_id, owner=None, **values):
        store.add(made(lease_id, owner or here(), **values))
        return lease_id

    return add
