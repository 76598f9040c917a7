"""The scopes of one run: their leases, the threads of these, and what the whole kernel shares."""
