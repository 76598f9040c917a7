"""What can be asked of a ledger from outside: lists, logs, and clean-ups."""
