"""What holds for every test of ready-made resources: no lease is left open."""

import pytest

from resnb.ledger.kernel.keeper import KEEPER
from tests.resources.aws import aws, credentials, endpoint, moto_url  # noqa: F401 - fixtures
from tests.resources.spark_server import spark_connect  # noqa: F401 - likewise


@pytest.fixture(autouse=True)
def nothing_left_open():
    yield
    left = KEEPER.alive()
    KEEPER.close(left, budget=5.0)
    assert [lease.name for lease in left] == []
