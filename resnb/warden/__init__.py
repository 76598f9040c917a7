"""The warden: cleans up what has lost its owner in a ledger that many machines share."""
