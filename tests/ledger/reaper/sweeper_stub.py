"""The sweeper, made to take owners for lost sooner than usual."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))

from resnb.ledger.reaper import renewal, sweeper
from tests.ledger.hasty import be_hasty

if __name__ == "__main__":
    be_hasty()
    renewal.RENEW_EVERY = 0.2
    sweeper.main(sys.argv[1])
