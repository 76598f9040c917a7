"""Processes of tests that take owners for lost sooner than others do, if a variable says so."""

import os

from resnb.ledger.store import choice

LOST_AFTER = "RESNB_TEST_LOST_AFTER"
"""Names the seconds after which an owner that does not renew has lost its leases."""


def be_hasty():
    if seconds := os.environ.get(LOST_AFTER):
        choice.LOST_AFTER = float(seconds)
