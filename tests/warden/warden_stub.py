"""The warden, made to take owners for lost sooner, and to look more often, than usual."""

import os

from resnb.ledger.reaper import reaper, renewal
from resnb.warden import __main__, hub, leases, service
from tests.ledger.hasty import be_hasty

if __name__ == "__main__":
    be_hasty()
    leases.SOON = float(os.environ.get("RESNB_TEST_SOON", "20"))
    service.LOOK_EVERY = reaper.LOOK_LATER = renewal.RENEW_EVERY = hub.ASK_EVERY = 0.3
    __main__.main(prog_name="resnb warden")
